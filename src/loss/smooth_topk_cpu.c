/* The functions that other programs call for the CPU: each makes a plan and executes it. */
#include "smooth_topk.h"
#include "smooth_topk_plan.h"
#include "smooth_topk_truth.h"

#include <stdlib.h>

/* ---- several k ---- */

static int plan_for_labels(smooth_topk_plan *plan, const smooth_topk_term *terms, int count,
                           int classes)
{
    smooth_topk_objective objective = {.terms = terms, .count = count, .scale = 1};
    return smooth_topk_make_plan(plan, &objective, classes, 0);
}

size_t smooth_topk_sum_workspace_size(const smooth_topk_term *terms, int count, int threads,
                                      int classes)
{
    smooth_topk_plan plan;
    if (plan_for_labels(&plan, terms, count, classes)) return 0;
    return smooth_topk_plan_workspace_size(&plan, threads);
}

int smooth_topk_sum_cpu_workspace(const smooth_topk_term *terms, int count, int batch, int classes,
                                  const float *scores, const int *labels, float *loss, float *grad,
                                  void *workspace, size_t workspace_size)
{
    smooth_topk_plan plan;
    int error = plan_for_labels(&plan, terms, count, classes);
    if (error) return error;
    return smooth_topk_run_plan_on_labels(&plan, batch, scores, labels, loss, grad, workspace,
                                          workspace_size);
}

int smooth_topk_sum_cpu(const smooth_topk_term *terms, int count, int batch, int classes,
                        const float *scores, const int *labels, float *loss, float *grad)
{
    smooth_topk_plan plan;
    int error = plan_for_labels(&plan, terms, count, classes);
    if (error) return error;
    size_t size = smooth_topk_plan_workspace_size(&plan, batch < 2 ? 1 : 0);
    void *workspace = batch ? malloc(size) : NULL;
    error =
        smooth_topk_run_plan_on_labels(&plan, batch, scores, labels, loss, grad, workspace, size);
    free(workspace);
    return error;
}

/* ---- one k ---- */

size_t smooth_topk_workspace_size(const smooth_topk_params *params, int threads, int classes)
{
    if (smooth_topk_check(params, classes)) return 0;
    smooth_topk_term term = {*params, 1};
    return smooth_topk_sum_workspace_size(&term, 1, threads, classes);
}

int smooth_topk_cpu_workspace(const smooth_topk_params *params, int batch, int classes,
                              const float *scores, const int *labels, float *loss, float *grad,
                              void *workspace, size_t workspace_size)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    smooth_topk_term term = {*params, 1};
    return smooth_topk_sum_cpu_workspace(&term, 1, batch, classes, scores, labels, loss, grad,
                                         workspace, workspace_size);
}

int smooth_topk_cpu(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels, float *loss, float *grad)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    smooth_topk_term term = {*params, 1};
    return smooth_topk_sum_cpu(&term, 1, batch, classes, scores, labels, loss, grad);
}

/* ---- rows of truth ---- */

size_t smooth_topk_truth_workspace_size(const smooth_topk_objective *objective, int threads,
                                        int classes)
{
    smooth_topk_plan plan;
    if (smooth_topk_make_plan(&plan, objective, classes, 1)) return 0;
    return smooth_topk_plan_workspace_size(&plan, threads);
}

int smooth_topk_truth_cpu(const smooth_topk_objective *objective, int batch, int classes,
                          const float *scores, const float *truth, float *loss, float *delta,
                          void *workspace, size_t workspace_size)
{
    smooth_topk_plan plan;
    int error = smooth_topk_make_plan(&plan, objective, classes, 1);
    if (error) return error;
    return smooth_topk_run_plan(&plan, batch, scores, truth, loss, delta, workspace,
                                workspace_size);
}
