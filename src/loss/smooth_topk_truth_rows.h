/* Rows of truth: the contents of one, and the loop over a batch of them. */
#ifndef SMOOTH_TOPK_TRUTH_ROWS_H
#define SMOOTH_TOPK_TRUTH_ROWS_H

#include "smooth_topk_batch.h"

/* What a row of truth holds; label and weight are those of the first entry that is not 0. */
typedef struct {
    int entries, label, is_bad; /* is_bad: a NaN or an infinity */
    float weight;
} smooth_topk_truth_row;

/* A batch of rows of truth, as smooth_topk_truth_cpu has it; plan: what the loss itself needs. */
typedef struct {
    const void *plan;
    int classes;
    const float *scores, *truth;
    float *loss, *delta;
} smooth_topk_truth_batch;

/* Row b of a batch, as a batch of one, and what it holds. Fills loss and delta and returns 0 if
   there is nothing to compute: a row of zeros, or one with a NaN or an infinity. */
int smooth_topk_take_truth_row(const void *batch, int b, smooth_topk_truth_batch *row,
                               smooth_topk_truth_row *content);

/* smooth_topk_for_each_row for rows of truth, the task being their batch; refuses sizes and
   pointers out of range. */
int smooth_topk_for_each_truth_row(smooth_topk_row_function row_function,
                                   const smooth_topk_truth_batch *rows, int batch, size_t slice,
                                   void *workspace, size_t workspace_size);

#endif
