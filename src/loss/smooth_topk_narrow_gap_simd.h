/* The vector loops of smooth_topk_narrow_gap.c, once for each instruction set; HALF classes at a
   time, in double. */
#include "double_functions.h"
#include "smooth_topk_merge_simd.h"
#include "smooth_topk_names_simd.h"

#define logarithm SIMD_NAME(logarithm)
#define sum_doubles SIMD_NAME(sum_doubles)
#define sum_losses SIMD_NAME(sum_losses)
#define divide_out_labels SIMD_NAME(divide_out_labels)
#define sum_over_labels SIMD_NAME(sum_over_labels)
#define compute_labels SIMD_NAME(compute_labels)

/* Vectors between two looks at whether a product grows too large. */
#define CHUNK 64

/* Labels whose losses may be one logarithm. Their ratios are between e^-WIDE_GAP and the boost
   times the number of classes. */
#define PRODUCT_OF 8
#define LARGEST_BOOST_OF_PRODUCT 1e20

/* Natural logarithm of normal positive numbers, to 1e-7; its series, in float, is Cephes' logf. */
INLINE doubles logarithm(doubles x)
{
    doubles exponent, m = split_exponent(x, &exponent);
    half_floats r = __builtin_convertvector(m - 1, half_floats);
    half_floats series = 7.0376836292e-2f - (half_floats){0};
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) series = logarithm_series[j] + r * series;
    series = r + r * r * (r * series - 0.5f);
    return exponent * SMOOTH_TOPK_LN_2 + __builtin_convertvector(series, doubles);
}

INLINE double sum_doubles(doubles x)
{
    double sum = 0;
    for (int lane = 0; lane < HALF; ++lane) sum += x[lane];
    return sum;
}

/* The losses of the labels begin .. end - 1, from their ratios: many logarithms at once, so that
   none waits for another's end. Where labels have the same weight, or none, it is one logarithm of
   their product. Not inlined: a copy for each small k would double what there is to compile. */
LOOP __attribute__((noinline)) double sum_losses(const soft_labels *labels, int begin, int end,
                                                 const doubles *ratios, int product_is_safe)
{
    doubles losses = {0};
    for (int first = begin; first < end; first += PRODUCT_OF * HALF) {
        int last = min_int(end, first + PRODUCT_OF * HALF), alike = product_is_safe;
        const doubles *ratio = ratios + (first - begin) / HALF;
        doubles product = DOUBLES(1), score_sum = {0}, weight;
        longs common = {0}, unlike = {0};
        for (int i = first, w = 0; i < last; i += HALF, ++w) {
            weight = load_some_as_doubles(labels->weights + i, labels->count - i);
            longs counts = weight != 0;
            unlike |= counts & (common != 0) & ((longs)weight != common);
            common |= counts & (longs)weight;
            product *= SELECT(counts, ratio[w], DOUBLES(1));
            doubles score = load_some_as_doubles(labels->scores + i, labels->count - i);
            score_sum += weight * (score - labels->center);
        }
        losses -= score_sum * labels->per_score;
        alike = alike && !any_lane((ints)unlike);
        if (alike) losses += (doubles)common * logarithm(product);
        for (int i = first, w = 0; !alike && i < last; i += HALF, ++w) {
            weight = load_some_as_doubles(labels->weights + i, labels->count - i);
            losses += weight * logarithm(ratio[w]);
        }
    }
    return sum_doubles(losses);
}

/* product[0 .. k], up to a common factor, of the factors (1 + odds x), odds <= 1. c: k + 1 vectors;
   scratch: 2 (k + 1) doubles. */
INLINE void multiply_factors(const float *odds, int count, doubles *c, double *scratch,
                             double *product, const int k)
{
    double *lane_product = scratch, *next = scratch + k + 1;
    c[0] = DOUBLES(1);
#pragma GCC unroll 16
    for (int j = 1; j <= k; ++j) c[j] = (doubles){0};
    for (int begin = 0; begin < count; begin += CHUNK * HALF) {
        int end = min_int(count, begin + CHUNK * HALF);
        for (int i = begin; i < end; i += HALF) {
            doubles x = load_some_as_doubles(odds + i, count - i);
#pragma GCC unroll 16
            for (int j = k; j >= 1; --j) c[j] += x * c[j - 1];
        }
        doubles sum = {0}, scale;
#pragma GCC unroll 16
        for (int j = 0; j <= k; ++j) sum += c[j];
        for (int lane = 0; lane < HALF; ++lane) scale[lane] = sum[lane] > 0x1p300 ? 0x1p-300 : 1;
#pragma GCC unroll 16
        for (int j = 0; j <= k; ++j) c[j] *= scale;
    }
    if (k <= SMOOTH_TOPK_SMALL_K) {
        merge_lanes(c, product, k);
        return;
    }
    product[0] = 1;
    for (int j = 1; j <= k; ++j) product[j] = 0;
    for (int lane = 0; lane < HALF; ++lane) {
        double most = 0;
        for (int j = 0; j <= k; ++j) lane_product[j] = c[j][lane];
        for (int j = 0; j <= k; ++j) {
            next[j] = 0;
            for (int i = 0; i <= j; ++i) next[j] += product[i] * lane_product[j - i];
            most = next[j] > most ? next[j] : most;
        }
        for (int j = 0; j <= k; ++j) product[j] = next[j] / most;
    }
}

/* Divides label vector x out of the products: quotient = unlikely / (1 + x t). once[0], once[1] =
   coefficients k and k - 1 of all / (1 + x t), twice[0], twice[1] = k - 1 and k - 2 of
   all / (1 + x t)^2. Each is one recurrence from the low end, p_j the coefficients of the product:

       (p / (1 + x t))_j = p_j - x (p / (1 + x t))_{j-1} */
INLINE void divide_out_labels(const soft_labels *labels, doubles x, doubles *quotient,
                              doubles *once, doubles *twice, const int k)
{
    quotient[0] = DOUBLES(labels->unlikely[0]);
    once[0] = twice[0] = DOUBLES(labels->all[0]);
    once[1] = twice[1] = (doubles){0};
#pragma GCC unroll 16
    for (int j = 1; j <= k; ++j) {
        quotient[j] = labels->unlikely[j] - x * quotient[j - 1];
        once[1] = once[0];
        once[0] = labels->all[j] - x * once[0];
        if (j < k) {
            twice[1] = twice[0];
            twice[0] = once[0] - x * twice[0];
        }
    }
}

/* One pass over the labels of unlikely classes: see soft_labels. With P_i = all / (1 + x_i t),
   [j] its coefficient j, e^q = boost [k] / (x [k-1]), so 1 + e^q is to x as the numerator below
   is to [k-1], and a_i = t_i boost / (k numerator). a, b, quotient: k + 1 vectors. */
INLINE void sum_over_labels(soft_labels *labels, doubles *a, doubles *b, doubles *quotient,
                            const int k)
{
    doubles boost = DOUBLES(labels->boost), boost_share, total = {0}, ratios[CHUNK];
    double share = 1. / k, losses = 0;
    int product_is_safe = !labels->boosts && labels->boost < LARGEST_BOOST_OF_PRODUCT;
    boost_share = boost * share;
#pragma GCC unroll 16
    for (int j = 0; j <= k; ++j) a[j] = b[j] = (doubles){0};
    for (int i = 0, v = 0; i < labels->count; i += HALF) {
        int rest = labels->count - i;
        doubles odds = load_some_as_doubles(labels->odds + i, rest), once[2], twice[2];
        doubles weight = load_some_as_doubles(labels->weights + i, rest);
        if (labels->boosts) {
            memcpy(&boost, labels->boosts + i, min_int(HALF, rest) * sizeof(double));
            boost_share = boost * share;
        }
        divide_out_labels(labels, odds, quotient, once, twice, k);
        doubles numerator = boost * once[0] + odds * once[1];
        doubles inverse = 1 / (numerator * once[1]);
        doubles common = weight * boost_share * inverse;
        doubles own_a = common * once[1], own_b = common * once[0], size = own_a * once[0];
        total += weight;
        ratios[v] = numerator * numerator * inverse;
#pragma GCC unroll 16
        for (int j = 0; j <= k; ++j) {
            a[j] += own_a * quotient[j];
            if (j < k) b[j] += own_b * quotient[j];
        }
        store_some_as_floats(labels->grad + i, odds * (own_a * twice[0] - own_b * twice[1]) + size,
                             rest);
        if (++v < CHUNK && rest > HALF) continue;
        int begin = i - (v - 1) * HALF;
        losses += sum_losses(labels, begin, min_int(labels->count, begin + v * HALF), ratios,
                             product_is_safe);
        v = 0;
    }
    labels->total = sum_doubles(total);
    labels->loss = losses;
#pragma GCC unroll 16
    for (int j = 0; j <= k; ++j) {
        labels->sum_a[j] = sum_doubles(a[j]);
        labels->sum_b[j] = sum_doubles(b[j]);
    }
}

/* grad_i = odds_i sum_m (-odds_i)^m d[m] - grad_i. */
INLINE void evaluate_gradient(const float *odds, int count, const double *d, float *grad,
                              const int k)
{
    for (int i = 0; i < count; i += HALF) {
        int rest = count - i;
        doubles x = load_some_as_doubles(odds + i, rest);
        doubles own = load_some_as_doubles(grad + i, rest);
        doubles sum = DOUBLES(d[k - 1]);
#pragma GCC unroll 16
        for (int m = k - 2; m >= 0; --m) sum = SMOOTH_TOPK_HORNER(d[m], x, sum);
        store_some_as_floats(grad + i, sum * x - own, rest);
    }
}

LOOP void compute_product(const float *odds, int count, double *scratch, double *product, int k)
{
    doubles c[SMOOTH_TOPK_SMALL_K + 1];
    double *rest = scratch + (size_t)(k + 1) * HALF;
#define PRODUCT(K) multiply_factors(odds, count, c, rest, product, K)
    FOR_SMALL_K(PRODUCT)
#undef PRODUCT
    if (k > SMOOTH_TOPK_SMALL_K)
        multiply_factors(odds, count, (doubles *)scratch, rest, product, k);
}

LOOP void compute_labels(soft_labels *labels, double *scratch, int k)
{
    doubles a[SMOOTH_TOPK_SMALL_K + 1], b[SMOOTH_TOPK_SMALL_K + 1],
        quotient[SMOOTH_TOPK_SMALL_K + 1];
    doubles *memory = (doubles *)scratch;
#define LABELS(K) sum_over_labels(labels, a, b, quotient, K)
    FOR_SMALL_K(LABELS)
#undef LABELS
    if (k > SMOOTH_TOPK_SMALL_K)
        sum_over_labels(labels, memory, memory + k + 1, memory + 2 * (k + 1), k);
}

LOOP void compute_gradient(const float *odds, int count, const double *d, float *grad, int k)
{
#define GRADIENT(K) evaluate_gradient(odds, count, d, grad, K)
    FOR_SMALL_K(GRADIENT)
#undef GRADIENT
    if (k > SMOOTH_TOPK_SMALL_K) evaluate_gradient(odds, count, d, grad, k);
}

/* How many of the classes with weights u are expected at a tilt, and the variance of that. */
LOOP void sum_expectation(const float *u, int count, double tilt, double *expected,
                          double *variance)
{
    doubles sum = {0}, variances = {0};
    for (int i = 0; i < count; i += HALF) {
        doubles odds = tilt * load_some_as_doubles(u + i, count - i);
        doubles chosen = odds / (1 + odds);
        sum += chosen;
        variances += chosen * (1 - chosen);
    }
    *expected = sum_doubles(sum);
    *variance = sum_doubles(variances);
}

LOOPS(soft_loops) = {compute_product, compute_labels, compute_gradient, sum_expectation};

#undef CHUNK
#undef PRODUCT_OF
#undef LARGEST_BOOST_OF_PRODUCT
