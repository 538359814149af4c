/* Algorithm pivot for k <= 10, in float: a block a sample. Reads the scores once where they fit on
   chip, writes loss and gradient once; what float cannot bear is deferred to any_kernel. */
#ifndef SMOOTH_TOPK_SMALL_K_CUH
#define SMOOTH_TOPK_SMALL_K_CUH

#include "smooth_topk_exp.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_softmax.cuh"

#include <limits.h>

#define SMALL_K SMOOTH_TOPK_SMALL_K
#define MOST_THREADS 512 /* two blocks an SM, of up to 64 registers a thread */

/* So many factors a thread can multiply in float. */
#define MOST_ON_CHIP (128 * MOST_THREADS)

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* What the threads of a block tell one another. */
typedef struct {
    double of_warp[SMALL_K + 1][WARP],
        light[SMALL_K + 1]; /* light classes' products: of each warp; of all */
    double heavy[SMALL_K], heavy_product[SMALL_K + 1], c[SMALL_K + 1];
    float d[SMALL_K], heavy_grad[SMALL_K], label_grad;
    int heavy_class[SMALL_K];
    float column[WARP], partial[WARP], score[WARP]; /* score, class_of: the candidates */
    int class_of[WARP], candidates, deferred;
    int bad[WARP];
} small_shared;

/* Of 32 columns of classes, what their maxima say about the k-th largest score: that it is at least
   the k-th largest of them. */
static __device__ float bound_of_columns(const float *column, int k)
{
    float mine = column[LANE];
    int above = 0;
    for (int i = 0; i < WARP; ++i) above += column[i] > mine;
    return -warp_max(above < k ? -mine : minus_inf());
}

/* a = a * b for two products whose constant coefficients are 1; b is the one `offset` lanes up. */
template <int K, typename real>
static __device__ void times_lane_above(real (&a)[K + 1], int offset)
{
    real b[K + 1];
#pragma unroll
    for (int j = 1; j <= K; ++j) b[j] = __shfl_down_sync(ALL_LANES, a[j], offset);
#pragma unroll
    for (int j = K; j >= 1; --j) {
        real sum = a[j] + b[j];
#pragma unroll
        for (int i = 1; i < j; ++i) sum += a[i] * b[j - i];
        a[j] = sum;
    }
}

/* Loss, and all that the gradient needs, from the light product and the heavy classes: one warp. */
static __device__ void finish_small(const gpu_batch *batch, small_shared *s, int b, float pivot,
                                    float label_score, int label, int heavy_count)
{
    int k = batch->params.k;
    float weight = batch->weights ? batch->scale * batch->weights[b] : batch->scale;
    if (LANE == 0) smooth_topk_monic_product(s->heavy, heavy_count, s->heavy_product);
    __syncwarp();
    if (LANE <= k)
        s->c[LANE] = smooth_topk_coefficient(s->heavy_product, heavy_count, s->light, k, LANE);
    __syncwarp();
    int deferred = !(smooth_topk_cancellation(s->c, k) <= SMOOTH_TOPK_LARGEST_SUM);
    if (LANE == 0) s->deferred = batch->deferred[b] = deferred;
    if (deferred) return;
    double q = smooth_topk_q(log(s->c[k] / s->c[k - 1]), label_score, pivot, k, batch->params.tau,
                             alpha_of(batch, label));
    double size = smooth_topk_sigmoid(q) / k;
    if (LANE < k) s->d[LANE] = (float)(size * smooth_topk_division(s->c, k, LANE));
    if (LANE < heavy_count)
        s->heavy_grad[LANE] =
            batch->sign * weight *
            (float)(size * smooth_topk_monic_difference(s->heavy_product, heavy_count,
                                                        s->heavy[LANE], s->light, s->c, k));
    if (LANE != 0) return;
    s->label_grad = batch->sign * weight * (float)-size;
    write_loss(batch, b, weight * (float)(batch->params.tau * smooth_topk_softplus(q)));
}

/* Single precision where no thread has more than 128 classes. */
template <bool ON_CHIP> struct product_number {
    typedef float type;
};
template <> struct product_number<false> {
    typedef double type;
};

/* A sample a block, of 1, 2, 4, 8 or 16 warps. A class belongs to one thread throughout, so that
   the row needs no barrier. What is not an ordinary sample is deferred to any_kernel: without a
   label, with bad scores, with ties beyond number at the pivot, or beyond what float can bear. */
template <int K, bool ON_CHIP>
static __global__ void __launch_bounds__(MOST_THREADS, 2) pivot_kernel(gpu_batch batch)
{
    typedef typename product_number<ON_CHIP>::type real;
    DYNAMIC_SHARED(small_shared, s);
    float *on_chip = (float *)(s + 1); /* first the scores, then u */
    int b = blockIdx.x, label = batch.labels[b], classes = batch.classes, warps = blockDim.x / WARP;
    const float *scores = batch.scores + (size_t)b * classes, *row = ON_CHIP ? on_chip : scores;
    int labelled = label >= 0 && label < classes;
    float label_score = labelled ? scores[label] : minus_inf();

    float mine = minus_inf();
    int bad = 0;
#pragma unroll 8
    for (int i = threadIdx.x; i < classes; i += blockDim.x) {
        float score = scores[i];
        if (ON_CHIP) on_chip[i] = score;
        bad |= smooth_topk_is_nan_or_plus_inf(bits_of(score));
        if (i != label) mine = fmaxf(mine, score);
    }
    float column = mine;
    for (int offset = 1; offset < warps; offset *= 2)
        column = fmaxf(column, __shfl_xor_sync(ALL_LANES, column, offset));
    if (LANE % warps == 0) s->column[WARP_OF_BLOCK * (WARP / warps) + LANE / warps] = column;
    bad = __any_sync(ALL_LANES, bad);
    if (LANE == 0) s->bad[WARP_OF_BLOCK] = bad;
    if (threadIdx.x == 0) s->candidates = 0;
    __syncthreads();

    if (batch.output)
        softmax_row(row, classes, fmaxf(warp_max(s->column[LANE]), label_score), batch.temperature,
                    batch.output + (size_t)b * classes, s->partial);

    bad = __any_sync(ALL_LANES, LANE < warps && s->bad[LANE]);
    float bound = bound_of_columns(s->column, K);
    if (bad || !(label_score > minus_inf()) || !(bound > minus_inf())) {
        if (threadIdx.x == 0) batch.deferred[b] = 1;
        return;
    }
    if (mine >= bound) {
        for (int i = threadIdx.x; i < classes; i += blockDim.x) {
            if (i == label || !(row[i] >= bound)) continue;
            int place = atomicAdd(&s->candidates, 1);
            if (place >= WARP) break;
            s->score[place] = row[i];
            s->class_of[place] = i;
        }
    }
    __syncthreads();

    int candidates = s->candidates;
    if (candidates > WARP) {
        if (threadIdx.x == 0) batch.deferred[b] = 1;
        return;
    }
    /* Whatever the order they came in: by score, then by class. */
    int is_candidate = LANE < candidates, rank = 0;
    float score = is_candidate ? s->score[LANE] : minus_inf();
    int class_of = is_candidate ? s->class_of[LANE] : INT_MAX;
    for (int i = 0; i < candidates; ++i)
        rank += s->score[i] > score || (s->score[i] == score && s->class_of[i] < class_of);
    unsigned at_pivot = __ballot_sync(ALL_LANES, is_candidate && rank == K - 1);
    float pivot = __shfl_sync(ALL_LANES, score, __ffs(at_pivot) - 1);
    int heavy_count = __popc(__ballot_sync(ALL_LANES, score > pivot));
    if (threadIdx.x < WARP && score > pivot) {
        s->heavy[rank] = exp(-smooth_topk_z(score, pivot, K, batch.params.tau));
        s->heavy_class[rank] = class_of;
    }

    real c[K + 1];
#pragma unroll
    for (int m = 0; m <= K; ++m) c[m] = m == 0;
#pragma unroll 4
    for (int i = threadIdx.x; i < classes; i += blockDim.x) {
        float u = smooth_topk_weight(row[i], pivot, batch.rate);
        if (i == label) u = 0;
        if (ON_CHIP) on_chip[i] = u;
#pragma unroll
        for (int m = K; m >= 1; --m) c[m] += u * c[m - 1];
    }
    /* The first products in float; those whose errors no longer average out, in double. */
    times_lane_above<K, real>(c, 16);
    times_lane_above<K, real>(c, 8);
    double of_warp[K + 1];
#pragma unroll
    for (int m = 1; m <= K; ++m) of_warp[m] = c[m];
    for (int offset = 4; offset > 0; offset /= 2) times_lane_above<K, double>(of_warp, offset);
    if (LANE == 0)
        for (int m = 1; m <= K; ++m) s->of_warp[m][WARP_OF_BLOCK] = of_warp[m];
    __syncthreads();

    if (threadIdx.x < WARP) {
        double product[K + 1];
        for (int m = 1; m <= K; ++m) product[m] = LANE < warps ? s->of_warp[m][LANE] : 0;
        for (int offset = warps / 2; offset > 0; offset /= 2)
            times_lane_above<K, double>(product, offset);
        if (LANE == 0) {
            s->light[0] = 1;
            for (int m = 1; m <= K; ++m) s->light[m] = product[m];
        }
        finish_small(&batch, s, b, pivot, label_score, label, heavy_count);
    }
    __syncthreads();

    if (s->deferred || !batch.grad) return;
    float *grad = batch.grad + (size_t)b * classes, d[K];
    float sign = batch.sign * (batch.weights ? batch.scale * batch.weights[b] : batch.scale);
#pragma unroll
    for (int m = 0; m < K; ++m) d[m] = s->d[m];
#pragma unroll 4
    for (int i = threadIdx.x; i < classes; i += blockDim.x) {
        float u = ON_CHIP ? row[i] : smooth_topk_weight(row[i], pivot, batch.rate);
        if (!ON_CHIP && i == label) u = 0;
        float sum = d[K - 1];
#pragma unroll
        for (int m = K - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], u, sum);
        float value = sign * (u * sum);
        grad[i] = batch.add ? grad[i] + value : value;
    }
    /* Of heavy classes and the label u is 0: so was what was written. */
    for (int i = 0; i < heavy_count; ++i)
        if (s->heavy_class[i] % blockDim.x == threadIdx.x)
            grad[s->heavy_class[i]] += s->heavy_grad[i];
    if (label % blockDim.x == threadIdx.x) grad[label] += s->label_grad;
}

/* -------------------------------------------------------------------------------------------------
   kernel launchers
   -------------------------------------------------------------------------------------------------
 */

typedef void (*batch_kernel)(gpu_batch);

template <bool ON_CHIP> static batch_kernel pivot_kernel_of(int k)
{
    static const batch_kernel kernels[SMALL_K] = {
        pivot_kernel<1, ON_CHIP>, pivot_kernel<2, ON_CHIP>, pivot_kernel<3, ON_CHIP>,
        pivot_kernel<4, ON_CHIP>, pivot_kernel<5, ON_CHIP>, pivot_kernel<6, ON_CHIP>,
        pivot_kernel<7, ON_CHIP>, pivot_kernel<8, ON_CHIP>, pivot_kernel<9, ON_CHIP>,
        pivot_kernel<10, ON_CHIP>};
    return kernels[k - 1];
}

static int launch_pivot(const gpu_batch *batch, cudaStream_t stream)
{
    int device = 0, limit = 0, threads = MOST_THREADS;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) !=
            cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    size_t shared = sizeof(small_shared),
           with_row = shared + (size_t)batch->classes * sizeof(float);
    int on_chip = batch->classes <= MOST_ON_CHIP && with_row <= (size_t)limit;
    batch_kernel kernel =
        on_chip ? pivot_kernel_of<true>(batch->params.k) : pivot_kernel_of<false>(batch->params.k);
    if (on_chip) shared = with_row;
    if (shared > 48 * 1024 &&
        cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             (int)shared) != cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    if (batch->classes <= 256)
        threads = WARP;
    else if (batch->classes <= 4096)
        threads = 256;
    return failed(launch(kernel, batch->samples, threads, shared, stream, *batch));
}

/* Whether pivot_kernel can do it; its rate. */
static int is_small(gpu_batch *batch)
{
    const smooth_topk_params *params = &batch->params;
    double rate = smooth_topk_rate(params->k, params->tau);
    if (params->algorithm != SMOOTH_TOPK_PIVOT || params->k > SMALL_K ||
        smooth_topk_is_hinge(params->tau) || rate < 1e-30)
        return 0;
    batch->rate = (float)rate;
    return 1;
}

#endif
