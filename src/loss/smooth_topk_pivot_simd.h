/* The vector loops of smooth_topk_pivot.c, once for each instruction set. */
#include "smooth_topk_exp_simd.h"
#include "smooth_topk_merge_simd.h"

/* Vectors whose products a lane adds up in float before they go on in double. */
#define CHUNK 64

/* u = exp(-|score - pivot| / (k tau)), 0 for scores above the pivot. */
SIMD_TARGET static void SIMD_NAME(exponentials)(const float *scores, int count, float pivot,
                                                float rate, float *u)
{
    floats pivots = pivot - (floats){0}, rates = rate - (floats){0};
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        floats x = SIMD_NAME(exponential)(SIMD_NAME(load)(scores + i), pivots, rates);
        SIMD_NAME(store)(u + i, x);
    }
    if (i < count) {
        float part[SIMD_BYTES / sizeof(float)] = {0};
        memcpy(part, scores + i, (count - i) * sizeof(float));
        SIMD_NAME(store)(part, SIMD_NAME(exponential)(SIMD_NAME(load)(part), pivots, rates));
        memcpy(u + i, part, (count - i) * sizeof(float));
    }
}

/* total[2j] and total[2j + 1]: coefficient j of the lower and of the upper lanes. The first part is
   taken over; later ones, (1 + part[1] x + .. + part[k] x^k), are multiplied in, truncated at
   degree k. */
INLINE void SIMD_NAME(fold)(doubles *total, const floats *part, const int first, const int k)
{
    doubles low[SMALL_K + 1], high[SMALL_K + 1];
#pragma GCC unroll 16
    for (int j = 1; j <= k; ++j) {
        float both[SIMD_BYTES / sizeof(float)];
        SIMD_NAME(store)(both, part[j]);
        low[j] = SIMD_NAME(load_as_doubles)(both);
        high[j] = SIMD_NAME(load_as_doubles)(both + HALF);
    }
    if (first) {
        total[0] = total[1] = 1 - (doubles){0};
        for (int j = 1; j <= k; ++j) {
            total[2 * j] = low[j];
            total[2 * j + 1] = high[j];
        }
        return;
    }
    for (int j = k; j >= 1; --j) {
        for (int i = 0; i < j; ++i) {
            total[2 * j] += total[2 * i] * low[j - i];
            total[2 * j + 1] += total[2 * i + 1] * high[j - i];
        }
    }
}

/* The product of all lanes of `total`, the lower ones with the upper ones first. */
INLINE void SIMD_NAME(merge)(const doubles *total, double *product, const int k)
{
    doubles lanes[SMALL_K + 1];
#pragma GCC unroll 16
    for (int j = 0; j <= k; ++j) {
        lanes[j] = total[0] * total[2 * j + 1];
#pragma GCC unroll 16
        for (int i = 1; i <= j; ++i) lanes[j] += total[2 * i] * total[2 * (j - i) + 1];
    }
    SIMD_NAME(merge_lanes)(lanes, product, k);
}

/* product[0 .. k] of the factors (1 + u x), by independent products in the lanes, merged at the
   end. k is a constant wherever this is expanded, so that the k coefficients of a lane stay in
   registers. */
INLINE void SIMD_NAME(product_of)(const float *u, int count, double *product, const int k)
{
    doubles total[2 * (SMALL_K + 1)];
#pragma GCC unroll 32
    for (int j = 0; j < 2 * (k + 1); ++j) total[j] = (doubles){0};
    for (int begin = 0; begin < count; begin += CHUNK * LANES) {
        int end = min_int(count, begin + CHUNK * LANES), i = begin;
        floats c[SMALL_K + 1];
        c[0] = 1 - (floats){0};
#pragma GCC unroll 16
        for (int j = 1; j <= k; ++j) c[j] = (floats){0};
        for (; i + LANES <= end; i += LANES) {
            floats x = SIMD_NAME(load)(u + i);
#pragma GCC unroll 16
            for (int j = k; j >= 1; --j) c[j] += x * c[j - 1];
        }
        if (i < end) {
            float part[SIMD_BYTES / sizeof(float)] = {0};
            memcpy(part, u + i, (end - i) * sizeof(float));
            floats x = SIMD_NAME(load)(part);
#pragma GCC unroll 16
            for (int j = k; j >= 1; --j) c[j] += x * c[j - 1];
        }
        SIMD_NAME(fold)(total, c, begin == 0, k);
    }
    SIMD_NAME(merge)(total, product, k);
}

/* grad_i = u_i sum_m (-u_i)^m d[m], by Horner u may be grad. */
INLINE floats SIMD_NAME(horner)(floats x, const float *d, const int k)
{
    floats sum = d[k - 1] - (floats){0};
#pragma GCC unroll 16
    for (int m = k - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], x, sum);
    return sum * x;
}

INLINE void SIMD_NAME(gradient_of)(const float *u, int count, const float *d, float *grad,
                                   const int k)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        SIMD_NAME(store)(grad + i, SIMD_NAME(horner)(SIMD_NAME(load)(u + i), d, k));
    if (i < count) {
        float part[SIMD_BYTES / sizeof(float)] = {0};
        memcpy(part, u + i, (count - i) * sizeof(float));
        SIMD_NAME(store)(part, SIMD_NAME(horner)(SIMD_NAME(load)(part), d, k));
        memcpy(grad + i, part, (count - i) * sizeof(float));
    }
}

SIMD_TARGET static void SIMD_NAME(product)(const float *u, int count, double *product, int k){
#define PRODUCT(K) SIMD_NAME(product_of)(u, count, product, K)
    FOR_SMALL_K(PRODUCT)
#undef PRODUCT
}

SIMD_TARGET
    static void SIMD_NAME(gradient)(const float *u, int count, const float *d, float *grad, int k)
{
#define GRADIENT(K) SIMD_NAME(gradient_of)(u, count, d, grad, K)
    FOR_SMALL_K(GRADIENT)
#undef GRADIENT
}

static const pivot_loops SIMD_NAME(loops) = {SIMD_NAME(exponentials), SIMD_NAME(product),
                                             SIMD_NAME(gradient)};

#undef CHUNK
