/* The loss of a sample and the size of its gradient, from log(sigma_k / sigma_{k-1}) (smooth_topk.h
   has the equations). */
#ifndef SMOOTH_TOPK_FORMULAS_H
#define SMOOTH_TOPK_FORMULAS_H

#include "smooth_topk_compile.h"

#include <float.h>
#include <math.h>

/* log2(e) and log(2). */
#define SMOOTH_TOPK_LOG2_E 1.4426950408889634
#define SMOOTH_TOPK_LN_2 0.6931471805599453

/* With a temperature below the smallest normal float the loss is computed as the hard hinge, from
   which it differs by less than 1e-38. */
SMOOTH_TOPK_FUNCTION int smooth_topk_is_hinge(float tau)
{
    return tau < FLT_MIN;
}

/* A score relative to the pivot, in units of k tau. */
SMOOTH_TOPK_FUNCTION double smooth_topk_z(float score, float pivot, int k, float tau)
{
    return ((double)score - (double)pivot) / ((double)k * (double)tau);
}

/* The same where 1 / (k tau) is known. */
SMOOTH_TOPK_FUNCTION double smooth_topk_scaled_z(float score, float pivot, double inverse_k_tau)
{
    return ((double)score - (double)pivot) * inverse_k_tau;
}

/* What a distance from the pivot is multiplied by for a power of 2: log2(e) / (k tau). */
SMOOTH_TOPK_FUNCTION double smooth_topk_rate(int k, float tau)
{
    return SMOOTH_TOPK_LOG2_E / ((double)k * (double)tau);
}

/* The margin's part of q, of one label or of a row. */
SMOOTH_TOPK_FUNCTION double smooth_topk_margin(double alpha, float tau)
{
    return alpha / (double)tau;
}

/* q of the loss; log_ratio = log(sigma_k / sigma_{k-1}) of the scores relative to the pivot. */
SMOOTH_TOPK_FUNCTION double smooth_topk_q(double log_ratio, float label_score, float pivot, int k,
                                          float tau, float alpha)
{
    return smooth_topk_margin(alpha, tau) - smooth_topk_z(label_score, pivot, k, tau) + log_ratio;
}

SMOOTH_TOPK_FUNCTION double smooth_topk_softplus(double q)
{
    return q > 0 ? q + log1p(exp(-q)) : log1p(exp(q));
}

SMOOTH_TOPK_FUNCTION double smooth_topk_sigmoid(double q)
{
    return q > 0 ? 1 / (1 + exp(-q)) : exp(q) / (1 + exp(q));
}

/* The softplus, and in *sigmoid its slope, with one exponential. */
SMOOTH_TOPK_FUNCTION double smooth_topk_softplus_and_sigmoid(double q, double *sigmoid)
{
    double e = exp(-fabs(q));
    *sigmoid = (q > 0 ? 1 : e) / (1 + e);
    return (q > 0 ? q : 0) + log1p(e);
}

/* t' of an entry of a row of truth, from w t of that entry and sum, that of all: a part `smoothing`
   of it goes to the other classes. */
SMOOTH_TOPK_FUNCTION float smooth_topk_smoothed_truth(float weighted, double sum, float smoothing,
                                                      int classes)
{
    if (smoothing == 0) return weighted;
    double others = smoothing / (classes - 1.0);
    return (float)((1 - (double)smoothing - others) * weighted + others * sum);
}

/* The hard top-k hinge before its max with 0. */
SMOOTH_TOPK_FUNCTION double smooth_topk_hinge(float kth_score, float label_score, int k,
                                              float alpha)
{
    return (double)alpha + ((double)kth_score - (double)label_score) / k;
}

#endif
