/* Algorithm pivot for any k (smooth_topk_any_k.c has the method): nearly equal weights by the power
   sums of their distances from the mean; others at a tilt for which about k classes are expected in
   a random subset, small odds by power sums, the few others in double, in two lists a warp: the
   unlikely classes with their odds, the likely ones with the odds of not being chosen. A block a
   sample. */
#ifndef SMOOTH_TOPK_ANY_K_CUH
#define SMOOTH_TOPK_ANY_K_CUH

#include "smooth_topk_any_sample.cuh"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_any_power_sums.cuh"
#include "smooth_topk_tilt.h"

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* The weights of all classes relative to sample->pivot, 0 of the label, to scratch->odds: at most
   2^100, 0 below 2^-126. Returns about the sum of their minima with 1. Ends with a barrier. */
static __device__ float compute_weights(const labelled_sample *sample)
{
    const gpu_batch *batch = sample->batch;
    float *weights = sample->scratch->odds, sum = 0;
    for (int i = threadIdx.x; i < batch->classes; i += ANY_THREADS) {
        float score = sample->scores[i], weight = 0;
        if (batch->rate > 0) {
            float t = (score - sample->pivot) * batch->rate;
            if (t >= -126.f) weight = exp2f(fminf(t, 100));
        } else if (!smooth_topk_is_minus_inf(float_bits(score))) {
            double z = smooth_topk_scaled_z(score, sample->pivot, batch->inverse_k_tau);
            weight = expf(fminf((float)z, 69));
        }
        if (i == sample->label) weight = 0;
        weights[i] = weight;
        sum += fminf(weight, 1);
    }
    return block_sum(sum, sample->shared->partial[3]);
}

/* The tilt rho such that about k - 1/2 classes are expected. */
static __device__ float find_tilt(const labelled_sample *sample, float sum)
{
    int classes = sample->batch->classes, k = sample->batch->params.k;
    const float *weights = sample->scratch->odds;
    smooth_topk_tilt tilt = smooth_topk_tilt_of_weights(other_classes(sample), k, sum);
    for (int step = 0; step < SMOOTH_TOPK_TILT_STEPS; ++step) {
        float expected = 0, variance = 0, rho = (float)exp(tilt.log_rho);
        for (int i = threadIdx.x; i < classes; i += ANY_THREADS) {
            float odds = weights[i] * rho, excluded = 1 / (1 + odds), chosen = odds * excluded;
            expected += chosen;
            variance += chosen * excluded;
        }
        expected = block_sum(expected, sample->shared->partial[step % 2 * 2]);
        variance = block_sum(variance, sample->shared->partial[1 + step % 2 * 2]);
        if (smooth_topk_next_tilt(&tilt, k, expected, variance)) break;
    }
    return (float)exp(tilt.log_rho);
}

/* The classes of a warp: a stretch of the row. Its lists begin there too. */
typedef struct {
    int begin, end;
} class_stretch;

static __device__ class_stretch warp_stretch(int classes, int warp)
{
    int length = (classes + ANY_THREADS - 1) / ANY_THREADS * WARP;
    class_stretch own = {min_int(classes, warp * length), min_int(classes, (warp + 1) * length)};
    return own;
}

/* Puts those lanes' classes that are `members` behind the `count` of a list; returns its new
   length. */
static __device__ int append(const class_list *list, int begin, int count, unsigned members,
                             int class_number, float odds)
{
    if (members >> LANE & 1) {
        int place = begin + count + __popc(members & ((1u << LANE) - 1));
        list->class_numbers[place] = class_number;
        list->odds[place] = odds;
    }
    return count + __popc(members);
}

/* Weights become odds at the tilt. Small ones stay in scratch->odds, and their powers are added up;
   the others are 0 there, and on the lists. Ends with a barrier. */
static __device__ void split_classes(const labelled_sample *sample, float rho)
{
    const sample_scratch *scratch = sample->scratch;
    float limit = sample->batch->params.k <= LARGEST_K_OF_POWER_SUMS ? SMALL_ODDS : 0;
    class_stretch own = warp_stretch(sample->batch->classes, WARP_OF_BLOCK);
    int likely = 0, unlikely = 0;
    thread_powers powers;
    clear_powers(&powers);
    for (int first = own.begin; first < own.end; first += WARP) {
        int i = first + LANE;
        float odds = i < own.end ? scratch->odds[i] * rho : 0;
        unlikely = append(&scratch->unlikely_classes, own.begin, unlikely,
                          __ballot_sync(ALL_LANES, odds > limit && odds <= 1), i, odds);
        likely = append(&scratch->likely_classes, own.begin, likely,
                        __ballot_sync(ALL_LANES, odds > 1), i, 1 / odds);
        float small = odds > limit ? 0 : odds;
        if (i < own.end) scratch->odds[i] = small;
        add_powers(&powers, small);
    }
    if (LANE == 0) {
        sample->shared->unlikely[WARP_OF_BLOCK] = unlikely;
        sample->shared->likely[WARP_OF_BLOCK] = likely;
    }
    sum_powers(sample->shared, &powers);
}

/* A warp's product of the factors of its list, each scaled such that its coefficients sum to 1:
   nothing overflows, and what underflows does not matter. Lane l owns the coefficients l M to
   l M + M - 1 of a band of 32 M:

       lane          0            1                 31
       band 0    c[0 .. M-1]  c[M .. 2M-1]  ..  c[31M .. 32M-1]
       band 1    c[32M ..                       .. 64M-1]

   A factor moves every coefficient towards the next: within a lane, from the last of a lane to the
   first of the lane above, and from the last of a band to the first of the next band. Bands are
   done one after another, so carry keeps what each factor moves out of a band. is_likely: the
   factor is (odds + x), else (1 + odds x). */
template <int M>
static __device__ void warp_product(const float *odds, int count, int is_likely, int degree,
                                    double *carry, double *product)
{
    for (int band = 0; band <= degree; band += WARP * M) {
        int has_next = band + WARP * M <= degree;
        double c[M];
#pragma unroll
        for (int m = 0; m < M; ++m) c[m] = band + LANE + m == 0;
        for (int first = 0; first < count; first += WARP) {
            double own = first + LANE < count ? (double)odds[first + LANE] : 0;
            double one = 1 / (1 + own), part = own * one;
            double lower = is_likely ? part : one, upper = is_likely ? one : part;
            for (int lane = 0; lane < min_int(WARP, count - first); ++lane) {
                double stays = __shfl_sync(ALL_LANES, lower, lane);
                double moves = __shfl_sync(ALL_LANES, upper, lane);
                double above = c[M - 1];
                if (LANE == WARP - 1) {
                    above = band ? carry[first + lane] : 0;
                    if (has_next) carry[first + lane] = c[M - 1];
                }
                double below = __shfl_sync(ALL_LANES, above, (LANE + WARP - 1) % WARP);
#pragma unroll
                for (int m = M - 1; m >= 1; --m) c[m] = stays * c[m] + moves * c[m - 1];
                c[0] = stays * c[0] + moves * below;
            }
        }
#pragma unroll
        for (int m = 0; m < M; ++m) {
            int j = band + LANE * M + m;
            if (j <= degree) product[j] = c[m];
        }
    }
}

/* Of the product of the classes that the warps first .. end-1 have listed, up to degree `limit`. */
static __device__ int listed_degree(const int *count, int first, int end, int limit)
{
    int sum = 0;
    for (int w = first; w < end; ++w) sum += count[w];
    return min_int(limit, sum);
}

/* The product of all likely or all unlikely classes on the lists, up to degree `limit`: result[0 ..
   limit], zeros above its degree. Returns its degree. count: how many each warp's list has. Ends
   with a barrier. */
static __device__ int block_product(const labelled_sample *sample, const float *odds, int is_likely,
                                    int limit, const int *count, double *result)
{
    double *factors = sample->scratch->products, *next = sample->scratch->merged;
    int begin = warp_stretch(sample->batch->classes, WARP_OF_BLOCK).begin;
    int own = count[WARP_OF_BLOCK], degree = min_int(limit, own);
    double *carry = sample->scratch->carry + begin;
    size_t place = WARP_OF_BLOCK;
    for (int w = 0; w < WARP_OF_BLOCK; ++w) place += min_int(limit, count[w]);
    if (limit < WARP)
        warp_product<1>(odds + begin, own, is_likely, degree, carry, factors + place);
    else
        warp_product<4>(odds + begin, own, is_likely, degree, carry, factors + place);
    __syncthreads();
#pragma unroll 1
    for (int warps = 1; warps < ANY_WARPS; warps *= 2) {
        const double *a = factors;
        double *product = next;
#pragma unroll 1
        for (int first = 0; first < ANY_WARPS; first += 2 * warps) {
            int middle = first + warps, end = middle + warps;
            int a_degree = listed_degree(count, first, middle, limit);
            int b_degree = listed_degree(count, middle, end, limit);
            const double *b = a + a_degree + 1;
            degree = min_int(limit, a_degree + b_degree);
            for (int j = threadIdx.x; j <= degree; j += ANY_THREADS)
                product[j] = smooth_topk_coefficient(a, a_degree, b, b_degree, j);
            a = b + b_degree + 1;
            product += degree + 1;
        }
        double *swap = factors;
        factors = next;
        next = swap;
        __syncthreads();
    }
    for (int j = threadIdx.x; j <= limit; j += ANY_THREADS)
        result[j] = j <= degree ? factors[j] : 0;
    __syncthreads();
    return degree;
}

/* scratch->unlikely *= the product of the small odds' factors, which are not on the list. degree:
   of what is there. One thread does Newton's identities, in order; c and d are not in use yet. Ends
   with a barrier. */
static __device__ void multiply_small(const labelled_sample *sample, int degree)
{
    const sample_scratch *scratch = sample->scratch;
    int k = sample->batch->params.k;
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS) scratch->c[j] = 1 / (double)j;
    __syncthreads();
    if (threadIdx.x == 0) from_power_sums(sample->shared->power, scratch->c, k, scratch->d);
    __syncthreads();
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS)
        scratch->merged[j] = smooth_topk_coefficient(scratch->unlikely, degree, scratch->d, k, j);
    __syncthreads();
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS) scratch->unlikely[j] = scratch->merged[j];
    __syncthreads();
}

/* How many of d count beside the largest, d[0] or one that is larger. All lanes look. */
static __device__ int count_terms(const double *d, int k)
{
    double least = 1e-11 * d[0];
    for (int terms = k; terms > 1; terms -= WARP) {
        int m = terms - 1 - LANE;
        unsigned counted = __ballot_sync(ALL_LANES, m >= 0 && !(d[m] < least));
        if (counted) return terms - (__ffs(counted) - 1);
    }
    return 1;
}

/* Of the classes that are not on a list, whose odds are small: the first POWER_SUMS terms, in
   float. Of those on the lists 0. Ends with a barrier. */
static __device__ void write_small_gradients(const labelled_sample *sample, double size)
{
    const sample_scratch *scratch = sample->scratch;
    int k = sample->batch->params.k;
    float d[POWER_SUMS];
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) d[m] = m < k ? (float)scratch->d[m] : 0;
    for (int i = threadIdx.x; i < sample->batch->classes; i += ANY_THREADS) {
        float odds = scratch->odds[i], sum = d[POWER_SUMS - 1];
#pragma unroll
        for (int m = POWER_SUMS - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], odds, sum);
        write_gradient(sample, i, i == sample->label ? (float)-size : sum * odds);
    }
    __syncthreads();
}

/* That of a class with the factor (1 + odds x). */
static __device__ double unlikely_gradient(const double *d, int terms, double odds)
{
    double sum = d[terms - 1];
    for (int m = terms - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], odds, sum);
    return sum * odds;
}

/* Those of the classes on a warp's lists. */
static __device__ void write_listed_gradients(const labelled_sample *sample, int likely_degree,
                                              smooth_topk_inverse inverse, double size)
{
    const sample_scratch *scratch = sample->scratch;
    int k = sample->batch->params.k, terms = count_terms(scratch->d, k);
    int begin = warp_stretch(sample->batch->classes, WARP_OF_BLOCK).begin;
    for (int l = LANE; l < sample->shared->unlikely[WARP_OF_BLOCK]; l += WARP) {
        double odds = scratch->unlikely_classes.odds[begin + l];
        write_gradient(sample, scratch->unlikely_classes.class_numbers[begin + l],
                       (float)unlikely_gradient(scratch->d, terms, odds));
    }
    for (int l = LANE; l < sample->shared->likely[WARP_OF_BLOCK]; l += WARP) {
        double odds_against = scratch->likely_classes.odds[begin + l];
        double difference = smooth_topk_monic_difference(
            scratch->likely, likely_degree, odds_against, scratch->unlikely, inverse, k);
        write_gradient(sample, scratch->likely_classes.class_numbers[begin + l],
                       (float)(size * (is_membership(sample) ? 1 + difference : difference)));
    }
}

/* Those of nearly equal weights. */
static __device__ void write_equal_gradients(const labelled_sample *sample, double size)
{
    const sample_scratch *scratch = sample->scratch;
    int k = sample->batch->params.k, terms = count_terms(scratch->d, k);
    if (k > POWER_SUMS && scratch->d[POWER_SUMS] < 1e-9 * scratch->d[0]) {
        write_small_gradients(sample, size);
        return;
    }
    for (int i = threadIdx.x; i < sample->batch->classes; i += ANY_THREADS)
        write_gradient(sample, i,
                       (float)(i == sample->label
                                   ? -size
                                   : unlikely_gradient(scratch->d, terms, scratch->odds[i])));
}

/* The coefficients c of all classes' product by the power sums of their weights' distances from the
   mean: smooth_topk_any_k.c has the method. Returns 0 if the weights are not equal enough. sum:
   that of the weights. Ends with a barrier. */
static __device__ int multiply_equal(const labelled_sample *sample, float sum)
{
    any_shared *shared = sample->shared;
    int k = sample->batch->params.k, others = other_classes(sample);
    float center = sum / (float)others;
    if (k > center * (float)(others - k + 1)) return 0; /* coefficients below k are larger */
    thread_powers powers;
    clear_powers(&powers);
    for (int i = threadIdx.x; i < sample->batch->classes; i += ANY_THREADS)
        if (i != sample->label) add_powers(&powers, sample->scratch->odds[i] - center);
    sum_powers(shared, &powers);
    if (WARP_OF_BLOCK == 0) {
        int is_equal = from_centered_sums(shared, center, others, k, sample->scratch->c);
        if (LANE == 0) shared->is_equal = is_equal;
    }
    __syncthreads();
    return shared->is_equal;
}

/* The same at a tilt, for any weights. Returns log rho. */
static __device__ double multiply_tilted(const labelled_sample *sample, float sum,
                                         int *likely_degree)
{
    const sample_scratch *scratch = sample->scratch;
    any_shared *shared = sample->shared;
    int k = sample->batch->params.k, all_likely = 0;
    float rho = find_tilt(sample, sum);
    split_classes(sample, rho);
    for (int w = 0; w < ANY_WARPS; ++w) all_likely += shared->likely[w];
    *likely_degree = block_product(sample, scratch->likely_classes.odds, 1, all_likely,
                                   shared->likely, scratch->likely);
    int unlikely_degree = block_product(sample, scratch->unlikely_classes.odds, 0, k,
                                        shared->unlikely, scratch->unlikely);
    if (shared->power[0] > 0) multiply_small(sample, unlikely_degree);
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS)
        scratch->c[j] =
            smooth_topk_coefficient(scratch->likely, *likely_degree, scratch->unlikely, k, j);
    __syncthreads();
    return log((double)rho);
}

/* Algorithm pivot for any k. The label may be none: then what is written is m_i(k), of all classes,
   in place of the gradient, and the loss means nothing. */
static __device__ double any_k(const labelled_sample *sample, int may_be_equal)
{
    const sample_scratch *scratch = sample->scratch;
    int k = sample->batch->params.k, likely_degree = 0;
    float sum = compute_weights(sample);
    int is_equal = may_be_equal && multiply_equal(sample, sum);
    double log_rho = is_equal ? 0 : multiply_tilted(sample, sum, &likely_degree);
    smooth_topk_inverse inverse = smooth_topk_invert(scratch->c, k);
    double size = 1, loss = 0;
    if (is_membership(sample))
        inverse.k1 = 0;
    else
        loss = finish_any(sample, log(scratch->c[k] / scratch->c[k - 1]) - log_rho, &size);
    if (!sample->grad) return loss;
    for (int m = threadIdx.x; m < k; m += ANY_THREADS)
        scratch->d[m] = size * smooth_topk_division(scratch->c, inverse, k, m);
    __syncthreads();
    if (is_equal) {
        write_equal_gradients(sample, size);
        return loss;
    }
    write_small_gradients(sample, size);
    write_listed_gradients(sample, likely_degree, inverse, size);
    return loss;
}

#endif
