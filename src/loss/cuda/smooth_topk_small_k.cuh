/* Algorithm pivot for k <= 10, in float: a warp a sample for few classes, else a block a sample.
   Reads the scores once where they fit on chip, writes loss and gradient once; samples that
   need double precision are left to any_kernel. */
#ifndef SMOOTH_TOPK_SMALL_K_CUH
#define SMOOTH_TOPK_SMALL_K_CUH

#include "smooth_topk_exp.h"
#include "smooth_topk_small_sample.cuh"
#include "smooth_topk_softmax.cuh"

#include <limits.h>

/* Numbers of a thread that are on their way from memory at the same time: of the scores, and of
   what is read again on chip or from the caches. */
#define SCORES_AHEAD 8
#define AHEAD 4

/* So many factors a thread can multiply in float before it goes on in double. */
#define FLOAT_FACTORS 128

/* Longer rows are not kept on chip, even if they fit; a test sets it to 0. */
#ifndef MOST_ON_CHIP
#define MOST_ON_CHIP (FLOAT_FACTORS * MOST_THREADS)
#endif

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* numbers[j] = row[first + j threads], minus infinity behind the end of the row. All loads go out
   before the first number is used. */
template <int COUNT>
static __device__ void load_ahead(const small_sample *sample, const float *row, int first,
                                  float (&numbers)[COUNT])
{
#pragma unroll
    for (int j = 0; j < COUNT; ++j) {
        int i = first + j * sample->members.threads;
        numbers[j] = row[i < sample->classes ? i : first];
    }
#pragma unroll
    for (int j = 0; j < COUNT; ++j)
        if (first + j * sample->members.threads >= sample->classes) numbers[j] = minus_inf();
}

/* Reads the scores: the largest of each of 32 columns of classes, the label left out, to
   shared->column, whether a score is bad to shared->bad. Returns the largest of this thread's.
   Ends with a barrier. */
template <bool ON_CHIP> static __device__ float read_scores(const small_sample *sample)
{
    team members = sample->members;
    small_shared *shared = sample->shared;
    int warps = members.threads / WARP, warp = members.thread / WARP, bad = 0;
    float mine = minus_inf(), ahead[SCORES_AHEAD];
    for (int first = members.thread; first < sample->classes;
         first += SCORES_AHEAD * members.threads) {
        load_ahead(sample, sample->scores, first, ahead);
#pragma unroll
        for (int j = 0; j < SCORES_AHEAD; ++j) {
            int i = first + j * members.threads;
            if (ON_CHIP && i < sample->classes) sample->on_chip[i] = ahead[j];
            bad |= smooth_topk_is_nan_or_plus_inf(float_bits(ahead[j]));
            if (i != sample->label) mine = fmaxf(mine, ahead[j]);
        }
    }
    float column = mine;
    for (int offset = 1; offset < warps; offset *= 2)
        column = fmaxf(column, __shfl_xor_sync(ALL_LANES, column, offset));
    if (LANE % warps == 0) shared->column[warp * (WARP / warps) + LANE / warps] = column;
    bad = __any_sync(ALL_LANES, bad);
    if (LANE == 0) shared->bad[warp] = bad;
    if (members.thread == 0) shared->candidates = 0;
    TEAM_BARRIER(members);
    return mine;
}

/* The k-th largest score is at least the k-th largest of the columns' maxima. */
static __device__ float bound_of_columns(const float *column, int k)
{
    float mine = column[LANE];
    int above = 0;
    for (int i = 0; i < WARP; ++i) above += column[i] > mine;
    return -warp_max(above < k ? -mine : minus_inf());
}

/* The classes, the label left out, whose scores are at least `bound`: most threads have none.
   Returns how many there are; beyond WARP they are not all in the list. Ends with a barrier. */
static __device__ int collect_candidates(const small_sample *sample, float largest_of_thread,
                                         float bound)
{
    small_shared *shared = sample->shared;
    if (largest_of_thread >= bound) {
        for (int i = sample->members.thread; i < sample->classes; i += sample->members.threads) {
            float score = sample->row[i];
            if (i == sample->label || !(score >= bound)) continue;
            int place = atomicAdd(&shared->candidates, 1);
            if (place >= WARP) break;
            shared->candidate_score[place] = score;
            shared->candidate_class[place] = i;
        }
    }
    TEAM_BARRIER(sample->members);
    return shared->candidates;
}

/* The K-th largest score, in every thread; the heavy classes and their number. The candidates are
   ordered by score, then by class, whatever the order they came in. */
template <int K>
static __device__ float find_pivot(const small_sample *sample, float rate, int *heavy_count)
{
    small_shared *shared = sample->shared;
    int count = shared->candidates, is_candidate = LANE < count, rank = 0;
    float score = is_candidate ? shared->candidate_score[LANE] : minus_inf();
    int class_number = is_candidate ? shared->candidate_class[LANE] : INT_MAX;
    for (int i = 0; i < count; ++i) {
        float other = shared->candidate_score[i];
        rank += other > score || (other == score && shared->candidate_class[i] < class_number);
    }
    unsigned at_pivot = __ballot_sync(ALL_LANES, is_candidate && rank == K - 1);
    float pivot = __shfl_sync(ALL_LANES, score, __ffs(at_pivot) - 1);
    *heavy_count = __popc(__ballot_sync(ALL_LANES, score > pivot));
    if (sample->members.thread < WARP && score > pivot) {
        shared->heavy[rank] = (double)smooth_topk_weight(pivot, score, rate);
        shared->heavy_class[rank] = class_number;
    }
    return pivot;
}

/* a *= b for two products whose constant coefficients are 1. */
template <int K, typename real>
static __device__ void multiply(real (&a)[K + 1], const real (&b)[K + 1])
{
#pragma unroll
    for (int j = K; j >= 1; --j) {
        real sum = a[j] + b[j];
#pragma unroll
        for (int i = 1; i < j; ++i) sum += a[i] * b[j - i];
        a[j] = sum;
    }
}

/* a *= the one of the lane `offset` above. */
template <int K, typename real>
static __device__ void multiply_lane_above(real (&a)[K + 1], int offset)
{
    real b[K + 1];
#pragma unroll
    for (int j = 1; j <= K; ++j) b[j] = __shfl_down_sync(ALL_LANES, a[j], offset);
    multiply<K>(a, b);
}

/* Of a thread's product: where the row is not on chip it has more than FLOAT_FACTORS factors. */
template <bool ON_CHIP> struct product_number {
    typedef float type;
};
template <> struct product_number<false> {
    typedef double type;
};

/* The product of the factors of this thread's light classes. On chip u takes the place of the
   scores. */
template <int K, bool ON_CHIP, typename real>
static __device__ void multiply_own(const small_sample *sample, float pivot, float rate,
                                    real (&product)[K + 1])
{
    int threads = sample->members.threads, factors = 0;
    float c[K + 1], ahead[AHEAD];
#pragma unroll
    for (int m = 0; m <= K; ++m) product[m] = c[m] = m == 0;
    for (int first = sample->members.thread; first < sample->classes; first += AHEAD * threads) {
        load_ahead(sample, sample->row, first, ahead);
#pragma unroll
        for (int j = 0; j < AHEAD; ++j) {
            int i = first + j * threads;
            ahead[j] = smooth_topk_weight(ahead[j], pivot, rate);
            if (i == sample->label) ahead[j] = 0;
            if (ON_CHIP && i < sample->classes) sample->on_chip[i] = ahead[j];
        }
#pragma unroll
        for (int j = 0; j < AHEAD; ++j) {
#pragma unroll
            for (int m = K; m >= 1; --m) c[m] += ahead[j] * c[m - 1];
        }
        if (!ON_CHIP && (factors += AHEAD) == FLOAT_FACTORS) {
            real part[K + 1];
#pragma unroll
            for (int m = 0; m <= K; ++m) part[m] = c[m], c[m] = m == 0;
            multiply<K>(product, part);
            factors = 0;
        }
    }
    real part[K + 1];
#pragma unroll
    for (int m = 0; m <= K; ++m) part[m] = c[m];
    multiply<K>(product, part);
}

/* The product of all light classes' factors, to shared->light, by the first warp. In float on chip:
   doubles there were as exact (the worst loss 0.03 instead of 0.04 of what is allowed), and are
   slow on many cards. Longer rows' product may leave the range of floats: its last coefficient
   becomes 1. */
template <int K, bool ON_CHIP>
static __device__ void multiply_light(const small_sample *sample, float pivot, float rate)
{
    typedef typename product_number<ON_CHIP>::type real;
    small_shared *shared = sample->shared;
    real(*of_warp)[MOST_WARPS] = (real(*)[MOST_WARPS])shared->of_warp;
    int warps = sample->members.threads / WARP, warp = sample->members.thread / WARP;
    real product[K + 1];
    multiply_own<K, ON_CHIP>(sample, pivot, rate, product);
    for (int offset = WARP / 2; offset > 0; offset /= 2) multiply_lane_above<K>(product, offset);
    if (warps > 1) {
        if (LANE == 0)
            for (int m = 1; m <= K; ++m) of_warp[m][warp] = product[m];
        __syncthreads();
        if (warp > 0) return;
        for (int m = 1; m <= K; ++m) product[m] = LANE < warps ? of_warp[m][LANE] : 0;
        for (int offset = warps / 2; offset > 0; offset /= 2)
            multiply_lane_above<K>(product, offset);
    }
    if (LANE == 0) {
        real scale = ON_CHIP || !(product[K] > 1) ? 1 : 1 / product[K];
        shared->light[0] = (float)scale;
        for (int m = 1; m <= K; ++m) shared->light[m] = (float)(product[m] * scale);
    }
}

/* The gradient of a light class by Horner's rule. Of heavy classes and the label u is 0: so is what
   the rule gives, and their own gradients are added. */
template <int K, bool ON_CHIP>
static __device__ void write_gradients(const gpu_batch *batch, const small_sample *sample,
                                       float pivot, int heavy_count)
{
    const small_shared *shared = sample->shared;
    int b = sample->b, threads = sample->members.threads;
    float *grad = batch->grad + (size_t)b * sample->classes, d[K], ahead[AHEAD], before[AHEAD];
    float sign = batch->sign * (batch->weights ? batch->scale * batch->weights[b] : batch->scale);
#pragma unroll
    for (int m = 0; m < K; ++m) d[m] = shared->d[m];
    for (int first = sample->members.thread; first < sample->classes; first += AHEAD * threads) {
        load_ahead(sample, sample->row, first, ahead);
#pragma unroll
        for (int j = 0; j < AHEAD; ++j) before[j] = 0;
        if (batch->add) load_ahead(sample, grad, first, before);
#pragma unroll
        for (int j = 0; j < AHEAD; ++j) {
            int i = first + j * threads;
            float u = ON_CHIP ? ahead[j] : smooth_topk_weight(ahead[j], pivot, batch->rate);
            if (!ON_CHIP && i == sample->label) u = 0;
            float sum = d[K - 1];
#pragma unroll
            for (int m = K - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], u, sum);
            if (i < sample->classes) grad[i] = before[j] + sign * (u * sum);
        }
    }
    for (int i = 0; i < heavy_count; ++i)
        if (shared->heavy_class[i] % threads == sample->members.thread)
            grad[shared->heavy_class[i]] += shared->heavy_grad[i];
    if (sample->label % threads == sample->members.thread)
        grad[sample->label] += shared->label_grad;
}

/* The bytes of shared memory of a sample. */
SMOOTH_TOPK_FUNCTION size_t small_shared_size(int classes, bool on_chip)
{
    return sizeof(small_shared) +
           (on_chip ? ((size_t)classes * sizeof(float) + 7) / sizeof(double) * sizeof(double) : 0);
}

template <bool ON_CHIP>
static __device__ small_sample make_small_sample(const gpu_batch *batch, char *shared)
{
    small_sample sample;
    int place = threadIdx.x / batch->team;
    sample.members.threads = batch->team;
    sample.members.thread = threadIdx.x % batch->team;
    sample.shared = (small_shared *)(shared + place * small_shared_size(batch->classes, ON_CHIP));
    sample.b = blockIdx.x * (blockDim.x / batch->team) + place;
    sample.classes = batch->classes;
    sample.on_chip = (float *)(sample.shared + 1);
    sample.label = -1;
    sample.label_score = minus_inf();
    sample.scores = batch->scores + (size_t)sample.b * batch->classes;
    sample.row = ON_CHIP ? sample.on_chip : sample.scores;
    if (sample.b < batch->samples) sample.label = batch->labels[sample.b];
    if (sample.label >= 0 && sample.label < sample.classes)
        sample.label_score = sample.scores[sample.label];
    return sample;
}

/* A sample a team, of 1, 2, 4, 8 or 16 warps. What is not an ordinary sample is deferred to
   any_kernel: without a label, with bad scores, with more ties at the pivot than there are lanes,
   or beyond what float can bear. */
template <int K, bool ON_CHIP>
static __global__ void __launch_bounds__(MOST_THREADS, 2) pivot_kernel(gpu_batch batch)
{
    DYNAMIC_SHARED(char, dynamic);
    small_sample sample = make_small_sample<ON_CHIP>(&batch, dynamic);
    team members = sample.members;
    small_shared *shared = sample.shared;
    if (sample.b >= batch.samples) return; /* a whole warp */

    float largest_of_thread = read_scores<ON_CHIP>(&sample);
    if (batch.output) {
        float largest = fmaxf(warp_max(shared->column[LANE]), sample.label_score);
        softmax_row(members, sample.row, sample.classes, largest, batch.temperature,
                    batch.output + (size_t)sample.b * sample.classes, shared->partial);
    }
    int bad = __any_sync(ALL_LANES, LANE < members.threads / WARP && shared->bad[LANE]);
    float bound = bound_of_columns(shared->column, K);
    bad |= !(sample.label_score > minus_inf()) || !(bound > minus_inf());
    if (bad || collect_candidates(&sample, largest_of_thread, bound) > WARP) {
        if (members.thread == 0) batch.deferred[sample.b] = 1;
        return;
    }
    int heavy_count;
    float pivot = find_pivot<K>(&sample, batch.rate, &heavy_count);
    multiply_light<K, ON_CHIP>(&sample, pivot, batch.rate);
    if (members.thread < WARP) {
        __syncwarp(); /* not emulated: on a GPU a shuffle puts no memory in order */
        finish_small(&batch, &sample, pivot, heavy_count);
    }
    TEAM_BARRIER(members);
    if (!shared->deferred && batch.grad)
        write_gradients<K, ON_CHIP>(&batch, &sample, pivot, heavy_count);
}

/* -------------------------------------------------------------------------------------------------
   kernel launchers
   -------------------------------------------------------------------------------------------------
 */

typedef void (*batch_kernel)(gpu_batch);

template <bool ON_CHIP> static batch_kernel choose_pivot_kernel(int k)
{
    static const batch_kernel kernels[SMALL_K] = {
        pivot_kernel<1, ON_CHIP>, pivot_kernel<2, ON_CHIP>, pivot_kernel<3, ON_CHIP>,
        pivot_kernel<4, ON_CHIP>, pivot_kernel<5, ON_CHIP>, pivot_kernel<6, ON_CHIP>,
        pivot_kernel<7, ON_CHIP>, pivot_kernel<8, ON_CHIP>, pivot_kernel<9, ON_CHIP>,
        pivot_kernel<10, ON_CHIP>};
    return kernels[k - 1];
}

/* How the samples are dealt out; the benchmark tries others. */
static struct {
    int classes_of_warp;  /* up to so many a warp does a sample */
    int samples_of_block; /* then */
    int classes_of_team;  /* up to so many a block of team_threads does a sample, beyond it one of
                             MOST_THREADS */
    int team_threads;
} pivot_launch = {1024, 4, 4096, 256};

static int launch_pivot(gpu_batch *batch, cudaStream_t stream)
{
    int device = 0, limit = 0, classes = batch->classes, samples = 1;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) !=
            cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    batch->team = MOST_THREADS;
    if (classes <= pivot_launch.classes_of_warp) {
        batch->team = WARP;
        samples = pivot_launch.samples_of_block;
    } else if (classes <= pivot_launch.classes_of_team)
        batch->team = pivot_launch.team_threads;
    int on_chip = classes <= MOST_ON_CHIP && classes <= FLOAT_FACTORS * batch->team &&
                  samples * small_shared_size(classes, true) <= (size_t)limit;
    size_t shared = samples * small_shared_size(classes, on_chip);
    batch_kernel kernel = on_chip ? choose_pivot_kernel<true>(batch->params.k)
                                  : choose_pivot_kernel<false>(batch->params.k);
    if (shared > 48 * 1024 &&
        cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             (int)shared) != cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    return failed(launch(kernel, (batch->samples - 1) / samples + 1, samples * batch->team, shared,
                         stream, *batch));
}

/* Whether pivot_kernel can do it. */
static int is_small(const gpu_batch *batch)
{
    const smooth_topk_params *params = &batch->params;
    return params->algorithm == SMOOTH_TOPK_PIVOT && params->k <= SMALL_K &&
           !smooth_topk_is_hinge(params->tau) && batch->rate > 0;
}

#endif
