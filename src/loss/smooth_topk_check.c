/* The checks of a loss's parameters, and the messages of all errors. */
#include "finite.h"
#include "smooth_topk.h"

int smooth_topk_check(const smooth_topk_params *params, int classes)
{
    if (!params || classes < 2) return SMOOTH_TOPK_ERROR_SIZE;
    if (params->k < 1 || params->k >= classes) return SMOOTH_TOPK_ERROR_K;
    if (!is_finite(params->tau) || params->tau < 0) return SMOOTH_TOPK_ERROR_TAU;
    if (!is_finite(params->alpha) || params->alpha < 0) return SMOOTH_TOPK_ERROR_ALPHA;
    if (params->algorithm != SMOOTH_TOPK_PIVOT && params->algorithm != SMOOTH_TOPK_LOG)
        return SMOOTH_TOPK_ERROR_ALGORITHM;
    return SMOOTH_TOPK_OK;
}

int smooth_topk_sum_check(const smooth_topk_term *terms, int count, int classes)
{
    int error = terms && count >= 1 ? SMOOTH_TOPK_OK : SMOOTH_TOPK_ERROR_SIZE;
    for (int j = 0; !error && j < count; ++j) {
        error = smooth_topk_check(&terms[j].params, classes);
        if (!error && (!is_finite(terms[j].weight) || !(terms[j].weight > 0)))
            error = SMOOTH_TOPK_ERROR_WEIGHT;
    }
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
