/* What the two ways of algorithm pivot share. */
#ifndef SMOOTH_TOPK_PIVOT_H
#define SMOOTH_TOPK_PIVOT_H

#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"

/* Writes the loss. Returns the size of the gradient, sigmoid(q)/k. log_ratio = log(sigma_k /
   sigma_{k-1}) of the scores relative to sample->pivot. */
static inline double smooth_topk_finish_loss(const smooth_topk_sample *sample, double log_ratio,
                                             float *loss)
{
    const smooth_topk_params *params = sample->params;
    double q = smooth_topk_q(log_ratio, sample->scores[sample->label], sample->pivot, params->k,
                             params->tau, params->alpha);
    *loss = (float)(params->tau * smooth_topk_softplus(q));
    return smooth_topk_sigmoid(q) / params->k;
}

/* Any k. Of the sample neither top nor top_scores is read, and its pivot may be any score, provided
   the k-th largest is at most 2^16 below it in units of k tau. */
void smooth_topk_any_k(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch);
size_t smooth_topk_any_k_scratch(int classes, int k);

#endif
