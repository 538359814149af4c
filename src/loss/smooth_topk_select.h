/* The k largest scores of a row. */
#ifndef SMOOTH_TOPK_SELECT_H
#define SMOOTH_TOPK_SELECT_H

#include "instruction_set.h"

/* Finds the k largest scores but the label's: top, top_scores: k, top_scores[0] the least of them.
   1 <= k < classes, or k <= classes with label = classes: none; maxima: classes floats of scratch.
   Returns -1 if a score is NaN or +inf, else 0. */
int smooth_topk_find_top(instruction_set set, const float *scores, int classes, int label, int k,
                         int *top, float *top_scores, float *maxima);

#endif
