/* The smooth top-k loss on the CPU: checks, the walk over a batch, messages. */
#include "smooth_topk.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"

#include <stdint.h>
#include <stdlib.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static int is_not_finite(float x)
{
    return (bits_of(x) & BITS_PLUS_INF) == BITS_PLUS_INF;
}

int smooth_topk_check(const smooth_topk_params *params, int classes)
{
    if (!params || classes < 2) return SMOOTH_TOPK_ERROR_SIZE;
    if (params->k < 1 || params->k >= classes) return SMOOTH_TOPK_ERROR_K;
    if (is_not_finite(params->tau) || params->tau < 0) return SMOOTH_TOPK_ERROR_TAU;
    if (is_not_finite(params->alpha) || params->alpha < 0) return SMOOTH_TOPK_ERROR_ALPHA;
    if (params->algorithm != SMOOTH_TOPK_PIVOT && params->algorithm != SMOOTH_TOPK_LOG)
        return SMOOTH_TOPK_ERROR_ALGORITHM;
    return SMOOTH_TOPK_OK;
}

int smooth_topk_sum_check(const smooth_topk_term *terms, int count, int classes)
{
    int error = terms && count >= 1 ? SMOOTH_TOPK_OK : SMOOTH_TOPK_ERROR_SIZE;
    for (int j = 0; !error && j < count; ++j) {
        error = smooth_topk_check(&terms[j].params, classes);
        if (!error && (is_not_finite(terms[j].weight) || !(terms[j].weight > 0)))
            error = SMOOTH_TOPK_ERROR_WEIGHT;
    }
    return error;
}

static int thread_limit(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

size_t smooth_topk_rows_workspace_size(size_t slice, int threads)
{
    return slice * (threads ? threads : thread_limit()) + ALIGNMENT;
}

int smooth_topk_for_each_row(smooth_topk_row_function row_function, const void *task, int batch,
                             size_t slice, void *workspace, size_t workspace_size)
{
    if (!workspace || workspace_size < slice + ALIGNMENT) return SMOOTH_TOPK_ERROR_MEMORY;
    char *begin = (char *)aligned((uintptr_t)workspace);
    size_t slices = (workspace_size - ALIGNMENT) / slice;
    int threads = slices < (size_t)thread_limit() ? (int)slices : thread_limit();
#ifdef _OPENMP
#pragma omp parallel num_threads(min_int(threads, batch)) if (batch > 1 && threads > 1)
    {
        char *scratch = begin + slice * omp_get_thread_num();
#pragma omp for schedule(static)
#else
    (void)threads;
    {
        char *scratch = begin;
#endif
        for (int b = 0; b < batch; ++b) row_function(task, b, scratch);
    }
    return SMOOTH_TOPK_OK;
}

/* ---- a batch with labels ---- */

typedef struct {
    const smooth_topk_term *terms;
    int count, classes;
    const float *scores;
    const int *labels;
    float *loss, *grad;
} labelled_batch;

static void labelled_row(const void *task, int b, char *scratch)
{
    const labelled_batch *batch = task;
    size_t row = (size_t)b * batch->classes;
    float *grad = batch->grad ? batch->grad + row : NULL;
    if (batch->labels[b] == -1) {
        batch->loss[b] = 0;
        smooth_topk_fill(grad, batch->classes, 0);
    } else {
        smooth_topk_of_label(batch->terms, batch->count, batch->classes, batch->scores + row,
                             batch->labels[b], 1, batch->loss + b, grad, scratch);
    }
}

size_t smooth_topk_sum_workspace_size(const smooth_topk_term *terms, int count, int threads,
                                      int classes)
{
    if (smooth_topk_sum_check(terms, count, classes) || threads < 0) return 0;
    return smooth_topk_rows_workspace_size(smooth_topk_label_scratch(terms, count, classes),
                                           threads);
}

int smooth_topk_sum_cpu_workspace(const smooth_topk_term *terms, int count, int batch, int classes,
                                  const float *scores, const int *labels, float *loss, float *grad,
                                  void *workspace, size_t workspace_size)
{
    int error = smooth_topk_sum_check(terms, count, classes);
    if (error) return error;
    if (batch < 0 || (batch > 0 && (!scores || !labels || !loss))) return SMOOTH_TOPK_ERROR_SIZE;
    for (int b = 0; b < batch; ++b)
        if (labels[b] < -1 || labels[b] >= classes) return SMOOTH_TOPK_ERROR_LABEL;
    labelled_batch task = {terms, count, classes, scores, labels, loss, grad};
    return smooth_topk_for_each_row(labelled_row, &task, batch,
                                    smooth_topk_label_scratch(terms, count, classes), workspace,
                                    workspace_size);
}

int smooth_topk_sum_cpu(const smooth_topk_term *terms, int count, int batch, int classes,
                        const float *scores, const int *labels, float *loss, float *grad)
{
    size_t size = smooth_topk_sum_workspace_size(terms, count, batch < 2 ? 1 : 0, classes);
    void *workspace = size ? malloc(size) : NULL;
    int error = smooth_topk_sum_cpu_workspace(terms, count, batch, classes, scores, labels, loss,
                                              grad, workspace, size);
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

const char *smooth_topk_strerror(int error)
{
    switch (error) {
    case SMOOTH_TOPK_OK:
        return "no error";
    case SMOOTH_TOPK_ERROR_K:
        return "k is out of range: a whole number, 1 <= k < number of classes";
    case SMOOTH_TOPK_ERROR_TAU:
        return "tau is out of range: a finite number, tau >= 0";
    case SMOOTH_TOPK_ERROR_ALPHA:
        return "alpha is out of range: a finite number, alpha >= 0";
    case SMOOTH_TOPK_ERROR_ALGORITHM:
        return "algorithm is unknown: pivot or log";
    case SMOOTH_TOPK_ERROR_SIZE:
        return "sizes or pointers are out of range: batch >= 0, classes >= 2, count >= 1; params, "
               "terms, scores, labels and loss not NULL";
    case SMOOTH_TOPK_ERROR_LABEL:
        return "a label is out of range: 0 <= label < number of classes, or -1 to ignore";
    case SMOOTH_TOPK_ERROR_MEMORY:
        return "not enough memory for the workspace";
    case SMOOTH_TOPK_ERROR_CUDA:
        return "a CUDA call failed";
    case SMOOTH_TOPK_ERROR_WEIGHT:
        return "a term's weight is out of range: a finite number, weight > 0";
    case SMOOTH_TOPK_ERROR_Q:
        return "q is out of range: a number, 0 < q <= 1";
    default:
        return "unknown error";
    }
}
