/* Power sums over the classes of a sample, and the coefficients that those of nearly equal weights
   give (smooth_topk_power_sums.h has the formulas). */
#ifndef SMOOTH_TOPK_ANY_POWER_SUMS_CUH
#define SMOOTH_TOPK_ANY_POWER_SUMS_CUH

#include "smooth_topk_any_sample.cuh"
#include "smooth_topk_power_sums.h"

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* The powers of numbers that a thread adds up: in float, from time to time in double. */
typedef struct {
    float recent[POWER_SUMS];
    double sum[POWER_SUMS];
    int added;
} thread_powers;

static __device__ void clear_powers(thread_powers *powers)
{
    powers->added = 0;
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) powers->sum[m] = powers->recent[m] = 0;
}

static __device__ void pass_recent_on(thread_powers *powers)
{
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) {
        powers->sum[m] += powers->recent[m];
        powers->recent[m] = 0;
    }
}

static __device__ void add_powers(thread_powers *powers, float x)
{
    float term = x;
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m, term *= x) powers->recent[m] += term;
    if (++powers->added % 64 == 0) pass_recent_on(powers);
}

/* The sums over the block, to shared->power: a part of the first warp writes it, behind a barrier.
 */
static __device__ void sum_powers(any_shared *shared, thread_powers *powers)
{
    pass_recent_on(powers);
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) {
        double sum = powers->sum[m];
        for (int offset = WARP / 2; offset > 0; offset /= 2)
            sum += __shfl_xor_sync(ALL_LANES, sum, offset);
        if (LANE == 0) shared->power_of_warp[m][WARP_OF_BLOCK] = sum;
    }
    __syncthreads();
    if (threadIdx.x < POWER_SUMS) {
        double sum = 0;
        for (int w = 0; w < ANY_WARPS; ++w) sum += shared->power_of_warp[threadIdx.x][w];
        shared->power[threadIdx.x] = sum;
    }
}

/* As smooth_topk_from_power_sums, by one thread; inverses[j] = 1/j, may be c. Nothing waits for
   memory: the sums are in registers, an inverse is read a step ahead, and ten steps at a time need
   no moves of the numbers before. A lane a product would be slower: a sum over lanes takes four
   shuffles, one after another. */
static __device__ void from_power_sums(const double *power, const double *inverses, int k,
                                       double *c)
{
    double own[POWER_SUMS], before[POWER_SUMS] = {1}, inverse = inverses[1];
#pragma unroll
    for (int m = 0; m < POWER_SUMS; ++m) own[m] = power[m];
    c[0] = 1;
#pragma unroll 10
    for (int j = 1; j <= k; ++j) {
        double next_inverse = inverses[min_int(j + 1, k)];
        c[j] = smooth_topk_next_coefficient(own, before, inverse);
        inverse = next_inverse;
    }
}

/* As smooth_topk_from_centered_sums, by a warp: first a lane a term, then a lane a coefficient,
   from k on down. The same is returned in every lane. */
static __device__ int from_centered_sums(any_shared *shared, double center, int count, int k,
                                         double *c)
{
    double *e = shared->term, part = 0, largest = 1;
    if (LANE <= POWER_SUMS) e[LANE] = 1 / (double)LANE;
    __syncwarp();
    if (LANE == 0) from_power_sums(shared->power, e, POWER_SUMS, e);
    __syncwarp();
    if (LANE <= POWER_SUMS) {
        double divisor = 1, falling = 1;
        for (int m = 0; m < LANE; ++m) {
            divisor *= center * (count - m);
            falling *= k - m;
        }
        e[LANE] /= divisor;
        part = fabs(e[LANE]) * falling;
    }
    __syncwarp(); /* not emulated: on a GPU a shuffle puts no memory in order */
    part = __shfl_sync(ALL_LANES, part, POWER_SUMS - 1) + __shfl_sync(ALL_LANES, part, POWER_SUMS);
    if (!(part < LARGEST_LAST_TERM)) return 0;
    int top = k;
    for (; top >= 0 && largest > SMALLEST_BINOMIAL; top -= WARP) {
        int j = top - LANE;
        /* Of coefficient j of (1 + center t)^count to the one above, then to coefficient k. */
        double ratio = j == k ? 1 : (j + 1) / (center * (count - j));
        for (int offset = 1; offset < WARP; offset *= 2) {
            double above = __shfl_up_sync(ALL_LANES, ratio, offset);
            if (LANE >= offset) ratio *= above;
        }
        ratio *= largest;
        if (j >= 0) c[j] = ratio > SMALLEST_BINOMIAL ? ratio * smooth_topk_centered_sum(e, j) : 0;
        largest = __shfl_sync(ALL_LANES, ratio, WARP - 1);
    }
    for (int j = top - LANE; j >= 0; j -= WARP) c[j] = 0;
    return 1;
}

#endif
