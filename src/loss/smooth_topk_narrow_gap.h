/* The loss of a row with several labels, all labels at once. */
#ifndef SMOOTH_TOPK_NARROW_GAP_H
#define SMOOTH_TOPK_NARROW_GAP_H

#include "smooth_topk_soft_row.h"

#include <stddef.h>

/* For any gap, in units of k tau, up to WIDE_GAP. Writes the gradient. scratch:
   smooth_topk_narrow_gap_scratch bytes. */
void smooth_topk_narrow_gap(soft_row *row, double gap, float *grad, char *scratch);
size_t smooth_topk_narrow_gap_scratch(int classes, int k);

#endif
