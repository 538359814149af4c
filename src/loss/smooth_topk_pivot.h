/* Algorithm pivot for one sample. */
#ifndef SMOOTH_TOPK_PIVOT_H
#define SMOOTH_TOPK_PIVOT_H

#include "smooth_topk_sample.h"

/* Writes the loss and, unless NULL, the gradient. scratch: smooth_topk_pivot_scratch bytes. */
void smooth_topk_by_pivot(const smooth_topk_sample *sample, float *loss, float *grad,
                          char *scratch);
size_t smooth_topk_pivot_scratch(int classes, int k);

#endif
