/* The loss of a batch of rows of truth: what a row asks for, and the walk over the batch. */
#include "smooth_topk_truth.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"

#include <stdint.h>

/* Entries that are looked at together: most are 0. */
#define BLOCK 64

smooth_topk_truth_row smooth_topk_read_truth(const float *truth, int classes)
{
    smooth_topk_truth_row row = {0, -1, 0, 0};
    for (int begin = 0; begin < classes; begin += BLOCK) {
        int end = min_int(classes, begin + BLOCK);
        unsigned any = 0;
        for (int i = begin; i < end; ++i) any |= bits_of(truth[i]);
        if (any << 1 == 0) continue;
        for (int i = begin; i < end; ++i) {
            unsigned bits = bits_of(truth[i]);
            if (bits << 1 == 0) continue;
            row.is_bad |= (bits & BITS_PLUS_INF) == BITS_PLUS_INF;
            if (row.entries++) continue;
            row.label = i;
            row.weight = truth[i];
        }
    }
    return row;
}

/* t' of smooth_topk_truth.h, times `factor`. */
static void mix_truth(const smooth_topk_objective *objective, const float *truth,
                      smooth_topk_truth_row row, double factor, int classes, float *mixed)
{
    const float *class_weights = objective->class_weights;
    float smoothing = objective->smoothing;
    double sum = 0;
    if (row.entries == 1) { /* all others alike */
        float own = (float)(factor * row.weight * (class_weights ? class_weights[row.label] : 1));
        smooth_topk_fill(mixed, classes, smooth_topk_smoothed_truth(0, own, smoothing, classes));
        mixed[row.label] = smooth_topk_smoothed_truth(own, own, smoothing, classes);
        return;
    }
    for (int i = 0; i < classes; ++i) {
        mixed[i] = (float)(factor * truth[i] * (class_weights ? class_weights[i] : 1));
        sum += mixed[i];
    }
    for (int i = 0; i < classes; ++i)
        mixed[i] = smooth_topk_smoothed_truth(mixed[i], sum, smoothing, classes);
}

int smooth_topk_truth_row_of(const void *batch, int b, smooth_topk_truth_batch *row,
                             smooth_topk_truth_row *says)
{
    *row = *(const smooth_topk_truth_batch *)batch;
    size_t offset = (size_t)b * (size_t)row->classes;
    row->scores += offset;
    row->truth += offset;
    row->loss += b;
    row->delta += offset;
    *says = smooth_topk_read_truth(row->truth, row->classes);
    if (says->entries > 0 && !says->is_bad) return 1;
    *row->loss = says->is_bad ? float_of(BITS_NAN) : 0;
    smooth_topk_fill(row->delta, row->classes, *row->loss);
    return 0;
}

int smooth_topk_for_each_truth_row(smooth_topk_row_function row_function,
                                   const smooth_topk_truth_batch *rows, int batch, size_t slice,
                                   void *workspace, size_t workspace_size)
{
    if (batch < 0 || (batch > 0 && (!rows->scores || !rows->truth || !rows->loss || !rows->delta)))
        return SMOOTH_TOPK_ERROR_SIZE;
    return smooth_topk_for_each_row(row_function, rows, batch, slice, workspace, workspace_size);
}

static void one_row(const void *task, int b, char *scratch)
{
    smooth_topk_truth_batch row;
    smooth_topk_truth_row says;
    if (!smooth_topk_truth_row_of(task, b, &row, &says)) return;
    const smooth_topk_objective *objective = row.objective;
    int classes = row.classes;
    float factor = objective->scale;
    if (says.entries == 1 && objective->smoothing == 0) {
        float margin = objective->class_margins ? objective->class_margins[says.label] : 1;
        float weight = objective->class_weights ? objective->class_weights[says.label] : 1;
        factor *= weight * says.weight;
        smooth_topk_of_label(objective->terms, objective->count, classes, row.scores, says.label,
                             margin, row.loss, row.delta, scratch);
        *row.loss *= factor;
        for (int i = 0; i < classes; ++i) row.delta[i] *= -factor;
    } else {
        float *mixed = take(&scratch, classes * sizeof(float));
        mix_truth(objective, row.truth, says, -factor, classes, mixed);
        smooth_topk_of_labels(objective->terms, objective->count, classes, row.scores, mixed,
                              objective->class_margins, row.loss, row.delta, scratch);
        *row.loss = -*row.loss;
    }
}

static size_t row_scratch(const smooth_topk_objective *objective, int classes)
{
    size_t of_label = smooth_topk_label_scratch(objective->terms, objective->count, classes);
    size_t of_labels = aligned(classes * sizeof(float)) +
                       smooth_topk_labels_scratch(objective->terms, objective->count, classes);
    return of_label > of_labels ? of_label : of_labels;
}

size_t smooth_topk_truth_workspace_size(const smooth_topk_objective *objective, int threads,
                                        int classes)
{
    if (smooth_topk_sum_check(objective->terms, objective->count, classes) || threads < 0) return 0;
    return smooth_topk_rows_workspace_size(row_scratch(objective, classes), threads);
}

int smooth_topk_truth_cpu(const smooth_topk_objective *objective, int batch, int classes,
                          const float *scores, const float *truth, float *loss, float *delta,
                          void *workspace, size_t workspace_size)
{
    int error = smooth_topk_sum_check(objective->terms, objective->count, classes);
    if (error) return error;
    smooth_topk_truth_batch rows = {objective, classes, scores, truth, loss, delta};
    return smooth_topk_for_each_truth_row(one_row, &rows, batch, row_scratch(objective, classes),
                                          workspace, workspace_size);
}
