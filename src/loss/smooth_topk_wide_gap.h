/* The loss of a row with several labels whose k best classes are chosen with probability 1. */
#ifndef SMOOTH_TOPK_WIDE_GAP_H
#define SMOOTH_TOPK_WIDE_GAP_H

#include "smooth_topk_soft_row.h"

/* In units of k tau: e^-45 of n classes is nothing beside 1, in double. */
#define WIDE_GAP 45

/* For a gap of more than WIDE_GAP. Writes the gradient; scratch: classes floats. */
void smooth_topk_wide_gap(soft_row *row, float *grad, float *scratch);

#endif
