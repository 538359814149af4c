/* What is decided once for all batches of a loss, and the execution for a batch: rows of truth, or
   labels. */
#include "smooth_topk_plan.h"
#include "integers.h"
#include "smooth_topk_fill.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_lanes.h"
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
    plan->lanes = smooth_topk_lanes(&plan->terms);
    size_t row = truth ? truth_row_scratch(&plan->terms) : smooth_topk_label_scratch(&plan->terms);
    size_t group = smooth_topk_lanes_scratch(&plan->terms);
    plan->slice = row > group ? row : group;
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

/* Groups of rows side by side; negative as the batch may be. */
static int count_groups(const smooth_topk_plan *plan, int batch)
{
    return batch < 0 ? batch : batch / plan->lanes + (batch % plan->lanes > 0);
}

static float factor_of_label(const smooth_topk_objective *objective, smooth_topk_truth_row content)
{
    float weight = objective->class_weights ? objective->class_weights[content.label] : 1;
    return objective->scale * (weight * content.weight);
}

static void run_on_label(const smooth_topk_plan *plan, const smooth_topk_truth_batch *row,
                         smooth_topk_truth_row content, char *scratch)
{
    const smooth_topk_objective *objective = &plan->objective;
    int label = content.label;
    float factor = factor_of_label(objective, content);
    float margin = objective->class_margins ? objective->class_margins[label] : 1;
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

/* The smooth_topk_truth_batch comes first: it is what functions of its rows get. */
typedef struct {
    smooth_topk_truth_batch rows;
    int batch;
} grouped_truth;

/* Rows of one label side by side, but for those that cannot be. */
static void run_on_truth_group(const void *task, int group, char *scratch)
{
    const smooth_topk_plan *plan = ((const grouped_truth *)task)->rows.plan;
    const smooth_topk_objective *objective = &plan->objective;
    smooth_topk_truth_batch row[SMOOTH_TOPK_MOST_LANES];
    smooth_topk_truth_row content[SMOOTH_TOPK_MOST_LANES];
    smooth_topk_lane_rows rows = {0};
    int first = group * plan->lanes;
    int end = min_int(((const grouped_truth *)task)->batch, first + plan->lanes);
    for (int b = first; b < end; ++b) {
        int lane = rows.count;
        if (!smooth_topk_take_truth_row(task, b, row + lane, content + lane)) continue;
        if (content[lane].entries > 1) {
            run_on_truth_row(task, b, scratch);
            continue;
        }
        int label = content[lane].label;
        float factor = factor_of_label(objective, content[lane]);
        rows.scores[lane] = row[lane].scores;
        rows.labels[lane] = label;
        rows.margins[lane] = objective->class_margins ? objective->class_margins[label] : 1;
        rows.loss_factors[lane] = factor;
        rows.gradient_factors[lane] = -factor;
        rows.loss[lane] = row[lane].loss;
        rows.grad[lane] = row[lane].delta;
        rows.count++;
    }
    if (rows.count == 0) return;
    smooth_topk_of_lanes(&plan->terms, &rows, scratch);
    for (int lane = 0; lane < rows.count; ++lane)
        if (rows.alone[lane]) run_on_label(plan, row + lane, content[lane], scratch);
}

int smooth_topk_run_plan(const smooth_topk_plan *plan, int batch, const float *scores,
                         const float *truth, float *loss, float *delta, void *workspace,
                         size_t workspace_size)
{
    grouped_truth task = {{plan, plan->terms.classes, scores, truth, loss, delta}, batch};
    int grouped = plan->lanes && plan->objective.smoothing == 0;
    return smooth_topk_for_each_truth_row(grouped ? run_on_truth_group : run_on_truth_row,
                                          &task.rows, grouped ? count_groups(plan, batch) : batch,
                                          plan->slice, workspace, workspace_size);
}

/* ---- labels ---- */

typedef struct {
    const smooth_topk_plan *plan;
    int batch;
    const float *scores;
    const int *labels;
    float *loss, *grad;
} labelled_batch;

static float *gradient_row(const labelled_batch *batch, int b)
{
    return batch->grad ? batch->grad + (size_t)b * (size_t)batch->plan->terms.classes : NULL;
}

static void run_on_labelled_row(const void *task, int b, char *scratch)
{
    const labelled_batch *batch = task;
    const smooth_topk_terms *terms = &batch->plan->terms;
    if (batch->labels[b] == -1) {
        batch->loss[b] = 0;
        smooth_topk_fill(gradient_row(batch, b), terms->classes, 0);
    } else {
        smooth_topk_of_label(terms, batch->scores + (size_t)b * (size_t)terms->classes,
                             batch->labels[b], 1, batch->loss + b, gradient_row(batch, b), scratch);
    }
}

/* Rows side by side, but for ignored ones and those that cannot be. */
static void run_on_labelled_group(const void *task, int group, char *scratch)
{
    const labelled_batch *batch = task;
    const smooth_topk_terms *terms = &batch->plan->terms;
    smooth_topk_lane_rows rows = {0};
    int first = group * batch->plan->lanes, places[SMOOTH_TOPK_MOST_LANES];
    int end = min_int(batch->batch, first + batch->plan->lanes);
    for (int b = first; b < end; ++b) {
        if (batch->labels[b] == -1) {
            run_on_labelled_row(task, b, scratch);
            continue;
        }
        int lane = rows.count++;
        places[lane] = b;
        rows.scores[lane] = batch->scores + (size_t)b * (size_t)terms->classes;
        rows.labels[lane] = batch->labels[b];
        rows.margins[lane] = rows.loss_factors[lane] = rows.gradient_factors[lane] = 1;
        rows.loss[lane] = batch->loss + b;
        rows.grad[lane] = gradient_row(batch, b);
    }
    if (rows.count == 0) return;
    smooth_topk_of_lanes(terms, &rows, scratch);
    for (int lane = 0; lane < rows.count; ++lane)
        if (rows.alone[lane]) run_on_labelled_row(task, places[lane], scratch);
}

int smooth_topk_run_plan_on_labels(const smooth_topk_plan *plan, int batch, const float *scores,
                                   const int *labels, float *loss, float *grad, void *workspace,
                                   size_t workspace_size)
{
    if (batch < 0 || (batch > 0 && (!scores || !labels || !loss))) return SMOOTH_TOPK_ERROR_SIZE;
    for (int b = 0; b < batch; ++b)
        if (labels[b] < -1 || labels[b] >= plan->terms.classes) return SMOOTH_TOPK_ERROR_LABEL;
    labelled_batch task = {plan, batch, scores, labels, loss, grad};
    if (!plan->lanes)
        return smooth_topk_for_each_row(run_on_labelled_row, &task, batch, plan->slice, workspace,
                                        workspace_size);
    return smooth_topk_for_each_row(run_on_labelled_group, &task, count_groups(plan, batch),
                                    plan->slice, workspace, workspace_size);
}
