/* Algorithm pivot for any k, in double, at a tilt for which about k classes are expected in a
   random subset: so no product of probabilities loses what matters. A block a sample. */
#ifndef SMOOTH_TOPK_ANY_K_CUH
#define SMOOTH_TOPK_ANY_K_CUH

#include "smooth_topk_any_sample.cuh"
#include "smooth_topk_polynomial.h"
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

/* A warp's product of the factors of the likely or the unlikely classes in a stretch, each scaled
   such that its coefficients sum to 1: nothing overflows, and what underflows does not matter. Each
   lane keeps M coefficients; more than 32 M go in bands, one after another, and carry keeps what
   every factor moves from the top of a band to the next one: the last lane's, to hand to the first.
 */
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

/* The product of all likely or all unlikely classes, up to degree `limit`: to[0 .. limit], zeros
   above its degree. Returns its degree. count: how many there are in each warp's stretch. Ends with
   a barrier. */
static __device__ int block_product(const labelled_sample *sample, int stretch, int likely,
                                    int limit, const int *count, double *to)
{
    double *from = sample->scratch->products, *next = sample->scratch->merged;
    int degree[ANY_WARPS], begin = min_int(sample->batch->classes, WARP_OF_BLOCK * stretch),
                           end = min_int(sample->batch->classes, begin + stretch);
    size_t place = 0;
    for (int w = 0; w < ANY_WARPS; ++w) {
        degree[w] = min_int(limit, count[w]);
        if (w < WARP_OF_BLOCK) place += degree[w] + 1;
    }
    if (limit < WARP)
        warp_product<1>(sample->scratch->odds + begin, end - begin, likely, degree[WARP_OF_BLOCK],
                        sample->scratch->carry + begin, from + place);
    else
        warp_product<4>(sample->scratch->odds + begin, end - begin, likely, degree[WARP_OF_BLOCK],
                        sample->scratch->carry + begin, from + place);
    __syncthreads();
    for (int pairs = ANY_WARPS / 2; pairs > 0; pairs /= 2) {
        const double *a = from;
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
static __device__ double any_k(const labelled_sample *sample)
{
    int classes = sample->batch->classes, k = sample->batch->params.k;
    int stretch = (classes + ANY_THREADS - 1) / ANY_THREADS * WARP;
    int begin = min_int(classes, WARP_OF_BLOCK * stretch), end = min_int(classes, begin + stretch);
    const sample_scratch *scratch = sample->scratch;
    double tilt = find_tilt(sample);
    int likely = 0, unlikely = 0;
    for (int first = begin; first < end; first += WARP) {
        int i = first + LANE;
        float odds = 0;
        if (i < end && i != sample->label) {
            double z =
                smooth_topk_z(sample->scores[i], sample->pivot, k, sample->batch->params.tau) +
                tilt;
            odds = z > 0 ? -(float)exp(-z) : (float)exp(z);
        }
        if (i < end) scratch->odds[i] = odds;
        unlikely += __popc(__ballot_sync(ALL_LANES, odds > 0));
        likely += __popc(__ballot_sync(ALL_LANES, bits_of(odds) >> 31));
    }
    if (LANE == 0) {
        sample->shared->unlikely[WARP_OF_BLOCK] = unlikely;
        sample->shared->likely[WARP_OF_BLOCK] = likely;
    }
    __syncthreads();
    int all_likely = 0;
    for (int w = 0; w < ANY_WARPS; ++w) all_likely += sample->shared->likely[w];
    int likely_degree =
        block_product(sample, stretch, 1, all_likely, sample->shared->likely, scratch->likely);
    block_product(sample, stretch, 0, k, sample->shared->unlikely, scratch->unlikely);
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
    for (int i = threadIdx.x; i < classes; i += ANY_THREADS) {
        float odds = scratch->odds[i];
        double difference;
        if (i == sample->label) {
            difference = -size;
        } else if (bits_of(odds) >> 31) {
            difference =
                size * smooth_topk_monic_difference(scratch->likely, likely_degree, -(double)odds,
                                                    scratch->unlikely, inverse, k);
        } else {
            difference = scratch->d[k - 1];
            for (int m = k - 2; m >= 0; --m)
                difference = SMOOTH_TOPK_HORNER(scratch->d[m], (double)odds, difference);
            difference *= odds;
        }
        write_gradient(sample, i, difference);
    }
    return loss;
}

#endif
