/* The smooth top-k loss on the CPU: checks, the walk over a batch, the special cases, the hard
 * hinge. */
#include "smooth_topk.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"

#include <stdint.h>
#include <stdlib.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static void fill(float *row, int classes, float value)
{
    if (!row) return;
    for (int i = 0; i < classes; ++i) row[i] = value;
}

/* The subgradient is that of the first class whose score is the k-th largest. */
static void hard_hinge(const smooth_topk_sample *sample, float *loss, float *grad)
{
    int k = sample->params->k, pivot_class = 0;
    while (pivot_class == sample->label || sample->scores[pivot_class] != sample->pivot)
        ++pivot_class;
    double hinge =
        smooth_topk_hinge(sample->pivot, sample->scores[sample->label], k, sample->params->alpha);
    *loss = hinge > 0 ? (float)hinge : 0;
    fill(grad, sample->classes, 0);
    if (!grad || !(hinge > 0)) return;
    grad[pivot_class] = 1.f / k;
    grad[sample->label] = -1.f / k;
}

static size_t thread_scratch(const smooth_topk_params *params, int classes)
{
    size_t of_algorithm = params->algorithm == SMOOTH_TOPK_LOG
                              ? smooth_topk_log_scratch(classes, params->k)
                              : smooth_topk_pivot_scratch(classes, params->k);
    return aligned(params->k * sizeof(int)) + aligned(params->k * sizeof(float)) +
           aligned(of_algorithm);
}

static void one_sample(const smooth_topk_params *params, int classes, const float *scores,
                       int label, float *loss, float *grad, char *scratch)
{
    if (label == -1) {
        *loss = 0;
        fill(grad, classes, 0);
        return;
    }
    int k = params->k;
    int *top = take(&scratch, k * sizeof(int));
    float *top_scores = take(&scratch, k * sizeof(float));
    /* The algorithms' scratch is free until they begin. */
    if (smooth_topk_find_top(scores, classes, label, k, top, top_scores, (void *)scratch)) {
        *loss = float_of(BITS_NAN);
        fill(grad, classes, float_of(BITS_NAN));
        return;
    }
    smooth_topk_sample sample = {params, classes, scores, label, top_scores[0], top, top_scores};
    if (smooth_topk_is_minus_inf(bits_of(scores[label]))) {
        *loss = float_of(BITS_PLUS_INF);
        fill(grad, classes, 0);
    } else if (smooth_topk_is_minus_inf(bits_of(sample.pivot))) {
        *loss = 0;
        fill(grad, classes, 0);
    } else if (smooth_topk_is_hinge(params->tau)) {
        hard_hinge(&sample, loss, grad);
    } else if (params->algorithm == SMOOTH_TOPK_LOG) {
        smooth_topk_by_log(&sample, loss, grad, scratch);
    } else {
        smooth_topk_by_pivot(&sample, loss, grad, scratch);
    }
}

int smooth_topk_check(const smooth_topk_params *params, int classes)
{
    if (!params || classes < 2) return SMOOTH_TOPK_ERROR_SIZE;
    if (params->k < 1 || params->k >= classes) return SMOOTH_TOPK_ERROR_K;
    if ((bits_of(params->tau) & 0x7f800000u) == 0x7f800000u || params->tau < 0)
        return SMOOTH_TOPK_ERROR_TAU;
    if ((bits_of(params->alpha) & 0x7f800000u) == 0x7f800000u || params->alpha < 0)
        return SMOOTH_TOPK_ERROR_ALPHA;
    if (params->algorithm != SMOOTH_TOPK_PIVOT && params->algorithm != SMOOTH_TOPK_LOG)
        return SMOOTH_TOPK_ERROR_ALGORITHM;
    return SMOOTH_TOPK_OK;
}

static int thread_limit(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

size_t smooth_topk_workspace_size(const smooth_topk_params *params, int threads, int classes)
{
    if (smooth_topk_check(params, classes) || threads < 0) return 0;
    return thread_scratch(params, classes) * (threads ? threads : thread_limit()) + ALIGNMENT;
}

int smooth_topk_cpu_workspace(const smooth_topk_params *params, int batch, int classes,
                              const float *scores, const int *labels, float *loss, float *grad,
                              void *workspace, size_t workspace_size)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    if (batch < 0 || (batch > 0 && (!scores || !labels || !loss))) return SMOOTH_TOPK_ERROR_SIZE;
    for (int b = 0; b < batch; ++b)
        if (labels[b] < -1 || labels[b] >= classes) return SMOOTH_TOPK_ERROR_LABEL;
    size_t slice = thread_scratch(params, classes);
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
        for (int b = 0; b < batch; ++b) {
            size_t row = (size_t)b * classes;
            one_sample(params, classes, scores + row, labels[b], loss + b, grad ? grad + row : NULL,
                       scratch);
        }
    }
    return SMOOTH_TOPK_OK;
}

int smooth_topk_cpu(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels, float *loss, float *grad)
{
    size_t size = smooth_topk_workspace_size(params, batch < 2 ? 1 : 0, classes);
    void *workspace = size ? malloc(size) : NULL;
    int error = smooth_topk_cpu_workspace(params, batch, classes, scores, labels, loss, grad,
                                          workspace, size);
    free(workspace);
    return error;
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
        return "sizes or pointers are out of range: batch >= 0, classes >= 2, params, scores, "
               "labels and loss not NULL";
    case SMOOTH_TOPK_ERROR_LABEL:
        return "a label is out of range: 0 <= label < number of classes, or -1 to ignore";
    case SMOOTH_TOPK_ERROR_MEMORY:
        return "not enough memory for the workspace";
    case SMOOTH_TOPK_ERROR_CUDA:
        return "a CUDA call failed";
    default:
        return "unknown error";
    }
}
