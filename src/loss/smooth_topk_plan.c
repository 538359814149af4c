/* What is decided once for all batches of a loss, and the execution for a batch: rows of truth, or
   labels. */
#include "smooth_topk_plan.h"
#include "smooth_topk_fill.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_soft.h"
#include "smooth_topk_truth_rows.h"

/* Scratch of a row of truth: of one label, or of several and their weights before it. */
static size_t truth_row_scratch(const smooth_topk_terms *terms)
{
    size_t one = smooth_topk_label_scratch(terms);
    size_t several = aligned(terms->classes * sizeof(float)) + smooth_topk_labels_scratch(terms);
    return one > several ? one : several;
}

int smooth_topk_make_plan(smooth_topk_plan *plan, const smooth_topk_objective *objective,
                          int classes, int truth)
{
    int error = smooth_topk_sum_check(objective->terms, objective->count, classes);
    if (error) return error;
    plan->objective = *objective;
    plan->terms =
        (smooth_topk_terms){objective->terms, objective->count, classes, best_instruction_set()};
    plan->slice = truth ? truth_row_scratch(&plan->terms) : smooth_topk_label_scratch(&plan->terms);
    return SMOOTH_TOPK_OK;
}

size_t smooth_topk_plan_workspace_size(const smooth_topk_plan *plan, int threads)
{
    return threads < 0 ? 0 : smooth_topk_rows_workspace_size(plan->slice, threads);
}

/* ---- rows of truth ---- */

/* t' of smooth_topk_truth.h, times `factor`. */
static void mix_truth(const smooth_topk_objective *objective, const float *truth,
                      smooth_topk_truth_row content, double factor, int classes, float *mixed)
{
    const float *class_weights = objective->class_weights;
    float smoothing = objective->smoothing;
    double sum = 0;
    if (content.entries == 1) { /* all others alike */
        float own =
            (float)(factor * content.weight * (class_weights ? class_weights[content.label] : 1));
        smooth_topk_fill(mixed, classes, smooth_topk_smoothed_truth(0, own, smoothing, classes));
        mixed[content.label] = smooth_topk_smoothed_truth(own, own, smoothing, classes);
        return;
    }
    for (int i = 0; i < classes; ++i) {
        mixed[i] = (float)(factor * truth[i] * (class_weights ? class_weights[i] : 1));
        sum += mixed[i];
    }
    for (int i = 0; i < classes; ++i)
        mixed[i] = smooth_topk_smoothed_truth(mixed[i], sum, smoothing, classes);
}

static void run_on_label(const smooth_topk_plan *plan, const smooth_topk_truth_batch *row,
                         smooth_topk_truth_row content, char *scratch)
{
    const smooth_topk_objective *objective = &plan->objective;
    int label = content.label;
    float factor = objective->scale;
    float margin = objective->class_margins ? objective->class_margins[label] : 1;
    float weight = objective->class_weights ? objective->class_weights[label] : 1;
    factor *= weight * content.weight;
    smooth_topk_of_label(&plan->terms, row->scores, label, margin, row->loss, row->delta, scratch);
    *row->loss *= factor;
    for (int i = 0; i < row->classes; ++i) row->delta[i] *= -factor;
}

static void run_on_truth_row(const void *batch, int b, char *scratch)
{
    smooth_topk_truth_batch row;
    smooth_topk_truth_row content;
    if (!smooth_topk_take_truth_row(batch, b, &row, &content)) return;
    const smooth_topk_plan *plan = row.plan;
    const smooth_topk_objective *objective = &plan->objective;
    if (content.entries == 1 && objective->smoothing == 0) {
        run_on_label(plan, &row, content, scratch);
        return;
    }
    float *mixed = take(&scratch, row.classes * sizeof(float));
    mix_truth(objective, row.truth, content, -objective->scale, row.classes, mixed);
    smooth_topk_of_labels(&plan->terms, row.scores, mixed, objective->class_margins, row.loss,
                          row.delta, scratch);
    *row.loss = -*row.loss;
}

int smooth_topk_run_plan(const smooth_topk_plan *plan, int batch, const float *scores,
                         const float *truth, float *loss, float *delta, void *workspace,
                         size_t workspace_size)
{
    smooth_topk_truth_batch rows = {plan, plan->terms.classes, scores, truth, loss, delta};
    return smooth_topk_for_each_truth_row(run_on_truth_row, &rows, batch, plan->slice, workspace,
                                          workspace_size);
}

/* ---- labels ---- */

typedef struct {
    const smooth_topk_terms *terms;
    const float *scores;
    const int *labels;
    float *loss, *grad;
} labelled_batch;

static void run_on_labelled_row(const void *task, int b, char *scratch)
{
    const labelled_batch *batch = task;
    int classes = batch->terms->classes;
    size_t row = (size_t)b * classes;
    float *grad = batch->grad ? batch->grad + row : NULL;
    if (batch->labels[b] == -1) {
        batch->loss[b] = 0;
        smooth_topk_fill(grad, classes, 0);
    } else {
        smooth_topk_of_label(batch->terms, batch->scores + row, batch->labels[b], 1,
                             batch->loss + b, grad, scratch);
    }
}

int smooth_topk_run_plan_on_labels(const smooth_topk_plan *plan, int batch, const float *scores,
                                   const int *labels, float *loss, float *grad, void *workspace,
                                   size_t workspace_size)
{
    if (batch < 0 || (batch > 0 && (!scores || !labels || !loss))) return SMOOTH_TOPK_ERROR_SIZE;
    for (int b = 0; b < batch; ++b)
        if (labels[b] < -1 || labels[b] >= plan->terms.classes) return SMOOTH_TOPK_ERROR_LABEL;
    labelled_batch task = {&plan->terms, scores, labels, loss, grad};
    return smooth_topk_for_each_row(run_on_labelled_row, &task, batch, plan->slice, workspace,
                                    workspace_size);
}
