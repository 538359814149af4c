/* The other top-k losses of the field: rows of truth, and the hardest samples of a batch. */
#include "smooth_topk_internal.h"
#include "topk_losses.h"

typedef struct {
    const topk_loss_params *params;
    float scale;
    int classes;
    const float *scores, *truth;
    float *loss, *delta;
} truth_batch;

/* Each label of the row costs one evaluation. */
static void one_row(const void *task, int b, char *scratch)
{
    const truth_batch *batch = task;
    int classes = batch->classes;
    size_t offset = (size_t)b * (size_t)classes;
    const float *scores = batch->scores + offset, *truth = batch->truth + offset;
    float *loss = batch->loss + b, *delta = batch->delta + offset, of_label;
    smooth_topk_truth_row row = smooth_topk_read_truth(truth, classes);
    float *grad = take(&scratch, (size_t)classes * sizeof(float));
    *loss = row.is_bad ? float_of(BITS_NAN) : 0;
    smooth_topk_fill(delta, classes, *loss);
    if (row.entries == 0 || row.is_bad) return;
    for (int label = row.label; label < classes; ++label) {
        if (truth[label] == 0) continue;
        topk_loss_of_label(batch->params, classes, scores, label, &of_label, grad, scratch);
        float factor = batch->scale * truth[label];
        *loss += factor * of_label;
        for (int i = 0; i < classes; ++i) delta[i] -= factor * grad[i];
    }
}

static size_t row_scratch(const topk_loss_params *params, int classes)
{
    return aligned((size_t)classes * sizeof(float)) + aligned(topk_loss_scratch(params, classes));
}

size_t topk_loss_truth_workspace_size(const topk_loss_params *params, int threads, int classes)
{
    if (topk_loss_check(params, classes) || threads < 0) return 0;
    return smooth_topk_rows_workspace_size(row_scratch(params, classes), threads);
}

int topk_loss_truth_cpu(const topk_loss_params *params, float scale, int batch, int classes,
                        const float *scores, const float *truth, float *loss, float *delta,
                        void *workspace, size_t workspace_size)
{
    int error = topk_loss_check(params, classes);
    if (error) return error;
    if (batch < 0 || (batch > 0 && (!scores || !truth || !loss || !delta)))
        return SMOOTH_TOPK_ERROR_SIZE;
    truth_batch task = {params, scale, classes, scores, truth, loss, delta};
    return smooth_topk_for_each_row(one_row, &task, batch, row_scratch(params, classes), workspace,
                                    workspace_size);
}

static int is_nan(float x)
{
    return (bits_of(x) & 0x7fffffffu) > BITS_PLUS_INF;
}

/* Whether a's loss counts as larger than b's, b being the first of the two. */
static int is_harder(float a, float b)
{
    if (is_nan(a) || is_nan(b)) return is_nan(a) && !is_nan(b);
    return a > b;
}

void topk_loss_keep_hardest(int m, int batch, int classes, float *loss, float *delta, int *order)
{
    if (m >= batch) return;
    /* order: falling; of equal losses the first stays first. */
    for (int b = 0; b < batch; ++b) {
        int at = b;
        for (; at > 0 && is_harder(loss[b], loss[order[at - 1]]); --at) order[at] = order[at - 1];
        order[at] = b;
    }
    float factor = (float)batch / (float)m;
    for (int i = 0; i < batch; ++i) {
        float *row = delta + (size_t)order[i] * (size_t)classes;
        if (i < m) {
            loss[order[i]] *= factor;
            for (int j = 0; j < classes; ++j) row[j] *= factor;
        } else {
            loss[order[i]] = 0;
            smooth_topk_fill(row, classes, 0);
        }
    }
}
