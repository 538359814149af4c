/* The smooth top-k loss on the GPU, its gradient, and the softmax of the scores.
   Reads batch x classes scores once where they fit on chip and writes as many gradients once:
   a block a sample, in float for small k (algorithm pivot); what float cannot bear, in double. */
#include "smooth_topk_exp.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_gpu.h"
#include "smooth_topk_internal.h"
#include "smooth_topk_log.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_tilt.h"

#include <limits.h>
#include <stdint.h>

#ifdef __CUDACC__
#include <cuda_runtime.h>
#define DYNAMIC_SHARED(type, name)             \
    extern __shared__ double dynamic_shared[]; \
    type *name = (type *)dynamic_shared
#define LAUNCH(kernel, grid, block, shared, stream, ...) \
    kernel<<<grid, block, shared, stream>>>(__VA_ARGS__)
#else
#include "cuda_emulation.h" /* tests/: the same source on the CPU */
#endif

#define SMALL_K SMOOTH_TOPK_SMALL_K
#define WARP 32
#define ALL_LANES 0xffffffffu
#define MOST_THREADS 512 /* of pivot_kernel: two blocks an SM, of up to 64 registers a thread */
#define ANY_THREADS 256  /* of any_kernel: one a bin of a byte */
#define ANY_WARPS (ANY_THREADS / WARP)

/* So many factors a thread can multiply in float. */
#define MOST_ON_CHIP (128 * MOST_THREADS)

/* Samples in flight in any_kernel: if it does the whole batch, and if only what pivot_kernel
   leaves. */
#define MOST_SLOTS 256
#define SLOTS_FOR_LEFT 64
#define MOST_SLOT_BYTES ((size_t)1 << 28)

/* Labels beside 0 .. classes - 1 and -1, ignore. */
#define LABEL_SOFT -2

/* A batch, as the kernels see it. */
typedef struct {
    smooth_topk_params params;
    int batch, classes;
    const float *scores;
    const int *labels;
    const float *weights; /* of each label's loss; NULL: 1 */
    const float *truth;   /* of the rows that are LABEL_SOFT */
    float scale, sign;    /* of loss and gradient; of the gradient */
    float *loss, *grad;   /* grad may be NULL */
    float *output;        /* may be NULL */
    float temperature;
    float rate; /* log2(e) / (k tau) */
    int *left;  /* batch: samples that pivot_kernel leaves to any_kernel; NULL: all */
    char *slots;
    size_t slot_bytes;
} job;

/* What any_kernel keeps of a sample in flight, in global memory. */
typedef struct {
    float *odds;                   /* classes */
    double *carry;                 /* classes */
    double *parts, *other_parts;   /* the warps' products, and room to merge them */
    double *heavy, *light, *c, *d; /* classes + 1, k + 1 each */
    tree block, upper;             /* of algorithm log */
} slot;

SMOOTH_TOPK_FUNCTION slot take_slot(char **scratch, const smooth_topk_params *params, int classes)
{
    slot room;
    memset(&room, 0, sizeof room);
    int k = params->k;
    if (params->algorithm == SMOOTH_TOPK_LOG) {
        int size = block_size(k, ANY_THREADS);
        tree_shape block = block_shape(min_int(classes, size), k),
                   upper = upper_shape(classes, k, size);
        room.block = take_tree(scratch, tree_coefficients(&block));
        room.upper = take_tree(scratch, tree_coefficients(&upper));
        return room;
    }
    size_t of_classes = (size_t)classes * sizeof(double), of_k = ((size_t)k + 1) * sizeof(double);
    size_t of_parts = of_classes + ANY_WARPS * sizeof(double);
    room.odds = (float *)take(scratch, classes * sizeof(float));
    room.carry = (double *)take(scratch, of_classes);
    room.parts = (double *)take(scratch, of_parts);
    room.other_parts = (double *)take(scratch, of_parts);
    room.heavy = (double *)take(scratch, of_classes + sizeof(double));
    room.light = (double *)take(scratch, of_k);
    room.c = (double *)take(scratch, of_k);
    room.d = (double *)take(scratch, of_k);
    return room;
}

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

#define LANE ((int)(threadIdx.x % WARP))
#define WARP_OF_BLOCK ((int)(threadIdx.x / WARP))

static __device__ float minus_inf(void)
{
    return float_of(0xff800000u);
}

static __device__ float warp_max(float x)
{
    for (int offset = WARP / 2; offset > 0; offset /= 2)
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, offset));
    return x;
}

static __device__ float warp_sum(float x)
{
    for (int offset = WARP / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(ALL_LANES, x, offset);
    return x;
}

/* The sum over the block, in every thread. partial: WARP floats that nobody else is using, and
   nobody may use again before the next barrier. */
static __device__ float block_sum(float x, float *partial)
{
    x = warp_sum(x);
    if (LANE == 0) partial[WARP_OF_BLOCK] = x;
    __syncthreads();
    return warp_sum(LANE < (int)blockDim.x / WARP ? partial[LANE] : 0);
}

static __device__ float block_max(float x, float *partial)
{
    x = warp_max(x);
    if (LANE == 0) partial[WARP_OF_BLOCK] = x;
    __syncthreads();
    return warp_max(LANE < (int)blockDim.x / WARP ? partial[LANE] : minus_inf());
}

/* output = softmax(row / temperature); most: the largest of the row; partial: as in block_sum. */
static __device__ void softmax_row(const float *row, int classes, float most, float temperature,
                                   float *output, float *partial)
{
    float sum = 0;
    for (int i = threadIdx.x; i < classes; i += blockDim.x)
        sum += expf((row[i] - most) / temperature);
    float scale = 1 / block_sum(sum, partial);
    for (int i = threadIdx.x; i < classes; i += blockDim.x)
        output[i] = expf((row[i] - most) / temperature) * scale;
}

static __global__ void softmax_kernel(job j)
{
    DYNAMIC_SHARED(float, partial);
    const float *scores = j.scores + (size_t)blockIdx.x * j.classes;
    float most = minus_inf();
    for (int i = threadIdx.x; i < j.classes; i += blockDim.x) most = fmaxf(most, scores[i]);
    most = block_max(most, partial);
    softmax_row(scores, j.classes, most, j.temperature, j.output + (size_t)blockIdx.x * j.classes,
                partial + WARP);
}

/* A row of truth: one label and its weight, none, or several. */
static __global__ void label_kernel(const float *truth, int classes, int *labels, float *weights)
{
    DYNAMIC_SHARED(int, found); /* how many labels the row has, and the first of them */
    const float *row = truth + (size_t)blockIdx.x * classes;
    if (threadIdx.x == 0) {
        found[0] = 0;
        found[1] = INT_MAX;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < classes; i += blockDim.x) {
        if (row[i] == 0) continue;
        atomicAdd(&found[0], 1);
        atomicMin(&found[1], i);
    }
    __syncthreads();
    if (threadIdx.x != 0) return;
    labels[blockIdx.x] = found[0] == 0 ? -1 : found[0] == 1 ? found[1] : LABEL_SOFT;
    weights[blockIdx.x] = found[0] == 1 ? row[found[1]] : 0;
}

/* *bad = 1 if a label is neither a class nor -1. */
static __global__ void check_kernel(const int *labels, int batch, int classes, int *bad)
{
    for (int b = blockIdx.x * blockDim.x + threadIdx.x; b < batch; b += gridDim.x * blockDim.x)
        if (labels[b] < -1 || labels[b] >= classes) *bad = 1;
}

/* ---- small k ---- */

/* What the threads of a block tell one another. */
typedef struct {
    double light[SMALL_K + 1][WARP], product[SMALL_K + 1]; /* of each warp; of all */
    double heavy[SMALL_K], heavy_product[SMALL_K + 1], c[SMALL_K + 1];
    float d[SMALL_K], heavy_grad[SMALL_K], label_grad;
    int heavy_class[SMALL_K];
    float column[WARP], partial[WARP], score[WARP]; /* score, class_of: the candidates */
    int class_of[WARP], candidates, left;
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

/* Loss, and all that the gradient needs, from product and the heavy classes: one warp. */
static __device__ void finish_small(const job *j, small_shared *s, int b, float pivot,
                                    float label_score, int heavies)
{
    int k = j->params.k;
    float weight = j->weights ? j->scale * j->weights[b] : 1;
    if (LANE == 0) smooth_topk_monic_product(s->heavy, heavies, s->heavy_product);
    __syncwarp();
    if (LANE <= k)
        s->c[LANE] = smooth_topk_coefficient(s->heavy_product, heavies, s->product, k, LANE);
    __syncwarp();
    int left = !(smooth_topk_cancellation(s->c, k) <= SMOOTH_TOPK_LARGEST_SUM);
    if (LANE == 0) s->left = j->left[b] = left;
    if (left) return;
    double q = smooth_topk_q(log(s->c[k] / s->c[k - 1]), label_score, pivot, k, j->params.tau,
                             j->params.alpha);
    double size = smooth_topk_sigmoid(q) / k;
    if (LANE < k) s->d[LANE] = (float)(size * smooth_topk_division(s->c, k, LANE));
    if (LANE < heavies)
        s->heavy_grad[LANE] =
            j->sign * weight *
            (float)(size * smooth_topk_monic_difference(s->heavy_product, heavies, s->heavy[LANE],
                                                        s->product, s->c, k));
    if (LANE != 0) return;
    s->label_grad = j->sign * weight * (float)-size;
    j->loss[b] = weight * (float)(j->params.tau * smooth_topk_softplus(q));
}

/* Single precision where no thread has more than 128 classes. */
template <bool ON_CHIP> struct product_number {
    typedef float type;
};
template <> struct product_number<false> {
    typedef double type;
};

/* A sample a block, of 1, 2, 4, 8 or 16 warps. A class belongs to one thread throughout, so that
   the row needs no barrier. What is not an ordinary sample is left to any_kernel: without a label,
   with bad scores, with ties beyond number at the pivot, or beyond what float can bear. */
template <int K, bool ON_CHIP>
static __global__ void __launch_bounds__(MOST_THREADS, 2) pivot_kernel(job j)
{
    typedef typename product_number<ON_CHIP>::type real;
    DYNAMIC_SHARED(small_shared, s);
    float *on_chip = (float *)(s + 1); /* first the scores, then u */
    int b = blockIdx.x, label = j.labels[b], classes = j.classes, warps = blockDim.x / WARP;
    const float *scores = j.scores + (size_t)b * classes, *row = ON_CHIP ? on_chip : scores;
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

    if (j.output)
        softmax_row(row, classes, fmaxf(warp_max(s->column[LANE]), label_score), j.temperature,
                    j.output + (size_t)b * classes, s->partial);

    bad = __any_sync(ALL_LANES, LANE < warps && s->bad[LANE]);
    float bound = bound_of_columns(s->column, K);
    if (bad || !(label_score > minus_inf()) || !(bound > minus_inf())) {
        if (threadIdx.x == 0) j.left[b] = 1;
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
        if (threadIdx.x == 0) j.left[b] = 1;
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
    int heavies = __popc(__ballot_sync(ALL_LANES, score > pivot));
    if (threadIdx.x < WARP && score > pivot) {
        s->heavy[rank] = exp(-smooth_topk_z(score, pivot, K, j.params.tau));
        s->heavy_class[rank] = class_of;
    }

    real c[K + 1];
#pragma unroll
    for (int m = 0; m <= K; ++m) c[m] = m == 0;
#pragma unroll 4
    for (int i = threadIdx.x; i < classes; i += blockDim.x) {
        float u = smooth_topk_weight(row[i], pivot, j.rate);
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
        for (int m = 1; m <= K; ++m) s->light[m][WARP_OF_BLOCK] = of_warp[m];
    __syncthreads();

    if (threadIdx.x < WARP) {
        double product[K + 1];
        for (int m = 1; m <= K; ++m) product[m] = LANE < warps ? s->light[m][LANE] : 0;
        for (int offset = warps / 2; offset > 0; offset /= 2)
            times_lane_above<K, double>(product, offset);
        if (LANE == 0) {
            s->product[0] = 1;
            for (int m = 1; m <= K; ++m) s->product[m] = product[m];
        }
        finish_small(&j, s, b, pivot, label_score, heavies);
    }
    __syncthreads();

    if (s->left || !j.grad) return;
    float *grad = j.grad + (size_t)b * classes, d[K];
    float sign = j.weights ? j.sign * (j.scale * j.weights[b]) : j.sign;
#pragma unroll
    for (int m = 0; m < K; ++m) d[m] = s->d[m];
#pragma unroll 4
    for (int i = threadIdx.x; i < classes; i += blockDim.x) {
        float u = ON_CHIP ? row[i] : smooth_topk_weight(row[i], pivot, j.rate);
        float sum = d[K - 1];
#pragma unroll
        for (int m = K - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], u, sum);
        grad[i] = sign * (u * sum);
    }
    for (int i = 0; i < heavies; ++i)
        if (s->heavy_class[i] % blockDim.x == threadIdx.x)
            grad[s->heavy_class[i]] = s->heavy_grad[i];
    if (label % blockDim.x == threadIdx.x) grad[label] = s->label_grad;
}

/* ---- any k, any sample ---- */

typedef struct {
    unsigned histogram[ANY_THREADS], bin, above;
    float partial[6][WARP];
    int lights[ANY_WARPS], likely[ANY_WARPS]; /* classes of each warp's stretch */
    int pivot_class;
} any_shared;

/* A sample with one of its labels. */
typedef struct {
    const job *of;
    any_shared *s;
    const slot *room;
    const float *scores;
    float *grad; /* may be NULL */
    int label;
    float pivot;
    float factor; /* of the gradient */
    int add;      /* to what is in grad */
} task;

static __device__ void put(const task *t, int i, double value)
{
    float put = t->factor * (float)value;
    t->grad[i] = t->add ? t->grad[i] + put : put;
}

static __device__ void put_zeros(const task *t)
{
    if (!t->grad || t->add) return;
    for (int i = threadIdx.x; i < t->of->classes; i += ANY_THREADS) t->grad[i] = 0;
}

/* The k-th largest score but the label's, by its bits in an order of whole numbers, a byte at a
   time. */
static __device__ float kth_largest(const task *t)
{
    any_shared *s = t->s;
    unsigned key_of_kth = 0, k = t->of->params.k;
    for (int shift = 24; shift >= 0; shift -= 8) {
        s->histogram[threadIdx.x] = 0;
        __syncthreads();
        for (int i = threadIdx.x; i < t->of->classes; i += ANY_THREADS) {
            unsigned bits = bits_of(t->scores[i]);
            unsigned key = bits ^ (bits >> 31 ? 0xffffffffu : 0x80000000u);
            if (i != t->label && (key ^ key_of_kth) >> shift >> 8 == 0)
                atomicAdd(&s->histogram[key >> shift & 255], 1u);
        }
        __syncthreads();
        unsigned above = 0;
        for (int bin = threadIdx.x + 1; bin < ANY_THREADS; ++bin) above += s->histogram[bin];
        if (above < k && k <= above + s->histogram[threadIdx.x]) {
            s->bin = threadIdx.x;
            s->above = above;
        }
        __syncthreads();
        key_of_kth |= s->bin << shift;
        k -= s->above;
    }
    return float_of(key_of_kth ^ (key_of_kth >> 31 ? 0x80000000u : 0xffffffffu));
}

/* The subgradient is that of the first class whose score is the k-th largest. */
static __device__ double hard_hinge(const task *t)
{
    int k = t->of->params.k;
    double hinge = smooth_topk_hinge(t->pivot, t->scores[t->label], k, t->of->params.alpha);
    if (!(hinge > 0) || !t->grad) {
        put_zeros(t);
        return hinge > 0 ? hinge : 0;
    }
    if (threadIdx.x == 0) t->s->pivot_class = INT_MAX;
    __syncthreads();
    for (int i = threadIdx.x; i < t->of->classes; i += ANY_THREADS)
        if (i != t->label && t->scores[i] == t->pivot) atomicMin(&t->s->pivot_class, i);
    __syncthreads();
    for (int i = threadIdx.x; i < t->of->classes; i += ANY_THREADS)
        put(t, i, i == t->label ? -1.f / k : i == t->s->pivot_class ? 1.f / k : 0);
    return hinge;
}

/* The loss from log(sigma_k / sigma_{k-1}), and the size of the gradient. */
static __device__ double finish_any(const task *t, double log_ratio, double *size)
{
    const smooth_topk_params *params = &t->of->params;
    double q = smooth_topk_q(log_ratio, t->scores[t->label], t->pivot, params->k, params->tau,
                             params->alpha);
    *size = smooth_topk_sigmoid(q) / params->k;
    return params->tau * smooth_topk_softplus(q);
}

/* log rho such that about k - 1/2 classes are expected; as on the CPU, but near enough in float. */
static __device__ double find_tilt(const task *t)
{
    int classes = t->of->classes, k = t->of->params.k;
    double rate = 1 / ((double)k * (double)t->of->params.tau);
    float sum = 0;
    for (int i = threadIdx.x; i < classes; i += ANY_THREADS) {
        float z = (float)(((double)t->scores[i] - t->pivot) * rate);
        if (i != t->label && z <= 0) sum += expf(z);
    }
    sum = block_sum(sum, t->s->partial[1]);
    smooth_topk_tilt tilt = smooth_topk_first_tilt(classes, k, sum);
    for (int step = 0; step < SMOOTH_TOPK_TILT_STEPS; ++step) {
        float expected = 0, variance = 0;
        for (int i = threadIdx.x; i < classes; i += ANY_THREADS) {
            if (i == t->label) continue;
            float z = (float)(((double)t->scores[i] - t->pivot) * rate + tilt.at);
            float probability = 1 / (1 + expf(-z));
            expected += probability;
            variance += probability * (1 - probability);
        }
        expected = block_sum(expected, t->s->partial[2 + step % 2 * 2]);
        variance = block_sum(variance, t->s->partial[3 + step % 2 * 2]);
        if (smooth_topk_next_tilt(&tilt, k, expected, variance)) break;
    }
    return tilt.at;
}

/* A warp's product of the factors of the light or the likely classes in a stretch, each scaled such
   that its coefficients sum to 1: nothing overflows, and what underflows does not matter. Each lane
   keeps M coefficients; more than 32 M go in bands, one after another, and carry keeps what every
   factor moves from the top of a band to the next one: the last lane's, to hand to the first. */
template <int M>
static __device__ void warp_product(const float *odds, int count, int likely, int degree,
                                    double *carry, double *product)
{
    for (int band = 0; band <= degree; band += WARP * M) {
        int has_next = band + WARP * M <= degree, factor = 0;
        double c[M];
#pragma unroll
        for (int m = 0; m < M; ++m) c[m] = band + LANE + m == 0;
        for (int first = 0; first < count; first += WARP) {
            float mine = first + LANE < count ? odds[first + LANE] : 0;
            int is_likely = bits_of(mine) >> 31;
            double scale = 1 / (1 + fabs((double)mine)), part = fabs((double)mine) * scale;
            unsigned members =
                __ballot_sync(ALL_LANES, likely ? is_likely : !is_likely && mine > 0);
            for (; members; members &= members - 1, ++factor) {
                int lane = __ffs(members) - 1;
                double whole = __shfl_sync(ALL_LANES, scale, lane);
                double fraction = __shfl_sync(ALL_LANES, part, lane);
                double left_out = likely ? fraction : whole, chosen = likely ? whole : fraction;
                double above = c[M - 1];
                if (LANE == WARP - 1) {
                    above = band ? carry[factor] : 0;
                    if (has_next) carry[factor] = c[M - 1];
                }
                double below = __shfl_sync(ALL_LANES, above, (LANE + WARP - 1) % WARP);
#pragma unroll
                for (int m = M - 1; m >= 1; --m) c[m] = left_out * c[m] + chosen * c[m - 1];
                c[0] = left_out * c[0] + chosen * below;
            }
        }
#pragma unroll
        for (int m = 0; m < M; ++m) {
            int j = band + LANE * M + m;
            if (j <= degree) product[j] = c[m];
        }
    }
}

/* The product of all light or all likely classes, up to degree `limit`: to[0 .. limit], zeros above
   its degree. Returns its degree. count: how many there are in each warp's stretch. Ends with a
   barrier. */
static __device__ int block_product(const task *t, int stretch, int likely, int limit,
                                    const int *count, double *to)
{
    double *from = t->room->parts, *next = t->room->other_parts;
    int degree[ANY_WARPS], begin = min_int(t->of->classes, WARP_OF_BLOCK * stretch),
                           end = min_int(t->of->classes, begin + stretch);
    size_t place = 0;
    for (int w = 0; w < ANY_WARPS; ++w) {
        degree[w] = min_int(limit, count[w]);
        if (w < WARP_OF_BLOCK) place += degree[w] + 1;
    }
    if (limit < WARP)
        warp_product<1>(t->room->odds + begin, end - begin, likely, degree[WARP_OF_BLOCK],
                        t->room->carry + begin, from + place);
    else
        warp_product<4>(t->room->odds + begin, end - begin, likely, degree[WARP_OF_BLOCK],
                        t->room->carry + begin, from + place);
    __syncthreads();
    for (int parts = ANY_WARPS / 2; parts > 0; parts /= 2) {
        const double *a = from;
        double *product = next;
        for (int p = 0; p < parts; ++p) {
            int a_degree = degree[2 * p], b_degree = degree[2 * p + 1];
            const double *b = a + a_degree + 1;
            degree[p] = min_int(limit, a_degree + b_degree);
            for (int j = threadIdx.x; j <= degree[p]; j += ANY_THREADS)
                product[j] = smooth_topk_coefficient(a, a_degree, b, b_degree, j);
            a = b + b_degree + 1;
            product += degree[p] + 1;
        }
        double *swap = from;
        from = next;
        next = swap;
        __syncthreads();
    }
    for (int j = threadIdx.x; j <= limit; j += ANY_THREADS) to[j] = j <= degree[0] ? from[j] : 0;
    __syncthreads();
    return degree[0];
}

/* Algorithm pivot, tilted. The odds of a likely class are kept as -1/odds. */
static __device__ double any_k(const task *t)
{
    int classes = t->of->classes, k = t->of->params.k;
    int stretch = (classes + ANY_THREADS - 1) / ANY_THREADS * WARP;
    int begin = min_int(classes, WARP_OF_BLOCK * stretch), end = min_int(classes, begin + stretch);
    const slot *room = t->room;
    double tilt = find_tilt(t);
    int lights = 0, likely = 0;
    for (int first = begin; first < end; first += WARP) {
        int i = first + LANE;
        float odds = 0;
        if (i < end && i != t->label) {
            double z = smooth_topk_z(t->scores[i], t->pivot, k, t->of->params.tau) + tilt;
            odds = z > 0 ? -(float)exp(-z) : (float)exp(z);
        }
        if (i < end) room->odds[i] = odds;
        lights += __popc(__ballot_sync(ALL_LANES, odds > 0));
        likely += __popc(__ballot_sync(ALL_LANES, bits_of(odds) >> 31));
    }
    if (LANE == 0) {
        t->s->lights[WARP_OF_BLOCK] = lights;
        t->s->likely[WARP_OF_BLOCK] = likely;
    }
    __syncthreads();
    int all_likely = 0;
    for (int w = 0; w < ANY_WARPS; ++w) all_likely += t->s->likely[w];
    int heavies = block_product(t, stretch, 1, all_likely, t->s->likely, room->heavy);
    block_product(t, stretch, 0, k, t->s->lights, room->light);
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS)
        room->c[j] = smooth_topk_coefficient(room->heavy, heavies, room->light, k, j);
    __syncthreads();
    double size, loss = finish_any(t, log(room->c[k] / room->c[k - 1]) - tilt, &size);
    if (!t->grad) return loss;
    for (int m = threadIdx.x; m < k; m += ANY_THREADS)
        room->d[m] = size * smooth_topk_division(room->c, k, m);
    __syncthreads();
    for (int i = threadIdx.x; i < classes; i += ANY_THREADS) {
        float odds = room->odds[i];
        double difference;
        if (i == t->label) {
            difference = -size;
        } else if (bits_of(odds) >> 31) {
            difference = size * smooth_topk_monic_difference(room->heavy, heavies, -(double)odds,
                                                             room->light, room->c, k);
        } else {
            difference = room->d[k - 1];
            for (int m = k - 2; m >= 0; --m)
                difference = SMOOTH_TOPK_HORNER(room->d[m], (double)odds, difference);
            difference *= odds;
        }
        put(t, i, difference);
    }
    return loss;
}

/* ---- algorithm log ---- */

/* The logarithm of what cannot be chosen: finite, so that no two of them make a NaN, and far below
   any score. */
#define LOG_OF_NOTHING -1e290

/* From the leaves to the root, a level after another. Returns where the root begins. */
static __device__ size_t tree_forward(const tree_shape *shape, const tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    int levels = tree_levels(shape);
    level_offsets(shape, offset);
    for (int level = 1; level <= levels; ++level) {
        size_t stride = node_stride(shape, level), child_stride = node_stride(shape, level - 1);
        size_t coefficients = level_size(shape, level) * stride;
        for (size_t at = threadIdx.x; at < coefficients; at += ANY_THREADS) {
            int parent = (int)(at / stride), j = (int)(at % stride);
            if (j > node_degree(shape, level, parent)) continue;
            tree node = tree_at(nodes, offset[level] + at);
            const double *a =
                nodes->log_value + offset[level - 1] + 2 * (size_t)parent * child_stride;
            if (2 * parent + 1 < level_size(shape, level - 1))
                *node.log_value = smooth_topk_log_coefficient(
                    a, node_degree(shape, level - 1, 2 * parent), a + child_stride,
                    node_degree(shape, level - 1, 2 * parent + 1), j, node.shift, node.scale);
            else
                *node.log_value = a[j];
        }
        __syncthreads();
    }
    return offset[levels];
}

/* The adjoints of the children of a level: each coefficient gathers what the terms that it is in
   pass down. */
static __device__ void level_adjoint(const tree_shape *shape, const tree *nodes, int level,
                                     size_t offset, size_t child_offset)
{
    size_t stride = node_stride(shape, level), child_stride = node_stride(shape, level - 1);
    int children = level_size(shape, level - 1);
    size_t coefficients = children * child_stride;
    for (size_t at = threadIdx.x; at < coefficients; at += ANY_THREADS) {
        int child = (int)(at / child_stride), i = (int)(at % child_stride), sibling = child ^ 1;
        if (i > node_degree(shape, level - 1, child)) continue;
        tree mine = tree_at(nodes, child_offset + at);
        tree parent = tree_at(nodes, offset + child / 2 * stride);
        if (sibling >= children) {
            *mine.adjoint_k = parent.adjoint_k[i];
            *mine.adjoint_k1 = parent.adjoint_k1[i];
            continue;
        }
        const double *other = nodes->log_value + child_offset + sibling * child_stride;
        int last = min_int(node_degree(shape, level, child / 2),
                           i + node_degree(shape, level - 1, sibling));
        double sum_k = 0, sum_k1 = 0;
        for (int j = i; j <= last; ++j) {
            double weight = smooth_topk_log_weight(*mine.log_value, other[j - i], parent.shift[j]) *
                            parent.scale[j];
            sum_k += weight * parent.adjoint_k[j];
            sum_k1 += weight * parent.adjoint_k1[j];
        }
        *mine.adjoint_k = sum_k;
        *mine.adjoint_k1 = sum_k1;
    }
}

/* From the root, whose adjoints are given, to the leaves. */
static __device__ void tree_backward(const tree_shape *shape, const tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    level_offsets(shape, offset);
    for (int level = tree_levels(shape); level >= 1; --level) {
        level_adjoint(shape, nodes, level, offset[level], offset[level - 1]);
        __syncthreads();
    }
}

/* The product of a block of classes. Returns where it begins. */
static __device__ size_t multiply_block(const task *t, const tree_shape *shape, int first)
{
    const tree *nodes = &t->room->block;
    for (int leaf = threadIdx.x; leaf < shape->leaves; leaf += ANY_THREADS) {
        int i = first + leaf;
        double z = i == t->label || smooth_topk_is_minus_inf(bits_of(t->scores[i]))
                       ? LOG_OF_NOTHING
                       : smooth_topk_z(t->scores[i], t->pivot, shape->k, t->of->params.tau);
        nodes->log_value[2 * leaf] = smooth_topk_log_constant(z);
        nodes->log_value[2 * leaf + 1] = smooth_topk_log_linear(z);
    }
    __syncthreads();
    return tree_forward(shape, nodes);
}

static __device__ double by_log(const task *t)
{
    int classes = t->of->classes, k = t->of->params.k, size = block_size(k, ANY_THREADS);
    tree_shape shape = upper_shape(classes, k, size);
    tree block = t->room->block, upper = t->room->upper;
    size_t stride = node_stride(&shape, 0);
    for (int part = 0; part < shape.leaves; ++part) {
        tree_shape of_block = block_shape(min_int(size, classes - part * size), k);
        size_t root = multiply_block(t, &of_block, part * size);
        for (int j = threadIdx.x; j <= node_degree(&shape, 0, part); j += ANY_THREADS)
            upper.log_value[part * stride + j] = block.log_value[root + j];
        __syncthreads();
    }
    tree root = tree_at(&upper, tree_forward(&shape, &upper));
    double of_label, loss = finish_any(t, root.log_value[k] - root.log_value[k - 1], &of_label);
    if (!t->grad) return loss;

    for (int j = threadIdx.x; j <= k; j += ANY_THREADS) {
        root.adjoint_k[j] = j == k;
        root.adjoint_k1[j] = j == k - 1;
    }
    __syncthreads();
    tree_backward(&shape, &upper);
    for (int part = 0; part < shape.leaves; ++part) {
        tree_shape of_block = block_shape(min_int(size, classes - part * size), k);
        tree product = tree_at(&block, multiply_block(t, &of_block, part * size));
        for (int j = threadIdx.x; j <= node_degree(&shape, 0, part); j += ANY_THREADS) {
            product.adjoint_k[j] = upper.adjoint_k[part * stride + j];
            product.adjoint_k1[j] = upper.adjoint_k1[part * stride + j];
        }
        __syncthreads();
        tree_backward(&of_block, &block);
        for (int leaf = threadIdx.x; leaf < of_block.leaves; leaf += ANY_THREADS) {
            int i = part * size + leaf;
            /* Two probabilities that are rounded: their difference was seen at -4e-17. */
            double difference = block.adjoint_k[2 * leaf + 1] - block.adjoint_k1[2 * leaf + 1];
            put(t, i, i == t->label ? -of_label : difference > 0 ? of_label * difference : 0);
        }
    }
    return loss;
}

/* ---- a sample ---- */

/* A thread writes the same classes' gradients whichever way it goes, and what the threads share is
   not written again before kth_largest has come to its barriers: so labels may follow one another.
 */
static __device__ double loss_of_label(task *t)
{
    if (smooth_topk_is_minus_inf(bits_of(t->scores[t->label]))) {
        put_zeros(t);
        return float_of(0x7f800000u);
    }
    t->pivot = kth_largest(t);
    if (smooth_topk_is_minus_inf(bits_of(t->pivot))) {
        put_zeros(t);
        return 0;
    }
    if (smooth_topk_is_hinge(t->of->params.tau)) return hard_hinge(t);
    return t->of->params.algorithm == SMOOTH_TOPK_LOG ? by_log(t) : any_k(t);
}

static __device__ int has_label(const job *j, int label)
{
    return label == LABEL_SOFT ? j->truth != NULL : label >= 0 && label < j->classes;
}

static __device__ void any_sample(const job *j, any_shared *s, const slot *room, int b)
{
    size_t row = (size_t)b * j->classes;
    task t = {j, s, room, j->scores + row, j->grad ? j->grad + row : NULL, j->labels[b], 0, 0, 0};
    float most = minus_inf(), bad = 0;
    for (int i = threadIdx.x; i < j->classes; i += ANY_THREADS) {
        most = fmaxf(most, t.scores[i]);
        bad += smooth_topk_is_nan_or_plus_inf(bits_of(t.scores[i]));
    }
    bad = block_sum(bad, s->partial[0]);
    if (j->output && !j->left) {
        most = block_max(most, s->partial[1]);
        softmax_row(t.scores, j->classes, most, j->temperature, j->output + row, s->partial[2]);
    }
    double loss = 0;
    if (t.label == -1) {
        put_zeros(&t);
    } else if (bad > 0 || !has_label(j, t.label)) {
        loss = float_of(0x7fc00000u);
        for (int i = threadIdx.x; t.grad && i < j->classes; i += ANY_THREADS)
            t.grad[i] = float_of(0x7fc00000u);
    } else if (t.label != LABEL_SOFT) {
        float weight = j->weights ? j->scale * j->weights[b] : 1;
        t.factor = weight * j->sign;
        loss = weight * loss_of_label(&t);
    } else {
        for (int label = 0; label < j->classes; ++label) {
            float weight = j->truth[row + label];
            if (weight == 0) continue;
            weight *= j->scale;
            t.label = label;
            t.factor = weight * j->sign;
            loss += weight * loss_of_label(&t);
            t.add = 1;
        }
    }
    if (threadIdx.x == 0) j->loss[b] = (float)loss;
}

/* Samples of any kind, one a block at a time. */
static __global__ void __launch_bounds__(ANY_THREADS, 2) any_kernel(job j)
{
    DYNAMIC_SHARED(any_shared, s);
    char *scratch = j.slots + j.slot_bytes * blockIdx.x;
    slot room = take_slot(&scratch, &j.params, j.classes);
    for (int b = blockIdx.x; b < j.batch; b += gridDim.x) {
        if (j.left && !j.left[b]) continue;
        any_sample(&j, s, &room, b);
        __syncthreads();
    }
}

/* -------------------------------------------------------------------------------------------------
   kernel launchers
   -------------------------------------------------------------------------------------------------
 */

#define ROW_THREADS 256 /* of the kernels that only read a row */

static int failed(cudaError_t status)
{
    return status == cudaSuccess ? SMOOTH_TOPK_OK : SMOOTH_TOPK_ERROR_CUDA;
}

typedef void (*job_kernel)(job);

template <bool ON_CHIP> static job_kernel pivot_kernel_of(int k)
{
    static const job_kernel kernels[SMALL_K] = {
        pivot_kernel<1, ON_CHIP>, pivot_kernel<2, ON_CHIP>, pivot_kernel<3, ON_CHIP>,
        pivot_kernel<4, ON_CHIP>, pivot_kernel<5, ON_CHIP>, pivot_kernel<6, ON_CHIP>,
        pivot_kernel<7, ON_CHIP>, pivot_kernel<8, ON_CHIP>, pivot_kernel<9, ON_CHIP>,
        pivot_kernel<10, ON_CHIP>};
    return kernels[k - 1];
}

static int launch_pivot(const job *j, cudaStream_t stream)
{
    int device = 0, limit = 0, threads = MOST_THREADS;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) !=
            cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    size_t shared = sizeof(small_shared), with_row = shared + (size_t)j->classes * sizeof(float);
    int on_chip = j->classes <= MOST_ON_CHIP && with_row <= (size_t)limit;
    job_kernel kernel =
        on_chip ? pivot_kernel_of<true>(j->params.k) : pivot_kernel_of<false>(j->params.k);
    if (on_chip) shared = with_row;
    if (shared > 48 * 1024 &&
        cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                             (int)shared) != cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    if (j->classes <= 256)
        threads = WARP;
    else if (j->classes <= 4096)
        threads = 256;
    LAUNCH(kernel, j->batch, threads, shared, stream, *j);
    return failed(cudaPeekAtLastError());
}

/* pivot_kernel's way of thinking of a temperature. */
static int is_small(job *j)
{
    const smooth_topk_params *params = &j->params;
    double rate = 1.4426950408889634 / ((double)params->k * (double)params->tau);
    if (params->algorithm != SMOOTH_TOPK_PIVOT || params->k > SMALL_K ||
        smooth_topk_is_hinge(params->tau) || rate < 1e-30)
        return 0;
    j->rate = (float)rate;
    return 1;
}

static size_t slot_size(const smooth_topk_params *params, int classes)
{
    char *begin = NULL, *end = begin;
    take_slot(&end, params, classes);
    return end - begin;
}

/* labels, weights and left of the batch, and a flag. */
static size_t head_size(int batch)
{
    return 3 * aligned((size_t)batch * sizeof(int)) + aligned(sizeof(int));
}

size_t smooth_topk_gpu_workspace_size(const smooth_topk_params *params, int batch, int classes)
{
    if (smooth_topk_check(params, classes) || batch < 0) return 0;
    size_t bytes = slot_size(params, classes), slots = MOST_SLOT_BYTES / bytes;
    int most = params->algorithm == SMOOTH_TOPK_PIVOT && params->k <= SMALL_K ? SLOTS_FOR_LEFT
                                                                              : MOST_SLOTS;
    if (slots > (size_t)min_int(batch, most)) slots = min_int(batch, most);
    return ALIGNMENT + head_size(batch) + bytes * (slots ? slots : 1);
}

/* A workspace, cut up. */
typedef struct {
    int *labels, *left, *bad;
    float *weights;
    char *slots;
    int slot_count;
} workspace_parts;

static int cut_workspace(const smooth_topk_params *params, int batch, int classes, void *workspace,
                         size_t size, workspace_parts *parts)
{
    size_t head = ALIGNMENT + head_size(batch), bytes = slot_size(params, classes);
    if (!workspace || size < head + bytes) return SMOOTH_TOPK_ERROR_MEMORY;
    size_t count = (size - head) / bytes;
    char *rest = (char *)aligned((uintptr_t)workspace);
    parts->labels = (int *)take(&rest, batch * sizeof(int));
    parts->weights = (float *)take(&rest, batch * sizeof(float));
    parts->left = (int *)take(&rest, batch * sizeof(int));
    parts->bad = (int *)take(&rest, sizeof(int));
    parts->slots = rest;
    parts->slot_count = count < MOST_SLOTS ? (int)count : MOST_SLOTS;
    return SMOOTH_TOPK_OK;
}

/* All of a batch whose labels are there. */
static int launch_loss(job *j, const workspace_parts *parts, cudaStream_t stream)
{
    j->left = NULL;
    j->slots = parts->slots;
    j->slot_bytes = slot_size(&j->params, j->classes);
    if (is_small(j)) {
        j->left = parts->left;
        int error = launch_pivot(j, stream);
        if (error) return error;
    }
    LAUNCH(any_kernel, min_int(j->batch, parts->slot_count), ANY_THREADS, sizeof(any_shared),
           stream, *j);
    return failed(cudaPeekAtLastError());
}

static job make_job(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels)
{
    job j;
    memset(&j, 0, sizeof j);
    j.params = *params;
    j.batch = batch;
    j.classes = classes;
    j.scores = scores;
    j.labels = labels;
    return j;
}

static int check_arguments(const smooth_topk_params *params, int batch, int classes,
                           const float *scores, const void *labels, const float *loss)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    if (batch < 0 || (batch > 0 && (!scores || !labels || !loss))) return SMOOTH_TOPK_ERROR_SIZE;
    return SMOOTH_TOPK_OK;
}

int smooth_topk_gpu_workspace(const smooth_topk_params *params, int batch, int classes,
                              const float *scores, const int *labels, float *loss, float *grad,
                              void *workspace, size_t workspace_size, void *stream)
{
    workspace_parts parts;
    int error = check_arguments(params, batch, classes, scores, labels, loss);
    if (error) return error;
    error = cut_workspace(params, batch, classes, workspace, workspace_size, &parts);
    if (error || batch == 0) return error;
    job j = make_job(params, batch, classes, scores, labels);
    j.sign = 1;
    j.loss = loss;
    j.grad = grad;
    return launch_loss(&j, &parts, (cudaStream_t)stream);
}

int smooth_topk_gpu_layer(const smooth_topk_params *params, int batch, int classes,
                          const float *scores, const float *truth, float scale, float temperature,
                          float *loss, float *delta, float *output, void *workspace,
                          size_t workspace_size, void *stream)
{
    workspace_parts parts;
    int error = check_arguments(params, batch, classes, scores, output, truth ? loss : output);
    if (error) return error;
    error = cut_workspace(params, batch, classes, workspace, workspace_size, &parts);
    if (error || batch == 0) return error;
    job j = make_job(params, batch, classes, scores, parts.labels);
    j.weights = parts.weights;
    j.truth = truth;
    j.scale = scale;
    j.sign = -1;
    j.loss = loss;
    j.grad = delta;
    j.output = output;
    j.temperature = temperature;
    if (!truth) {
        LAUNCH(softmax_kernel, batch, ROW_THREADS, 2 * WARP * sizeof(float), (cudaStream_t)stream,
               j);
        return failed(cudaPeekAtLastError());
    }
    LAUNCH(label_kernel, batch, ROW_THREADS, 2 * sizeof(int), (cudaStream_t)stream, truth, classes,
           parts.labels, parts.weights);
    error = failed(cudaPeekAtLastError());
    return error ? error : launch_loss(&j, &parts, (cudaStream_t)stream);
}

/* SMOOTH_TOPK_ERROR_LABEL if one is out of range; waits for the answer. */
static int check_labels(const int *labels, int batch, int classes, int *bad, cudaStream_t stream)
{
    int found = 0;
    if (cudaMemsetAsync(bad, 0, sizeof(int), stream) != cudaSuccess) return SMOOTH_TOPK_ERROR_CUDA;
    LAUNCH(check_kernel, min_int((batch + ROW_THREADS - 1) / ROW_THREADS, MOST_SLOTS), ROW_THREADS,
           0, stream, labels, batch, classes, bad);
    if (cudaPeekAtLastError() != cudaSuccess ||
        cudaMemcpyAsync(&found, bad, sizeof(int), cudaMemcpyDeviceToHost, stream) != cudaSuccess ||
        cudaStreamSynchronize(stream) != cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    return found ? SMOOTH_TOPK_ERROR_LABEL : SMOOTH_TOPK_OK;
}

int smooth_topk_gpu(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels, float *loss, float *grad, void *stream)
{
    int error = check_arguments(params, batch, classes, scores, labels, loss);
    if (error || batch == 0) return error;
    size_t size = smooth_topk_gpu_workspace_size(params, batch, classes);
    void *workspace = NULL;
    workspace_parts parts;
    if (cudaMalloc(&workspace, size) != cudaSuccess) return SMOOTH_TOPK_ERROR_CUDA;
    cut_workspace(params, batch, classes, workspace, size, &parts);
    error = check_labels(labels, batch, classes, parts.bad, (cudaStream_t)stream);
    if (!error)
        error = smooth_topk_gpu_workspace(params, batch, classes, scores, labels, loss, grad,
                                          workspace, size, stream);
    if (!error) error = failed(cudaStreamSynchronize((cudaStream_t)stream));
    int freed = failed(cudaFree(workspace));
    return error ? error : freed;
}
