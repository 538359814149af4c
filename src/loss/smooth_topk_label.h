/* The loss of one label for one row of scores, all terms. */
#ifndef SMOOTH_TOPK_LABEL_H
#define SMOOTH_TOPK_LABEL_H

#include "instruction_set.h"
#include "smooth_topk.h"

/* The terms of a loss and the vector loops they are computed with. The terms are checked. */
typedef struct {
    const smooth_topk_term *terms;
    int count, classes;
    instruction_set set;
} smooth_topk_terms;

/* Loss and, unless NULL, gradient of one row: sum_j weight_j L_j(scores, label) with every term's
   alpha times `margin` (finite, >= 0). 0 <= label < classes. scratch: smooth_topk_label_scratch
   bytes. */
void smooth_topk_of_label(const smooth_topk_terms *terms, const float *scores, int label,
                          float margin, float *loss, float *grad, char *scratch);
size_t smooth_topk_label_scratch(const smooth_topk_terms *terms);

#endif
