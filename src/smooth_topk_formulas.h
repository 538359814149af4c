/* The formulas that the CPU and the GPU share: what a sample's loss and gradient are made of. */
#ifndef SMOOTH_TOPK_FORMULAS_H
#define SMOOTH_TOPK_FORMULAS_H

#include <float.h>
#include <math.h>

#ifdef __CUDACC__
#define SMOOTH_TOPK_FUNCTION static inline __host__ __device__
#else
#define SMOOTH_TOPK_FUNCTION static inline
#endif

/* What a score's bits say. Asked of the bits because -ffast-math lets a compiler assume the answer.
 */
SMOOTH_TOPK_FUNCTION int smooth_topk_is_nan_or_plus_inf(unsigned bits)
{
    return (bits & 0x7f800000u) == 0x7f800000u && bits != 0xff800000u;
}

SMOOTH_TOPK_FUNCTION int smooth_topk_is_minus_inf(unsigned bits)
{
    return bits == 0xff800000u;
}

/* A temperature below the smallest normal float is the hard hinge, of which it is within 1e-38. */
SMOOTH_TOPK_FUNCTION int smooth_topk_is_hinge(float tau)
{
    return tau < FLT_MIN;
}

/* A score relative to the pivot, in units of k tau. */
SMOOTH_TOPK_FUNCTION double smooth_topk_z(float score, float pivot, int k, float tau)
{
    return ((double)score - (double)pivot) / ((double)k * (double)tau);
}

/* q of the loss; log_ratio = log(sigma_k / sigma_{k-1}) of the scores relative to the pivot. */
SMOOTH_TOPK_FUNCTION double smooth_topk_q(double log_ratio, float label_score, float pivot, int k,
                                          float tau, float alpha)
{
    return (double)alpha / (double)tau - smooth_topk_z(label_score, pivot, k, tau) + log_ratio;
}

SMOOTH_TOPK_FUNCTION double smooth_topk_softplus(double q)
{
    return q > 0 ? q + log1p(exp(-q)) : log1p(exp(q));
}

SMOOTH_TOPK_FUNCTION double smooth_topk_sigmoid(double q)
{
    return q > 0 ? 1 / (1 + exp(-q)) : exp(q) / (1 + exp(q));
}

/* The hard top-k hinge before its max with 0. */
SMOOTH_TOPK_FUNCTION double smooth_topk_hinge(float kth_score, float label_score, int k,
                                              float alpha)
{
    return (double)alpha + ((double)kth_score - (double)label_score) / k;
}

/* A class's factor 1 + e x, freed of the greater of its two coefficients: logarithms of the two. */
SMOOTH_TOPK_FUNCTION double smooth_topk_log_left_out(double z)
{
    return z > 0 ? -z : 0;
}

SMOOTH_TOPK_FUNCTION double smooth_topk_log_chosen(double z)
{
    return z > 0 ? 0 : z;
}

#endif
