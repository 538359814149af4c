/* Algorithm pivot for any k. */
#ifndef SMOOTH_TOPK_ANY_K_H
#define SMOOTH_TOPK_ANY_K_H

#include "smooth_topk_sample.h"

/* Writes the loss and, unless NULL, the gradient. Of the sample neither top nor top_scores is read,
   and its pivot may be any score, provided the k-th largest is at most 2^16 below it in units of
   k tau. scratch: smooth_topk_any_k_scratch bytes. */
void smooth_topk_any_k(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch);
size_t smooth_topk_any_k_scratch(int classes, int k);

/* Whether a term always needs the largest scores: k is small, the hinge, or algorithm log. */
int smooth_topk_needs_selection(const smooth_topk_params *params);

/* For a term that does not always need them, and scores that lie near each other: the same without
   the largest scores. Reads of the sample neither pivot nor top. Returns 0, with nothing written,
   where the scores do not lie near each other, or one is NaN or +inf. */
int smooth_topk_without_selection(const smooth_topk_sample *sample, float *loss, float *grad,
                                  char *scratch);

#endif
