/* Rows of truth: the contents of one, and the loop over a batch of them. */
#include "smooth_topk_truth_rows.h"
#include "finite.h"
#include "integers.h"
#include "smooth_topk.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_fill.h"

/* Entries that are looked at together: most are 0. */
#define BLOCK 64

static smooth_topk_truth_row read_truth(const float *truth, int classes)
{
    smooth_topk_truth_row row = {0, -1, 0, 0};
    for (int begin = 0; begin < classes; begin += BLOCK) {
        int end = min_int(classes, begin + BLOCK);
        unsigned any = 0;
        for (int i = begin; i < end; ++i) any |= float_bits(truth[i]);
        if (any << 1 == 0) continue;
        for (int i = begin; i < end; ++i) {
            if (float_bits(truth[i]) << 1 == 0) continue;
            row.is_bad |= !is_finite(truth[i]);
            if (row.entries++) continue;
            row.label = i;
            row.weight = truth[i];
        }
    }
    return row;
}

int smooth_topk_take_truth_row(const void *batch, int b, smooth_topk_truth_batch *row,
                               smooth_topk_truth_row *content)
{
    *row = *(const smooth_topk_truth_batch *)batch;
    size_t offset = (size_t)b * (size_t)row->classes;
    row->scores += offset;
    row->truth += offset;
    row->loss += b;
    row->delta += offset;
    *content = read_truth(row->truth, row->classes);
    if (content->entries > 0 && !content->is_bad) return 1;
    *row->loss = content->is_bad ? float_from_bits(BITS_NAN) : 0;
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
