/* Rows of one label each, computed side by side, a row in each lane of a vector: selection,
   merges and logarithms, which cost the same for any number of classes, are done for as many rows
   at once as there are lanes.
   For short rows and small k. */
#ifndef SMOOTH_TOPK_LANES_H
#define SMOOTH_TOPK_LANES_H

#include "smooth_topk_label.h"

enum { SMOOTH_TOPK_MOST_LANES = 16 };

/* Up to as many rows as there are lanes. A row's numbers do not depend on the others. */
typedef struct {
    int count;
    const float *scores[SMOOTH_TOPK_MOST_LANES]; /* classes */
    int labels[SMOOTH_TOPK_MOST_LANES];          /* 0 .. classes-1 */
    float margins[SMOOTH_TOPK_MOST_LANES];       /* factors on every alpha, finite, >= 0 */
    float loss_factors[SMOOTH_TOPK_MOST_LANES], gradient_factors[SMOOTH_TOPK_MOST_LANES];
    float *loss[SMOOTH_TOPK_MOST_LANES]; /* written */
    float *grad[SMOOTH_TOPK_MOST_LANES]; /* classes, written; all NULL: not wanted */
    int alone[SMOOTH_TOPK_MOST_LANES];   /* written: 1 for rows that smooth_topk_of_label must do */
} smooth_topk_lane_rows;

/* How many rows go side by side; 0 where the terms or the number of classes are not for that. */
int smooth_topk_lanes(const smooth_topk_terms *terms);

/* As smooth_topk_of_label for each of the rows. Those with a score that is not finite, with
   equal ones among the largest, or whose products cancel in float, are only marked. scratch:
   smooth_topk_lanes_scratch bytes. */
void smooth_topk_of_lanes(const smooth_topk_terms *terms, smooth_topk_lane_rows *rows,
                          char *scratch);
size_t smooth_topk_lanes_scratch(const smooth_topk_terms *terms);

#endif
