/* One sample as the algorithms get it, and the loss of it. */
#ifndef SMOOTH_TOPK_SAMPLE_H
#define SMOOTH_TOPK_SAMPLE_H

#include "instruction_set.h"
#include "smooth_topk.h"
#include "smooth_topk_formulas.h"

/* A sample with a label, without NaN or +inf, with finite scores of the label and the pivot; tau is
   not so small that the loss is the hinge. */
typedef struct {
    const smooth_topk_params *params;
    instruction_set set; /* of the vector loops */
    int classes;
    const float *scores;
    int label;
    float pivot;    /* the k-th largest score but the label's */
    const int *top; /* the classes of the k largest scores but the label's, in no order */
    const float *top_scores;
} smooth_topk_sample;

/* Writes the loss. Returns the size of the gradient, sigmoid(q)/k. log_ratio = log(sigma_k /
   sigma_{k-1}) of the scores relative to sample->pivot. */
static inline double smooth_topk_finish_loss(const smooth_topk_sample *sample, double log_ratio,
                                             float *loss)
{
    const smooth_topk_params *params = sample->params;
    double q = smooth_topk_q(log_ratio, sample->scores[sample->label], sample->pivot, params->k,
                             params->tau, params->alpha);
    double sigmoid, softplus = smooth_topk_softplus_and_sigmoid(q, &sigmoid);
    *loss = (float)(params->tau * softplus);
    return sigmoid / params->k;
}

#endif
