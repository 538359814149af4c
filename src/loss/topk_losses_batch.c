/* The other top-k losses of the field: rows of truth, and the hardest samples of a batch. */
#include "multilabel_losses.h"
#include "smooth_topk.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_fill.h"
#include "smooth_topk_hardest.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_truth_rows.h"
#include "topk_losses.h"

typedef struct {
    const topk_loss_params *params;
    float scale;
} topk_loss_plan;

/* Each label of the row costs one evaluation, but for the losses of all labels at once. */
static void one_row(const void *task, int b, char *scratch)
{
    smooth_topk_truth_batch row;
    smooth_topk_truth_row content;
    if (!smooth_topk_take_truth_row(task, b, &row, &content)) return;
    const topk_loss_plan *plan = row.plan;
    int classes = row.classes;
    float *grad = take(&scratch, (size_t)classes * sizeof(float)), label_loss;
    if (is_multilabel_loss(plan->params->type)) {
        multilabel_loss_of_row(plan->params->type, classes, row.scores, row.truth, row.loss, grad);
        *row.loss *= plan->scale;
        for (int i = 0; i < classes; ++i) row.delta[i] = -plan->scale * grad[i];
        return;
    }
    *row.loss = 0;
    smooth_topk_fill(row.delta, classes, 0);
    for (int label = content.label; label < classes; ++label) {
        if (row.truth[label] == 0) continue;
        topk_loss_of_label(plan->params, classes, row.scores, label, &label_loss, grad, scratch);
        float factor = plan->scale * row.truth[label];
        *row.loss += factor * label_loss;
        for (int i = 0; i < classes; ++i) row.delta[i] -= factor * grad[i];
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
    topk_loss_plan plan = {params, scale};
    smooth_topk_truth_batch rows = {&plan, classes, scores, truth, loss, delta};
    return smooth_topk_for_each_truth_row(one_row, &rows, batch, row_scratch(params, classes),
                                          workspace, workspace_size);
}

void topk_loss_keep_hardest(int m, int batch, int classes, float *loss, float *delta, int *order)
{
    if (m >= batch) return;
    /* order: falling; of equal losses the first stays first. */
    for (int b = 0; b < batch; ++b) {
        int place = b;
        for (; place > 0 && smooth_topk_is_harder(loss[b], loss[order[place - 1]]); --place)
            order[place] = order[place - 1];
        order[place] = b;
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
