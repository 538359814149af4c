/* Algorithm pivot for any k at a tilt for which about k classes are expected in a random subset: so
   no product of probabilities loses what matters (smooth_topk_any_k.c has the method). A block a
   sample. Small odds by power sums, the few others in double, in two lists a warp: the unlikely
   classes with their odds, the likely ones with the odds of not being chosen. */
#ifndef SMOOTH_TOPK_ANY_K_CUH
#define SMOOTH_TOPK_ANY_K_CUH

#include "smooth_topk_any_sample.cuh"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_power_sums.h"
#include "smooth_topk_tilt.h"

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* log rho such that about k - 1/2 classes are expected; as on the CPU, but near enough in float. */
static __device__ double find_tilt(const labelled_sample *sample)
{
    int classes = sample->batch->classes, k = sample->batch->params.k;
    double rate = 1 / ((double)k * (double)sample->batch->params.tau);
    float sum = 0;
    for (int i = threadIdx.x; i < classes; i += ANY_THREADS) {
        float z = (float)(((double)sample->scores[i] - sample->pivot) * rate);
        if (i != sample->label && z <= 0) sum += expf(z);
    }
    sum = block_sum(sum, sample->shared->partial[1]);
    smooth_topk_tilt tilt = smooth_topk_first_tilt(classes, k, sum);
    for (int step = 0; step < SMOOTH_TOPK_TILT_STEPS; ++step) {
        float expected = 0, variance = 0;
        for (int i = threadIdx.x; i < classes; i += ANY_THREADS) {
            if (i == sample->label) continue;
            float z = (float)(((double)sample->scores[i] - sample->pivot) * rate + tilt.log_rho);
            float probability = 1 / (1 + expf(-z));
            expected += probability;
            variance += probability * (1 - probability);
        }
        expected = block_sum(expected, sample->shared->partial[2 + step % 2 * 2]);
        variance = block_sum(variance, sample->shared->partial[3 + step % 2 * 2]);
        if (smooth_topk_next_tilt(&tilt, k, expected, variance)) break;
    }
    return tilt.log_rho;
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

/* The sum over the block of each power sum, in every thread. Ends with a barrier. */
static __device__ void sum_powers(any_shared *shared, double (&power)[POWER_SUMS])
{
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) {
        for (int offset = WARP / 2; offset > 0; offset /= 2)
            power[m] += __shfl_xor_sync(ALL_LANES, power[m], offset);
        if (LANE == 0) shared->power[m][WARP_OF_BLOCK] = power[m];
    }
    __syncthreads();
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) {
        power[m] = 0;
        for (int w = 0; w < ANY_WARPS; ++w) power[m] += shared->power[m][w];
    }
}

/* Odds of all classes at the tilt. Small ones stay in scratch->odds and are added up in `power`;
   the others, the -inf classes' and the label's are 0 there, and the others are on the lists. Ends
   with a barrier. */
static __device__ void split_classes(const labelled_sample *sample, double tilt,
                                     double (&power)[POWER_SUMS])
{
    const sample_scratch *scratch = sample->scratch;
    int classes = sample->batch->classes, k = sample->batch->params.k;
    double rate = 1 / ((double)k * (double)sample->batch->params.tau);
    float limit = k <= LARGEST_K_OF_POWER_SUMS ? SMALL_ODDS : 0;
    class_stretch own = warp_stretch(classes, WARP_OF_BLOCK);
    int likely = 0, unlikely = 0, added = 0;
    float sum[POWER_SUMS];
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) power[m] = sum[m] = 0;
    for (int first = own.begin; first < own.end; first += WARP) {
        int i = first + LANE;
        float odds = 0, odds_against = 0;
        if (i < own.end && i != sample->label) {
            float z = (float)(smooth_topk_scaled_z(sample->scores[i], sample->pivot, rate) + tilt);
            if (z > 0)
                odds_against = expf(-z);
            else
                odds = expf(z);
            if (z > 0 && odds_against == 0) odds_against = FLT_MIN;
        }
        unlikely = append(&scratch->unlikely_classes, own.begin, unlikely,
                          __ballot_sync(ALL_LANES, odds > limit), i, odds);
        likely = append(&scratch->likely_classes, own.begin, likely,
                        __ballot_sync(ALL_LANES, odds_against > 0), i, odds_against);
        float small = odds > limit ? 0 : odds, term = small;
        if (i < own.end) scratch->odds[i] = small;
#pragma unroll
        for (int m = 0; m < POWER_SUMS; ++m, term *= small) sum[m] += term;
        if (++added % 64 == 0) {
#pragma unroll
            for (int m = 0; m < POWER_SUMS; ++m) power[m] += sum[m], sum[m] = 0;
        }
    }
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) power[m] += sum[m];
    if (LANE == 0) {
        sample->shared->unlikely[WARP_OF_BLOCK] = unlikely;
        sample->shared->likely[WARP_OF_BLOCK] = likely;
    }
    sum_powers(sample->shared, power);
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

/* The product of all likely or all unlikely classes on the lists, up to degree `limit`: result[0 ..
   limit], zeros above its degree. Returns its degree. count: how many each warp's list has. Ends
   with a barrier. */
static __device__ int block_product(const labelled_sample *sample, const float *odds, int is_likely,
                                    int limit, const int *count, double *result)
{
    double *factors = sample->scratch->products, *next = sample->scratch->merged;
    int degree[ANY_WARPS], begin = warp_stretch(sample->batch->classes, WARP_OF_BLOCK).begin;
    int own = count[WARP_OF_BLOCK];
    double *carry = sample->scratch->carry + begin;
    size_t place = 0;
    for (int w = 0; w < ANY_WARPS; ++w) {
        degree[w] = min_int(limit, count[w]);
        if (w < WARP_OF_BLOCK) place += degree[w] + 1;
    }
    if (limit < WARP)
        warp_product<1>(odds + begin, own, is_likely, degree[WARP_OF_BLOCK], carry,
                        factors + place);
    else
        warp_product<4>(odds + begin, own, is_likely, degree[WARP_OF_BLOCK], carry,
                        factors + place);
    __syncthreads();
    for (int pairs = ANY_WARPS / 2; pairs > 0; pairs /= 2) {
        const double *a = factors;
        double *product = next;
        for (int p = 0; p < pairs; ++p) {
            int a_degree = degree[2 * p], b_degree = degree[2 * p + 1];
            const double *b = a + a_degree + 1;
            degree[p] = min_int(limit, a_degree + b_degree);
            for (int j = threadIdx.x; j <= degree[p]; j += ANY_THREADS)
                product[j] = smooth_topk_coefficient(a, a_degree, b, b_degree, j);
            a = b + b_degree + 1;
            product += degree[p] + 1;
        }
        double *swap = factors;
        factors = next;
        next = swap;
        __syncthreads();
    }
    for (int j = threadIdx.x; j <= limit; j += ANY_THREADS)
        result[j] = j <= degree[0] ? factors[j] : 0;
    __syncthreads();
    return degree[0];
}

/* scratch->unlikely *= the product of the small odds' factors, which are not on the list. degree:
   of what is there. One thread does Newton's identities, in order; c and d are not in use yet. Ends
   with a barrier. */
static __device__ void multiply_small(const labelled_sample *sample, int degree,
                                      const double (&power)[POWER_SUMS])
{
    const sample_scratch *scratch = sample->scratch;
    int k = sample->batch->params.k;
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS) scratch->c[j] = 1 / (double)j;
    __syncthreads();
    if (threadIdx.x == 0) smooth_topk_from_power_sums(power, scratch->c, k, scratch->d);
    __syncthreads();
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS)
        scratch->merged[j] = smooth_topk_coefficient(scratch->unlikely, degree, scratch->d, k, j);
    __syncthreads();
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS) scratch->unlikely[j] = scratch->merged[j];
    __syncthreads();
}

/* Gradients of the classes that are not on a list: the first POWER_SUMS terms, in float. Of those
   on the lists 0. Ends with a barrier. */
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
        write_gradient(sample, i, i == sample->label ? -size : (double)(sum * odds));
    }
    __syncthreads();
}

/* Those of the classes on a warp's lists. */
static __device__ void write_listed_gradients(const labelled_sample *sample, int likely_degree,
                                              smooth_topk_inverse inverse, double size)
{
    const sample_scratch *scratch = sample->scratch;
    int k = sample->batch->params.k;
    int begin = warp_stretch(sample->batch->classes, WARP_OF_BLOCK).begin;
    for (int l = LANE; l < sample->shared->unlikely[WARP_OF_BLOCK]; l += WARP) {
        double odds = scratch->unlikely_classes.odds[begin + l], sum = scratch->d[k - 1];
        for (int m = k - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(scratch->d[m], odds, sum);
        write_gradient(sample, scratch->unlikely_classes.class_numbers[begin + l], sum * odds);
    }
    for (int l = LANE; l < sample->shared->likely[WARP_OF_BLOCK]; l += WARP) {
        double odds_against = scratch->likely_classes.odds[begin + l];
        double difference = smooth_topk_monic_difference(
            scratch->likely, likely_degree, odds_against, scratch->unlikely, inverse, k);
        write_gradient(sample, scratch->likely_classes.class_numbers[begin + l], size * difference);
    }
}

/* Algorithm pivot, tilted. */
static __device__ double any_k(const labelled_sample *sample)
{
    const sample_scratch *scratch = sample->scratch;
    any_shared *shared = sample->shared;
    int k = sample->batch->params.k, all_likely = 0;
    double tilt = find_tilt(sample), power[POWER_SUMS];
    split_classes(sample, tilt, power);
    for (int w = 0; w < ANY_WARPS; ++w) all_likely += shared->likely[w];
    int likely_degree = block_product(sample, scratch->likely_classes.odds, 1, all_likely,
                                      shared->likely, scratch->likely);
    int unlikely_degree = block_product(sample, scratch->unlikely_classes.odds, 0, k,
                                        shared->unlikely, scratch->unlikely);
    if (power[0] > 0) multiply_small(sample, unlikely_degree, power);
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS)
        scratch->c[j] =
            smooth_topk_coefficient(scratch->likely, likely_degree, scratch->unlikely, k, j);
    __syncthreads();
    double size, loss = finish_any(sample, log(scratch->c[k] / scratch->c[k - 1]) - tilt, &size);
    if (!sample->grad) return loss;
    smooth_topk_inverse inverse = smooth_topk_invert(scratch->c, k);
    for (int m = threadIdx.x; m < k; m += ANY_THREADS)
        scratch->d[m] = size * smooth_topk_division(scratch->c, inverse, k, m);
    __syncthreads();
    write_small_gradients(sample, size);
    write_listed_gradients(sample, likely_degree, inverse, size);
    return loss;
}

#endif
