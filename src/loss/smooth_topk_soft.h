/* The loss of a row with several labels, of all terms. */
#ifndef SMOOTH_TOPK_SOFT_H
#define SMOOTH_TOPK_SOFT_H

#include "smooth_topk_label.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 0 for the hard hinge and algorithm log, whose rows of several labels are done label by label. */
int smooth_topk_can_be_at_once(const smooth_topk_params *params);

/* Loss and gradient of one row: sum_i weights[i] sum_j weight_j L_j(scores, i), with every term's
   alpha times margins[i] (NULL: 1). The weights are changed meanwhile, and restored. scratch:
   smooth_topk_labels_scratch bytes. */
void smooth_topk_of_labels(const smooth_topk_terms *terms, const float *scores, float *weights,
                           const float *margins, float *loss, float *grad, char *scratch);
size_t smooth_topk_labels_scratch(const smooth_topk_terms *terms);

#ifdef __cplusplus
}
#endif

#endif
