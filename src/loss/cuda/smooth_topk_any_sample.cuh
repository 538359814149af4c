/* What any_kernel keeps of a sample, and what both of its algorithms call: they find the k-th
   largest score, write the gradient, and compute the loss from log(sigma_k / sigma_{k-1}). */
#ifndef SMOOTH_TOPK_ANY_SAMPLE_CUH
#define SMOOTH_TOPK_ANY_SAMPLE_CUH

#include "smooth_topk_formulas.h"
#include "smooth_topk_power_sums.h"
#include "smooth_topk_tree_shape.h"
#include "smooth_topk_cuda.cuh"

#include <limits.h>

#define ANY_THREADS 256 /* of any_kernel: one a bin of a byte */
#define ANY_WARPS (ANY_THREADS / WARP)

/* Classes with their odds, or the odds against them. */
typedef struct {
    int *class_numbers;
    float *odds;
} class_list;

SMOOTH_TOPK_FUNCTION class_list take_class_list(char **scratch, int classes)
{
    class_list taken;
    taken.class_numbers = (int *)take(scratch, classes * sizeof(int));
    taken.odds = (float *)take(scratch, classes * sizeof(float));
    return taken;
}

/* What any_kernel keeps of a sample in flight, in global memory. */
typedef struct {
    double *sums; /* classes: the gradient of a row of several labels */
    float *odds;  /* classes: first all weights, then the small odds */
    class_list unlikely_classes, likely_classes; /* classes each; a warp's begin at its stretch */
    double *carry;                               /* classes */
    double *products, *merged; /* classes + ANY_WARPS: of the warps, and of two of them */
    double *likely;            /* classes + 1: the product of the likely classes */
    double *unlikely, *c, *d;  /* k + 1 each */
    tree block, upper;         /* of algorithm log */
} sample_scratch;

SMOOTH_TOPK_FUNCTION sample_scratch take_sample_scratch(char **scratch,
                                                        const smooth_topk_params *params,
                                                        int classes)
{
    sample_scratch taken;
    memset(&taken, 0, sizeof taken);
    int k = params->k;
    taken.sums = (double *)take(scratch, (size_t)classes * sizeof(double));
    if (params->algorithm == SMOOTH_TOPK_LOG) {
        int size = block_size(k, ANY_THREADS);
        tree_shape block = block_shape(min_int(classes, size), k),
                   upper = upper_shape(classes, k, size);
        taken.block = take_tree(scratch, &block, 1);
        taken.upper = take_tree(scratch, &upper, 1);
        return taken;
    }
    size_t of_classes = (size_t)classes * sizeof(double), of_k = ((size_t)k + 1) * sizeof(double);
    size_t of_products = of_classes + ANY_WARPS * sizeof(double);
    taken.odds = (float *)take(scratch, classes * sizeof(float));
    taken.unlikely_classes = take_class_list(scratch, classes);
    taken.likely_classes = take_class_list(scratch, classes);
    taken.carry = (double *)take(scratch, of_classes);
    taken.products = (double *)take(scratch, of_products);
    taken.merged = (double *)take(scratch, of_products);
    taken.likely = (double *)take(scratch, of_classes + sizeof(double));
    taken.unlikely = (double *)take(scratch, of_k);
    taken.c = (double *)take(scratch, of_k);
    taken.d = (double *)take(scratch, of_k);
    return taken;
}

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* What the threads of a block tell one another. */
typedef struct {
    unsigned histogram[ANY_THREADS], bin, above;
    float partial[4][WARP];
    int likely[ANY_WARPS], unlikely[ANY_WARPS]; /* how many each warp's lists have */
    double power_of_warp[POWER_SUMS][ANY_WARPS], power[POWER_SUMS];
    double term[POWER_SUMS + 1]; /* of nearly equal weights */
    int pivot_class, is_equal;
    char is_wanted[ANY_THREADS]; /* of the next samples */
} any_shared;

/* A sample with one of its labels, or with none: then the probabilities of being among the k are
   written where the gradient is with a label. */
typedef struct {
    const gpu_batch *batch;
    any_shared *shared;
    const sample_scratch *scratch;
    const float *scores;
    float *grad;  /* may be NULL */
    double *sums; /* if not NULL, what is written is added to it, and grad is left alone */
    int label;
    float range;  /* of the scores, in powers of 2 of their weights */
    float most;   /* the largest score */
    float pivot;  /* the score that the others are relative to */
    float factor; /* of the gradient */
    int add;      /* to what is in grad */
} labelled_sample;

static __device__ int is_membership(const labelled_sample *sample)
{
    return sample->label < 0;
}

static __device__ int other_classes(const labelled_sample *sample)
{
    return sample->batch->classes - !is_membership(sample);
}

static __device__ void write_gradient(const labelled_sample *sample, int i, float value)
{
    if (sample->sums) {
        sample->sums[i] += (double)sample->factor * (double)value;
        return;
    }
    float gradient = sample->factor * value;
    sample->grad[i] = sample->add ? sample->grad[i] + gradient : gradient;
}

static __device__ void write_zeros(const labelled_sample *sample)
{
    if (!sample->grad || sample->sums || sample->add) return;
    for (int i = threadIdx.x; i < sample->batch->classes; i += ANY_THREADS) sample->grad[i] = 0;
}

static __device__ void write_nans(const labelled_sample *sample)
{
    for (int i = threadIdx.x; sample->grad && i < sample->batch->classes; i += ANY_THREADS)
        sample->grad[i] = float_from_bits(BITS_NAN);
}

/* The k-th largest score but the label's, by its bits in an order of whole numbers, a byte at a
   time. */
static __device__ float kth_largest(const labelled_sample *sample)
{
    any_shared *shared = sample->shared;
    unsigned key_of_kth = 0, k = sample->batch->params.k;
    for (int shift = 24; shift >= 0; shift -= 8) {
        shared->histogram[threadIdx.x] = 0;
        __syncthreads();
        for (int i = threadIdx.x; i < sample->batch->classes; i += ANY_THREADS) {
            unsigned bits = float_bits(sample->scores[i]);
            unsigned key = bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
            if (i != sample->label && (key ^ key_of_kth) >> shift >> 8 == 0)
                atomicAdd(&shared->histogram[key >> shift & 255], 1u);
        }
        __syncthreads();
        unsigned above = 0;
        for (int bin = threadIdx.x + 1; bin < ANY_THREADS; ++bin) above += shared->histogram[bin];
        if (above < k && k <= above + shared->histogram[threadIdx.x]) {
            shared->bin = threadIdx.x;
            shared->above = above;
        }
        __syncthreads();
        key_of_kth |= shared->bin << shift;
        k -= shared->above;
    }
    return float_from_bits(key_of_kth ^ (key_of_kth >> 31 ? 0x80000000u : 0xffffffffu));
}

/* The subgradient is that of the first class whose score is the k-th largest. */
static __device__ double hard_hinge(const labelled_sample *sample)
{
    int k = sample->batch->params.k;
    double hinge = smooth_topk_hinge(sample->pivot, sample->scores[sample->label], k,
                                     label_alpha(sample->batch, sample->label));
    if (!(hinge > 0) || !sample->grad) {
        write_zeros(sample);
        return hinge > 0 ? hinge : 0;
    }
    if (threadIdx.x == 0) sample->shared->pivot_class = INT_MAX;
    __syncthreads();
    for (int i = threadIdx.x; i < sample->batch->classes; i += ANY_THREADS)
        if (i != sample->label && sample->scores[i] == sample->pivot)
            atomicMin(&sample->shared->pivot_class, i);
    __syncthreads();
    for (int i = threadIdx.x; i < sample->batch->classes; i += ANY_THREADS)
        write_gradient(sample, i,
                       i == sample->label                 ? -1.f / k
                       : i == sample->shared->pivot_class ? 1.f / k
                                                          : 0);
    return hinge;
}

/* The loss from log(sigma_k / sigma_{k-1}), and the size of the gradient. */
static __device__ double finish_any(const labelled_sample *sample, double log_ratio, double *size)
{
    const smooth_topk_params *params = &sample->batch->params;
    double q = smooth_topk_q(log_ratio, sample->scores[sample->label], sample->pivot, params->k,
                             params->tau, label_alpha(sample->batch, sample->label));
    double sigmoid, softplus = smooth_topk_softplus_and_sigmoid(q, &sigmoid);
    *size = sigmoid / params->k;
    return params->tau * softplus;
}

#endif
