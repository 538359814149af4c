/* What the files of the mathematics share among themselves: scratch and the two algorithms.
 */
#ifndef SMOOTH_TOPK_INTERNAL_H
#define SMOOTH_TOPK_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "smooth_topk.h"
#include "smooth_topk_bits.h"

SMOOTH_TOPK_FUNCTION int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* row[0 .. classes-1] = value, unless row is NULL. */
static inline void smooth_topk_fill(float *row, int classes, float value)
{
    for (int i = 0; row && i < classes; ++i) row[i] = value;
}

/* Scratch is cut from a thread's slice in order; from NULL where only its size is asked for. */
#define ALIGNMENT 64

SMOOTH_TOPK_FUNCTION size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

SMOOTH_TOPK_FUNCTION void *take(char **scratch, size_t bytes)
{
    void *taken = *scratch;
    *scratch = (char *)((uintptr_t)taken + aligned(bytes));
    return taken;
}

/* A sample that has a label, no NaN or +inf, a finite label score and a finite pivot; tau is no
 * hinge. */
typedef struct {
    const smooth_topk_params *params;
    int classes;
    const float *scores;
    int label;
    float pivot;    /* the k-th largest score but the label's */
    const int *top; /* the classes of the k largest scores but the label's, in no order */
    const float *top_scores;
} smooth_topk_sample;

/* Each writes the loss and, unless NULL, the gradient; scratch has at least its _scratch bytes. */
void smooth_topk_by_log(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch);
size_t smooth_topk_log_scratch(int classes, int k);
void smooth_topk_by_pivot(const smooth_topk_sample *sample, float *loss, float *grad,
                          char *scratch);
size_t smooth_topk_pivot_scratch(int classes, int k);

/* Loss and, unless NULL, gradient of one row: sum_j weight_j L_j(scores, label) with every term's
   alpha times `margin` (finite, >= 0); scratch has at least its _scratch bytes. The label is within
   0 .. classes-1, the terms are checked. */
void smooth_topk_of_label(const smooth_topk_term *terms, int count, int classes,
                          const float *scores, int label, float margin, float *loss, float *grad,
                          char *scratch);
size_t smooth_topk_label_scratch(const smooth_topk_term *terms, int count, int classes);

/* The same for a row of several labels: sum_i weights[i] sum_j weight_j L_j(scores, i), with every
   term's alpha times margins[i] (NULL: 1). The weights are changed meanwhile, and restored. */
void smooth_topk_of_labels(const smooth_topk_term *terms, int count, int classes,
                           const float *scores, float *weights, const float *margins, float *loss,
                           float *grad, char *scratch);
size_t smooth_topk_labels_scratch(const smooth_topk_term *terms, int count, int classes);

/* What a row of truth says; label and weight are those of the first entry that is not 0. */
typedef struct {
    int entries, label, is_bad; /* is_bad: a NaN or an infinity */
    float weight;
} smooth_topk_truth_row;
smooth_topk_truth_row smooth_topk_read_truth(const float *truth, int classes);

/* A batch of rows of truth, as smooth_topk_truth_cpu has it; objective: the loss's own. */
typedef struct {
    const void *objective;
    int classes;
    const float *scores, *truth;
    float *loss, *delta;
} smooth_topk_truth_batch;

/* Row b of a batch as a batch of one. Fills loss and delta and returns 0 if there is nothing to
   compute: a row of zeros, or one with a NaN or an infinity. */
int smooth_topk_truth_row_of(const void *batch, int b, smooth_topk_truth_batch *row,
                             smooth_topk_truth_row *says);

/* Calls row_function(task, b, scratch) for every row b of a batch, each with `slice` bytes of
   aligned scratch of the workspace; as many threads as it has slices for share the rows. */
typedef void (*smooth_topk_row_function)(const void *task, int b, char *scratch);
int smooth_topk_for_each_row(smooth_topk_row_function row_function, const void *task, int batch,
                             size_t slice, void *workspace, size_t workspace_size);
size_t smooth_topk_rows_workspace_size(size_t slice, int threads);

/* The same for rows of truth, the task being their batch; refuses sizes and pointers out of range.
 */
int smooth_topk_for_each_truth_row(smooth_topk_row_function row_function,
                                   const smooth_topk_truth_batch *rows, int batch, size_t slice,
                                   void *workspace, size_t workspace_size);

/* output = exp((score - most) / t) for scores up to `most`, 0 for those above; rate = log2(e) / t.
   Returns the sum. */
double smooth_topk_exponentials(const float *scores, int count, float most, float rate,
                                float *output);

/* Algorithm pivot for samples whose largest scores need not be found first: k is not small and the
   scores lie near each other. Returns 0, with nothing written, if this is none of them. Not for
   what needs a selection anyway. */
int smooth_topk_needs_selection(const smooth_topk_params *params);
int smooth_topk_without_selection(const smooth_topk_params *params, int classes,
                                  const float *scores, int label, float *loss, float *grad,
                                  char *scratch);

/* Finds the k largest scores but the label's: top, top_scores: k, top_scores[0] the least of them.
   1 <= k < classes, or k <= classes with label = classes: none; maxima: room for `classes`. Returns
   -1 if a score is NaN or +inf, else 0. */
int smooth_topk_find_top(const float *scores, int classes, int label, int k, int *top,
                         float *top_scores, float *maxima);

#endif
