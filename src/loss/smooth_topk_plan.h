/* What is decided once for all batches of a loss: made with its terms, then executed per batch. */
#ifndef SMOOTH_TOPK_PLAN_H
#define SMOOTH_TOPK_PLAN_H

#include "smooth_topk_label.h"
#include "smooth_topk_truth.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Made by smooth_topk_make_plan, then only read: threads may share it. */
typedef struct {
    smooth_topk_objective objective;
    smooth_topk_terms terms; /* the objective's, checked, and the vector loops chosen for them */
    int lanes;               /* rows side by side (smooth_topk_lanes.h); 0: one by one */
    size_t slice;            /* bytes of scratch that a row, or a group of them, takes */
} smooth_topk_plan;

/* Checks the objective's terms, chooses the vector loops and lays out the scratch. Copies the
   objective, not its arrays, which the caller keeps; the class numbers may change between batches.
   truth: 1 for smooth_topk_run_plan, 0 for smooth_topk_run_plan_on_labels. Returns 0 or an error of
   smooth_topk.h. */
int smooth_topk_make_plan(smooth_topk_plan *plan, const smooth_topk_objective *objective,
                          int classes, int truth);

/* As smooth_topk_truth_workspace_size. */
size_t smooth_topk_plan_workspace_size(const smooth_topk_plan *plan, int threads);

/* As smooth_topk_truth_cpu. */
int smooth_topk_run_plan(const smooth_topk_plan *plan, int batch, const float *scores,
                         const float *truth, float *loss, float *delta, void *workspace,
                         size_t workspace_size);

/* As smooth_topk_sum_cpu_workspace. Reads only the terms of the objective. */
int smooth_topk_run_plan_on_labels(const smooth_topk_plan *plan, int batch, const float *scores,
                                   const int *labels, float *loss, float *grad, void *workspace,
                                   size_t workspace_size);

#ifdef __cplusplus
}
#endif

#endif
