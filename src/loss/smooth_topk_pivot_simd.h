/* The vector loops of smooth_topk_pivot.c, once for each instruction set. */
#include "smooth_topk_exp_simd.h"
#include "smooth_topk_fold_simd.h"
#include "smooth_topk_merge_simd.h"
#include "smooth_topk_names_simd.h"

#define merge_total SIMD_NAME(merge_total)
#define horner SIMD_NAME(horner)

/* Vectors whose products a lane adds up in float before they go on in double. */
#define CHUNK 64

/* u = exp(-|score - pivot| / (k tau)), 0 for scores above the pivot. */
LOOP void compute_exponentials(const float *scores, int count, float pivot, float rate, float *u)
{
    floats pivots = FLOATS(pivot), rates = FLOATS(rate);
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        floats x = exponential(load(scores + i), pivots, rates);
        store(u + i, x);
    }
    if (i < count) {
        floats x = load_some(scores + i, count - i, (floats){0});
        store_some(u + i, exponential(x, pivots, rates), count - i);
    }
}

/* The product of all lanes of `total`, the lower ones with the upper ones first. */
INLINE void merge_total(const doubles *total, double *product, const int k)
{
    doubles lanes[SMALL_K + 1];
#pragma GCC unroll 16
    for (int j = 0; j <= k; ++j) {
        lanes[j] = total[0] * total[2 * j + 1];
#pragma GCC unroll 16
        for (int i = 1; i <= j; ++i) lanes[j] += total[2 * i] * total[2 * (j - i) + 1];
    }
    merge_lanes(lanes, product, k);
}

/* product[0 .. k] of the factors (1 + u x), by independent products in the lanes, merged at the
   end. k is a constant wherever this is expanded, so that the k coefficients of a lane stay in
   registers. */
INLINE void multiply_factors(const float *u, int count, double *product, const int k)
{
    doubles total[2 * (SMALL_K + 1)];
#pragma GCC unroll 32
    for (int j = 0; j < 2 * (k + 1); ++j) total[j] = (doubles){0};
    for (int begin = 0; begin < count; begin += CHUNK * LANES) {
        int end = min_int(count, begin + CHUNK * LANES), i = begin;
        floats c[SMALL_K + 1];
        c[0] = FLOATS(1);
#pragma GCC unroll 16
        for (int j = 1; j <= k; ++j) c[j] = (floats){0};
        for (; i + LANES <= end; i += LANES) {
            floats x = load(u + i);
#pragma GCC unroll 16
            for (int j = k; j >= 1; --j) c[j] += x * c[j - 1];
        }
        if (i < end) { /* with load_some gcc's loop above takes 5 % longer */
            float part[LANES] = {0};
            memcpy(part, u + i, (end - i) * sizeof(float));
            floats x = load(part);
#pragma GCC unroll 16
            for (int j = k; j >= 1; --j) c[j] += x * c[j - 1];
        }
        fold_part(total, c, begin == 0, k);
    }
    merge_total(total, product, k);
}

/* x sum_m (-x)^m d[m], m < k, by Horner's rule. */
INLINE floats horner(floats x, const float *d, const int k)
{
    floats sum = FLOATS(d[k - 1]);
#pragma GCC unroll 16
    for (int m = k - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], x, sum);
    return sum * x;
}

/* grad_i = u_i sum_m (-u_i)^m d[m]. grad may be u. */
INLINE void evaluate_gradient(const float *u, int count, const float *d, float *grad, const int k)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES) store(grad + i, horner(load(u + i), d, k));
    if (i < count) {
        floats x = load_some(u + i, count - i, (floats){0});
        store_some(grad + i, horner(x, d, k), count - i);
    }
}

LOOP void compute_product(const float *u, int count, double *product, int k){
#define PRODUCT(K) multiply_factors(u, count, product, K)
    FOR_SMALL_K(PRODUCT)
#undef PRODUCT
}

LOOP void compute_gradient(const float *u, int count, const float *d, float *grad, int k){
#define GRADIENT(K) evaluate_gradient(u, count, d, grad, K)
    FOR_SMALL_K(GRADIENT)
#undef GRADIENT
}

LOOPS(pivot_loops) = {compute_exponentials, compute_product, compute_gradient};

#undef CHUNK
