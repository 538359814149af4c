/* The vector loops of smooth_topk_pivot.c, once for each instruction set. */
#include "smooth_topk_exp_simd.h"

/* Vectors whose products a lane adds up in float before they go on in double. */
#define CHUNK 64

/* u = exp(-|score - pivot| / (k tau)), 0 for scores above the pivot; returns about their sum. */
SIMD_TARGET static float SIMD_NAME(exponentials)(const float *scores, int count, float pivot,
                                                 float rate, float *u)
{
    floats pivots = pivot - (floats){0}, rates = rate - (floats){0}, sums = {0};
    float sum = 0;
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        floats x = SIMD_NAME(exponential)(SIMD_NAME(load)(scores + i), pivots, rates);
        SIMD_NAME(store)(u + i, x);
        sums += x;
    }
    if (i < count) {
        float part[SIMD_BYTES / sizeof(float)] = {0};
        memcpy(part, scores + i, (count - i) * sizeof(float));
        SIMD_NAME(store)(part, SIMD_NAME(exponential)(SIMD_NAME(load)(part), pivots, rates));
        memcpy(u + i, part, (count - i) * sizeof(float));
        for (; i < count; ++i) sum += u[i];
    }
    for (int lane = 0; lane < LANES; ++lane) sum += sums[lane];
    return sum;
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

/* Multiplies lane i by lane i + width, for every i < width: lanes[j][lane] is coefficient j. */
INLINE void SIMD_NAME(merge)(double (*lanes)[SIMD_BYTES / sizeof(float)], const int width,
                             const int k)
{
#pragma GCC unroll 16
    for (int j = k; j >= 0; --j) {
        double sum[SIMD_BYTES / sizeof(float)] = {0};
        for (int i = 0; i <= j; ++i)
            for (int lane = 0; lane < width; ++lane)
                sum[lane] += lanes[i][lane] * lanes[j - i][lane + width];
        for (int lane = 0; lane < width; ++lane) lanes[j][lane] = sum[lane];
    }
}

/* product[0 .. k] of the factors (1 + u x), by independent products in the lanes, merged at the
   end. k is a constant wherever this is expanded, so that the k coefficients of a lane stay in
   registers. */
INLINE void SIMD_NAME(product_of)(const float *u, int count, double *product, const int k)
{
    doubles total[2 * (SMALL_K + 1)];
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
    double lanes[SMALL_K + 1][SIMD_BYTES / sizeof(float)];
    for (int j = 0; j <= k; ++j) memcpy(lanes[j], total + 2 * j, sizeof lanes[j]);
    if (HALF >= 8) SIMD_NAME(merge)(lanes, 8, k);
    if (HALF >= 4) SIMD_NAME(merge)(lanes, 4, k);
    SIMD_NAME(merge)(lanes, 2, k);
    SIMD_NAME(merge)(lanes, 1, k);
    for (int j = 0; j <= k; ++j) product[j] = lanes[j][0];
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

#define FOR_SMALL_K(call) \
    switch (k) {          \
    case 1:               \
        call(1);          \
        break;            \
    case 2:               \
        call(2);          \
        break;            \
    case 3:               \
        call(3);          \
        break;            \
    case 4:               \
        call(4);          \
        break;            \
    case 5:               \
        call(5);          \
        break;            \
    case 6:               \
        call(6);          \
        break;            \
    case 7:               \
        call(7);          \
        break;            \
    case 8:               \
        call(8);          \
        break;            \
    case 9:               \
        call(9);          \
        break;            \
    default:              \
        call(10);         \
        break;            \
    }

SIMD_TARGET static void SIMD_NAME(product)(const float *u, int count, double *product, int k){
#define PRODUCT(K) SIMD_NAME(product_of)(u, count, product, K)
    FOR_SMALL_K(PRODUCT)
#undef PRODUCT
}

SIMD_TARGET
    static void SIMD_NAME(gradient)(const float *u, int count, const float *d, float *grad, int k){
#define GRADIENT(K) SIMD_NAME(gradient_of)(u, count, d, grad, K)
        FOR_SMALL_K(GRADIENT)
#undef GRADIENT
    }

/* sum of u rate / (1 + u rate) and of its derivative by log rate. */
SIMD_TARGET static void SIMD_NAME(expectation)(const float *u, int count, double rate, double *sum,
                                               double *slope)
{
    doubles sums = {0}, slopes = {0};
    int i = 0;
    for (; i + HALF <= count; i += HALF) {
        doubles odds = SIMD_NAME(load_as_doubles)(u + i) * rate, probability = odds / (1 + odds);
        sums += probability;
        slopes += probability / (1 + odds);
    }
    *sum = *slope = 0;
    for (int lane = 0; lane < HALF; ++lane) {
        *sum += sums[lane];
        *slope += slopes[lane];
    }
    for (; i < count; ++i) {
        double odds = u[i] * rate, probability = odds / (1 + odds);
        *sum += probability;
        *slope += probability / (1 + odds);
    }
}

/* Multiplies each lane of c[0 .. degree] by the product of the four factors (1 + x[i] t), truncated
   at degree k. Four at a time, so that a coefficient is loaded and stored once for four classes. */
INLINE int SIMD_NAME(times_four)(doubles *c, int k, int degree, const doubles *x)
{
    doubles ab = x[0] + x[1], cd = x[2] + x[3], a_b = x[0] * x[1], c_d = x[2] * x[3];
    doubles e1 = ab + cd, e2 = a_b + c_d + ab * cd, e3 = a_b * cd + ab * c_d, e4 = a_b * c_d;
    degree = min_int(k, degree + 4);
    int j = degree;
    if (j >= 4) {
        doubles c0 = c[j], c1 = c[j - 1], c2 = c[j - 2], c3 = c[j - 3];
        for (; j >= 4; --j) {
            doubles c4 = c[j - 4];
            c[j] = c0 + e1 * c1 + (e2 * c2 + e3 * c3 + e4 * c4);
            c0 = c1, c1 = c2, c2 = c3, c3 = c4;
        }
    }
    if (j >= 3) c[3] += e1 * c[2] + e2 * c[1] + e3 * c[0];
    if (j >= 2) c[2] += e1 * c[1] + e2 * c[0];
    c[1] += e1 * c[0];
    return degree;
}

/* Takes lanes that have grown past 2^300 back: only ratios of coefficients are asked for in the
 * end. */
INLINE void SIMD_NAME(scale_back)(doubles *c, int degree)
{
    doubles sum = {0}, scale;
    for (int j = 0; j <= degree; ++j) sum += c[j];
    for (int lane = 0; lane < HALF; ++lane) scale[lane] = sum[lane] > 0x1p300 ? 0x1p-300 : 1;
    for (int j = 0; j <= degree; ++j) c[j] *= scale;
}

/* Lane `lane` of c as a polynomial of its own, its largest coefficient 1. */
SIMD_TARGET static void SIMD_NAME(take_lane)(const doubles *c, int degree, int lane, double *to)
{
    double most = 0;
    for (int j = 0; j <= degree; ++j) most = c[j][lane] > most ? c[j][lane] : most;
    for (int j = 0; j <= degree; ++j) to[j] = c[j][lane] / most;
}

/* to[0 .. k] = a * b, the largest coefficient 1. Returns its degree. */
SIMD_TARGET static int SIMD_NAME(multiply)(const double *a, int a_degree, const double *b,
                                           int b_degree, int k, double *to)
{
    int degree = min_int(k, a_degree + b_degree);
    double most = 0;
    for (int j = 0; j <= degree; ++j) to[j] = 0;
    for (int i = 0; i <= a_degree; ++i)
        for (int j = 0; j <= min_int(b_degree, degree - i); ++j) to[i + j] += a[i] * b[j];
    for (int j = 0; j <= degree; ++j) most = to[j] > most ? to[j] : most;
    for (int j = 0; j <= degree; ++j) to[j] /= most;
    return degree;
}

/* product[0 .. k], up to a common factor, of the factors (1 + odds x), for any k, in double.
   scratch: LONG_PRODUCT_SCRATCH(k) doubles, aligned. */
SIMD_TARGET static void SIMD_NAME(long_product)(const float *odds, int count, int k,
                                                double *scratch, double *product)
{
    doubles *c = (doubles *)scratch;
    double *lane_product = scratch + (size_t)(k + 1) * HALF, *next = lane_product + k + 1;
    int degree = 0, product_degree = 0;
    for (int j = 0; j <= k; ++j) c[j] = (doubles){0};
    c[0] = 1 - (doubles){0};
    for (int i = 0, step = 1; i < count; i += 4 * HALF, ++step) {
        float part[2 * SIMD_BYTES / sizeof(float)] = {0};
        doubles x[4];
        memcpy(part, odds + i, min_int(4 * HALF, count - i) * sizeof(float));
        for (int v = 0; v < 4; ++v) x[v] = SIMD_NAME(load_as_doubles)(part + v * HALF);
        degree = SIMD_NAME(times_four)(c, k, degree, x);
        if (step % CHUNK == 0) SIMD_NAME(scale_back)(c, degree);
    }
    product[0] = 1;
    for (int lane = 0; lane < HALF; ++lane) {
        SIMD_NAME(take_lane)(c, degree, lane, lane_product);
        product_degree =
            SIMD_NAME(multiply)(product, product_degree, lane_product, degree, k, next);
        memcpy(product, next, (product_degree + 1) * sizeof(double));
    }
    for (int j = product_degree + 1; j <= k; ++j) product[j] = 0;
}

/* Sums that Horner's rule works on at once, to hide the latency of a step: what the registers hold.
 */
#define AT_ONCE (SIMD_BYTES == 64 ? 8 : 4)

/* grad_i = odds_i sum_m (-odds_i)^m d[m], by Horner in double, for any k. */
SIMD_TARGET static void SIMD_NAME(long_gradient)(const float *odds, int count, const double *d,
                                                 float *grad, int k)
{
    for (int i = 0; i < count; i += AT_ONCE * HALF) {
        float part[AT_ONCE * SIMD_BYTES / sizeof(double)] = {0};
        int size = min_int(AT_ONCE * HALF, count - i);
        doubles x[AT_ONCE], sum[AT_ONCE];
        memcpy(part, odds + i, size * sizeof(float));
#pragma GCC unroll 8
        for (int v = 0; v < AT_ONCE; ++v) {
            x[v] = SIMD_NAME(load_as_doubles)(part + v * HALF);
            sum[v] = d[k - 1] - (doubles){0};
        }
        for (int m = k - 2; m >= 0; --m) {
#pragma GCC unroll 8
            for (int v = 0; v < AT_ONCE; ++v) sum[v] = SMOOTH_TOPK_HORNER(d[m], x[v], sum[v]);
        }
#pragma GCC unroll 8
        for (int v = 0; v < AT_ONCE; ++v) {
            half_floats result = __builtin_convertvector(sum[v] * x[v], half_floats);
            memcpy(part + v * HALF, &result, sizeof result);
        }
        memcpy(grad + i, part, size * sizeof(float));
    }
}

static const pivot_loops SIMD_NAME(loops) = {SIMD_NAME(exponentials), SIMD_NAME(product),
                                             SIMD_NAME(gradient),     SIMD_NAME(expectation),
                                             SIMD_NAME(long_product), SIMD_NAME(long_gradient)};

#undef CHUNK
#undef AT_ONCE
#undef FOR_SMALL_K
