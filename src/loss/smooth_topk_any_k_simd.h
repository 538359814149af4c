/* The vector loops of smooth_topk_any_k.c, once for each instruction set. */
#include "smooth_topk_exp_simd.h"
#include "smooth_topk_names_simd.h"

#define find_range SIMD_NAME(find_range)
#define weigh_scores SIMD_NAME(weigh_scores)
#define add_powers SIMD_NAME(add_powers)
#define split_weights SIMD_NAME(split_weights)
#define sum_centered_powers SIMD_NAME(sum_centered_powers)
#define combine_products SIMD_NAME(combine_products)
#define compute_unlikely_gradient SIMD_NAME(compute_unlikely_gradient)
#define compute_likely_gradient SIMD_NAME(compute_likely_gradient)
#define compute_equal_gradient SIMD_NAME(compute_equal_gradient)
#define compute_small_gradient SIMD_NAME(compute_small_gradient)

/* Vectors whose powers a lane adds up in float before they go on in double. */
#define CHUNK 64

/* least, most: of all scores. Returns whether one of them is NaN or +inf. */
LOOP int find_range(const float *scores, int count, float *least, float *most)
{
    floats low = FLOATS(scores[0]), high = low;
    ints bad = {0};
    for (int i = 0; i < count; i += LANES) {
        floats x = load_some(scores + i, count - i, low);
        bad |= is_nan_or_plus_inf((ints)x);
        low = SELECT(x < low, x, low);
        high = SELECT(x > high, x, high);
    }
    *least = low[0], *most = high[0];
    for (int lane = 1; lane < LANES; ++lane) {
        *least = low[lane] < *least ? low[lane] : *least;
        *most = high[lane] > *most ? high[lane] : *most;
    }
    return any_lane(bad);
}

/* weights = exp((score - reference) / (k tau)), at most 2^100, 0 below 2^-126; rate = log2(e) / (k
   tau). Returns about the sum of their minima with 1. */
LOOP float weigh_scores(const float *scores, int count, float reference, float rate, float *weights)
{
    floats sums = {0};
    float sum = 0;
    for (int i = 0; i < count; i += LANES) {
        floats lowest = FLOATS(float_from_bits(BITS_MINUS_INF)), one = FLOATS(1);
        floats t = (load_some(scores + i, count - i, lowest) - reference) * rate;
        ints keep = t >= -126.f;
        t = SELECT(t < 100.f, t, FLOATS(100));
        floats x = SELECT(keep, exp2_of_floats(SELECT(keep, t, (floats){0})), (floats){0});
        store_some(weights + i, x, count - i);
        sums += SELECT(x < 1.f, x, one);
    }
    for (int lane = 0; lane < LANES; ++lane) sum += sums[lane];
    return sum;
}

/* How many classes are expected in a random subset at the tilt rho, and the variance of that. */
LOOP void sum_expectation(const float *weights, int count, float rho, double *expected,
                          double *variance)
{
    floats sums = {0}, variances = {0};
    for (int i = 0; i < count; i += LANES) {
        floats odds = load_some(weights + i, count - i, (floats){0}) * rho;
        floats excluded = 1 / (1 + odds), chosen = odds * excluded;
        sums += chosen;
        variances += chosen * excluded;
    }
    *expected = *variance = 0;
    for (int lane = 0; lane < LANES; ++lane) {
        *expected += sums[lane];
        *variance += variances[lane];
    }
}

/* sum[m - 1] += the m-th powers of x. */
INLINE void add_powers(floats *sum, floats x)
{
    floats term = x;
#pragma GCC unroll 16
    for (int m = 0; m < POWER_SUMS; ++m) {
        sum[m] += term;
        term *= x;
    }
}

/* weights become odds at the tilt rho. Those above `limit` leave for the list: their classes and
   odds; 0 stays behind. power[m - 1] = the sum of the m-th powers of the others. Returns how many
   are on the list. */
LOOP int split_weights(float *weights, int count, float rho, float limit, double *power,
                       int *list_class, double *list_odds)
{
    int listed = 0;
    for (int m = 0; m < POWER_SUMS; ++m) power[m] = 0;
    for (int begin = 0; begin < count; begin += CHUNK * LANES) {
        int end = min_int(count, begin + CHUNK * LANES);
        floats sum[POWER_SUMS];
#pragma GCC unroll 16
        for (int m = 0; m < POWER_SUMS; ++m) sum[m] = (floats){0};
        for (int i = begin; i < end; i += LANES) {
            floats x = load_some(weights + i, end - i, (floats){0}) * rho;
            ints large = x > limit;
            if (any_lane(large)) {
                for (int lane = 0; lane < LANES; ++lane) {
                    list_class[listed] = i + lane;
                    list_odds[listed] = x[lane];
                    listed += x[lane] > limit;
                }
                x = SELECT(large, (floats){0}, x);
            }
            store_some(weights + i, x, end - i);
            add_powers(sum, x);
        }
        for (int m = 0; m < POWER_SUMS; ++m) power[m] += sum_lanes(sum[m]);
    }
    return listed;
}

/* power[m - 1] = the sum of the m-th powers of the weights' distances from the center. */
LOOP void sum_centered_powers(const float *weights, int count, float center, double *power)
{
    for (int m = 0; m < POWER_SUMS; ++m) power[m] = 0;
    for (int begin = 0; begin < count; begin += CHUNK * LANES) {
        int end = min_int(count, begin + CHUNK * LANES);
        floats sum[POWER_SUMS];
#pragma GCC unroll 16
        for (int m = 0; m < POWER_SUMS; ++m) sum[m] = (floats){0};
        for (int i = begin; i < end; i += LANES) {
            floats all = FLOATS(center);
            add_powers(sum, load_some(weights + i, end - i, all) - center);
        }
        for (int m = 0; m < POWER_SUMS; ++m) power[m] += sum_lanes(sum[m]);
    }
}

/* Multiplies c[0 .. degree] by the factors (1 + x[i] t), truncated at degree k. Both c and `other`
   have COEFFICIENTS(k) numbers from 8 before their start on, all 0 but c[0 .. degree]; x ends with
   zeros up to a multiple of 4. Returns the one that the result is in; *degree is the result's. */
LOOP double *multiply_factors(double *c, double *other, int *degree, int k, const double *x,
                              int count)
{
    for (int i = 0, step = 1; i < count; i += 4, ++step) {
        const double *f = x + i;
        double ab = f[0] + f[1], cd = f[2] + f[3], a_b = f[0] * f[1], c_d = f[2] * f[3];
        double e1 = ab + cd, e2 = a_b + c_d + ab * cd, e3 = a_b * cd + ab * c_d, e4 = a_b * c_d;
        *degree = min_int(k, *degree + 4);
        for (int j = 0; j <= *degree; j += HALF) {
            doubles c0, c1, c2, c3, c4;
            memcpy(&c0, c + j, sizeof c0);
            memcpy(&c1, c + j - 1, sizeof c1);
            memcpy(&c2, c + j - 2, sizeof c2);
            memcpy(&c3, c + j - 3, sizeof c3);
            memcpy(&c4, c + j - 4, sizeof c4);
            c0 += e1 * c1 + (e2 * c2 + e3 * c3 + e4 * c4);
            memcpy(other + j, &c0, sizeof c0);
        }
        double *result = other;
        other = c;
        c = result;
        if (step % CHUNK == 0) scale_back(c, *degree);
    }
    scale_back(c, *degree);
    return c;
}

/* c[0 .. k] = likely * unlikely, from the coefficients of likely in reverse order. */
LOOP void combine_products(const double *reversed, int likely_degree, const double *unlikely, int k,
                           double *restrict c)
{
    for (int j = 0; j <= k; ++j) c[j] = reversed[likely_degree] * unlikely[j];
    for (int t = 1; t <= likely_degree && t <= k; ++t) {
        double factor = reversed[likely_degree - t];
        double *restrict target = c + t;
        for (int j = 0; j <= k - t; ++j) target[j] += factor * unlikely[j];
    }
}

/* Sums that Horner's rule works on at once, to hide the latency of a step: what the registers hold.
 */
#define AT_ONCE (SIMD_BYTES == 64 ? 8 : 4)

/* m_i(k) - m_i(k-1), times what is in d, of unlikely classes: x_i sum_m (-x_i)^m d[m], m < terms.
   count is rounded up to whole vectors: x and result have room for AT_ONCE * HALF more. */
LOOP void compute_unlikely_gradient(const double *odds, int count, const double *d, int terms,
                                    double *result)
{
    for (int i = 0; i < count; i += AT_ONCE * HALF) {
        doubles x[AT_ONCE], sum[AT_ONCE];
#pragma GCC unroll 8
        for (int v = 0; v < AT_ONCE; ++v) {
            memcpy(&x[v], odds + i + v * HALF, sizeof x[v]);
            sum[v] = DOUBLES(d[terms - 1]);
        }
        for (int m = terms - 2; m >= 0; --m) {
#pragma GCC unroll 8
            for (int v = 0; v < AT_ONCE; ++v) sum[v] = SMOOTH_TOPK_HORNER(d[m], x[v], sum[v]);
        }
#pragma GCC unroll 8
        for (int v = 0; v < AT_ONCE; ++v) {
            sum[v] *= x[v];
            memcpy(result + i + v * HALF, &sum[v], sizeof sum[v]);
        }
    }
}

/* The same of likely classes, u_i the odds of not being chosen: see smooth_topk_monic_difference.
   count as above. */
LOOP void compute_likely_gradient(const double *u, int count, const double *reversed,
                                  int likely_degree, const double *unlikely, const double *c, int k,
                                  double size, double *result)
{
    double scale_k = size / c[k], scale_k1 = size / c[k - 1];
    for (int i = 0; i < count; i += HALF) {
        doubles x, quotient = {0}, excluded_k = {0}, excluded_k1 = {0};
        memcpy(&x, u + i, sizeof x);
        for (int s = 0; s < likely_degree; ++s) {
            int j = k - likely_degree + 1 + s;
            quotient = reversed[s] - x * quotient;
            if (j >= 0) excluded_k += quotient * unlikely[j];
            if (j >= 1) excluded_k1 += quotient * unlikely[j - 1];
        }
        x *= excluded_k1 * scale_k1 - excluded_k * scale_k;
        memcpy(result + i, &x, sizeof x);
    }
}

/* grad = x sum_m (-x)^m d[m] of nearly equal weights x, m < terms, in double. grad may be weights.
 */
LOOP void compute_equal_gradient(const float *weights, int count, const double *d, int terms,
                                 float *grad)
{
    for (int i = 0; i < count; i += HALF) {
        doubles x = load_some_as_doubles(weights + i, count - i);
        doubles sum = DOUBLES(d[terms - 1]);
        for (int m = terms - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], x, sum);
        store_some_as_floats(grad + i, sum * x, count - i);
    }
}

/* grad = x sum_m (-x)^m d[m] of small odds x, m < POWER_SUMS. grad may be odds. */
LOOP void compute_small_gradient(const float *odds, int count, const float *d, float *grad)
{
    for (int i = 0; i < count; i += LANES) {
        floats x = load_some(odds + i, count - i, (floats){0});
        floats sum = FLOATS(d[POWER_SUMS - 1]);
#pragma GCC unroll 16
        for (int m = POWER_SUMS - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], x, sum);
        store_some(grad + i, sum * x, count - i);
    }
}

LOOPS(any_k_loops) = {find_range,
                      weigh_scores,
                      sum_expectation,
                      sum_centered_powers,
                      split_weights,
                      multiply_factors,
                      combine_products,
                      compute_unlikely_gradient,
                      compute_likely_gradient,
                      compute_small_gradient,
                      compute_equal_gradient};

#undef CHUNK
#undef AT_ONCE
