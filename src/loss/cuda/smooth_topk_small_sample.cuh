/* What pivot_kernel keeps of a sample, and the end of it: loss, and all that the gradient needs,
   from the light classes' product and the heavy classes. One warp does it, in float but for what
   could lose digits. */
#ifndef SMOOTH_TOPK_SMALL_SAMPLE_CUH
#define SMOOTH_TOPK_SMALL_SAMPLE_CUH

#include "smooth_topk_cuda.cuh"
#include "smooth_topk_formulas.h"
#include "smooth_topk_polynomial.h"

#define SMALL_K SMOOTH_TOPK_SMALL_K
#define MOST_THREADS 512 /* two blocks an SM, of up to 64 registers a thread */
#define MOST_WARPS (MOST_THREADS / WARP)

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* What the threads of a sample tell one another. */
typedef struct {
    double of_warp[SMALL_K + 1][MOST_WARPS]; /* products of light classes: floats on chip */
    double heavy[SMALL_K], heavy_product[SMALL_K + 1];
    float light[SMALL_K + 1]; /* of all light classes, up to a common factor */
    float d[SMALL_K], heavy_grad[SMALL_K], label_grad;
    int heavy_class[SMALL_K];
    float column[WARP], partial[WARP];
    float candidate_score[WARP];
    int candidate_class[WARP], candidates, deferred;
    int bad[MOST_WARPS];
} small_shared;

/* A sample and the threads that do it. A class belongs to one thread throughout, so that the row on
   chip needs no barrier. */
typedef struct {
    team members;
    small_shared *shared;
    int b, label, classes;
    float label_score; /* minus infinity where there is no label */
    const float *scores;
    float *on_chip;   /* classes: first the scores, then u */
    const float *row; /* where the scores are read again: on_chip or scores */
} small_sample;

/* The product of the heavy classes' factors (u + x): lane j has coefficient j. */
static __device__ double multiply_heavy(const small_shared *shared, int heavy_count)
{
    double product = LANE == 0;
    for (int i = 0; i < heavy_count; ++i) {
        double below = __shfl_up_sync(ALL_LANES, product, 1);
        product = shared->heavy[i] * product + (LANE > 0 ? below : 0);
    }
    return product;
}

/* Coefficients k and k-1 of the product without heavy class i: that of the others, by division from
   the monic end, times that of the light ones. */
static __device__ void exclude_heavy(const small_shared *shared, int heavy_count, int i, int k,
                                     float *excluded_k, float *excluded_k1)
{
    double u = shared->heavy[i], quotient = 0;
    *excluded_k = *excluded_k1 = 0;
    for (int t = heavy_count - 1; t >= 0; --t) {
        quotient = shared->heavy_product[t + 1] - u * quotient;
        *excluded_k += (float)quotient * shared->light[k - t];
        *excluded_k1 += (float)quotient * shared->light[k - 1 - t];
    }
}

/* As smooth_topk_softplus_and_sigmoid. In double are only the exponential's argument and what keeps
   the digits of a sigmoid that is no normal float. */
static __device__ double softplus_and_sigmoid(double q, double *sigmoid)
{
    double power = fmax(-fabs(q) * SMOOTH_TOPK_LOG2_E, -200.);
    float whole = rintf((float)power);
    double e = ldexp((double)exp2f((float)(power - (double)whole)), (int)whole);
    *sigmoid = (q > 0 ? 1 : e) * (double)(1 / (1 + (float)e));
    return fmax(q, 0.) + (double)log1pf((float)e);
}

/* q of the sample's loss from c_k / c_{k-1}. Its parts may be large and cancel: they are in double.
 */
static __device__ double q_of_ratio(const gpu_batch *batch, const small_sample *sample, float pivot,
                                    float ratio)
{
    int exponent;
    float log_of_mantissa = logf(frexpf(ratio, &exponent));
    return label_alpha(batch, sample->label) * batch->inverse_tau -
           smooth_topk_scaled_z(sample->label_score, pivot, batch->inverse_k_tau) +
           (exponent * SMOOTH_TOPK_LN_2 + (double)log_of_mantissa);
}

/* Loss, and all that the gradient needs, from the light product and the heavy classes: one warp, in
   float but for what could lose digits. Lane j has coefficient j of the products and heavy class j.
 */
static __device__ void finish_small(const gpu_batch *batch, const small_sample *sample, float pivot,
                                    int heavy_count)
{
    small_shared *shared = sample->shared;
    int k = batch->params.k, b = sample->b;
    double heavy = multiply_heavy(shared, heavy_count);
    if (LANE <= k) shared->heavy_product[LANE] = heavy;
    __syncwarp();
    float excluded_k = 0, excluded_k1 = 0, c = 0;
    if (LANE < heavy_count) exclude_heavy(shared, heavy_count, LANE, k, &excluded_k, &excluded_k1);
    for (int t = 0; t <= heavy_count; ++t) {
        float factor = __shfl_sync(ALL_LANES, (float)heavy, t);
        if (t <= LANE && LANE <= k) c += factor * shared->light[LANE - t];
    }
    float c_k1 = __shfl_sync(ALL_LANES, c, k - 1), scale_k = 1 / __shfl_sync(ALL_LANES, c, k),
          scale_k1 = 1 / c_k1,
          below = warp_sum(LANE < k - 1 ? c : 0); /* smooth_topk_cancellation */
    int deferred = !(below * scale_k1 <= SMOOTH_TOPK_LARGEST_SUM &&
                     (below + c_k1) * scale_k <= SMOOTH_TOPK_LARGEST_SUM);
    if (LANE == 0) shared->deferred = batch->deferred[b] = deferred;
    if (deferred) return;
    float upper = __shfl_sync(ALL_LANES, c, (k - 1 - LANE + WARP) % WARP),
          lower = __shfl_sync(ALL_LANES, c, (k - 2 - LANE + WARP) % WARP);
    double sigmoid, q = q_of_ratio(batch, sample, pivot, scale_k1 / scale_k),
                    softplus = softplus_and_sigmoid(q, &sigmoid), size = sigmoid * (1.f / k);
    float weight = batch->weights ? batch->scale * batch->weights[b] : batch->scale;
    float signed_weight = batch->sign * weight;
    if (LANE < k) { /* smooth_topk_division */
        float d = upper * scale_k - (LANE <= k - 2 ? lower * scale_k1 : 0);
        shared->d[LANE] = (float)(size * (double)d);
    }
    if (LANE < heavy_count) {
        float difference = excluded_k1 * scale_k1 - excluded_k * scale_k;
        shared->heavy_grad[LANE] =
            signed_weight * (float)(size * (shared->heavy[LANE] * (double)difference));
    }
    if (LANE != 0) return;
    shared->label_grad = signed_weight * (float)-size;
    write_loss(batch, b, weight * (float)(batch->params.tau * softplus));
}

#endif
