/* The vector loops of smooth_topk_lanes.c, once for each instruction set. */
#include "double_functions.h"
#include "smooth_topk_exp_simd.h"
#include "smooth_topk_fold_simd.h"
#include "smooth_topk_names_simd.h"
#include "transpose.h"

#define put_lanes_together SIMD_NAME(put_lanes_together)
#define first_of_square SIMD_NAME(first_of_square)
#define select_top SIMD_NAME(select_top)
#define select_largest SIMD_NAME(select_largest)
#define half_row SIMD_NAME(half_row)
#define weigh_heavy SIMD_NAME(weigh_heavy)
#define write_coefficients SIMD_NAME(write_coefficients)
#define finish_half SIMD_NAME(finish_half)
#define light_gradient SIMD_NAME(light_gradient)
#define add_term SIMD_NAME(add_term)
#define add_gradient SIMD_NAME(add_gradient)
#define part_term SIMD_NAME(part_term)
#define part_gradient SIMD_NAME(part_gradient)
#define evaluate_lanes SIMD_NAME(evaluate_lanes)
#define evaluate_term SIMD_NAME(evaluate_term)

/* Classes whose products a lane adds up in float before they go on in double. */
#define CHUNK 64

/* The last square begins earlier, so that it is full too, unless there are less than LANES classes.
 */
INLINE int first_of_square(int begin, int classes)
{
    return begin > 0 ? min_int(begin, classes - LANES) : 0;
}

/* scores: vector i has the scores of class i. bad: whether one of a row's is not finite. */
LOOP void put_lanes_together(const float *const *rows, int classes, float *scores, int *bad)
{
    floats zeros[4] = {{0}}; /* of the scores; NaN where one is not finite */
    int wrong[LANES];
    for (int begin = 0; begin < classes; begin += LANES) {
        int i = first_of_square(begin, classes);
        floats square[LANES];
        if (i + LANES <= classes) {
#pragma GCC unroll 16
            for (int lane = 0; lane < LANES; ++lane) square[lane] = load(rows[lane] + i);
        } else {
            for (int lane = 0; lane < LANES; ++lane)
                square[lane] = load_some(rows[lane] + i, classes - i, (floats){0});
        }
        transpose(square);
#pragma GCC unroll 16
        for (int c = 0; c < LANES; ++c) {
            zeros[c % 4] += square[c] * 0;
            store(scores + (size_t)(i + c) * LANES, square[c]);
        }
    }
    floats zero = (zeros[0] + zeros[1]) + (zeros[2] + zeros[3]);
    ints is_wrong = zero != zero;
    memcpy(wrong, &is_wrong, sizeof wrong);
    for (int lane = 0; lane < LANES; ++lane) bad[lane] = wrong[lane] != 0;
}

/* The k largest scores of each lane, falling. */
INLINE void select_top(const float *scores, int classes, float *top, const int k)
{
    floats largest[SMALL_K];
#pragma GCC unroll 16
    for (int j = 0; j < k; ++j) largest[j] = FLOATS(float_from_bits(BITS_MINUS_INF));
    for (int i = 0; i < classes; ++i) {
        floats x = load(scores + (size_t)i * LANES);
#pragma GCC unroll 16
        for (int j = 0; j < k; ++j) {
            floats smaller = SMALLER(x, largest[j]);
            largest[j] = LARGER(x, largest[j]);
            x = smaller;
        }
    }
#pragma GCC unroll 16
    for (int j = 0; j < k; ++j) store(top + j * LANES, largest[j]);
}

LOOP void select_largest(const float *scores, int classes, int k, float *top){
#define SELECT_TOP(K) select_top(scores, classes, top, K)
    FOR_SMALL_K(SELECT_TOP)
#undef SELECT_TOP
}

/* heavies: how many classes may be above the pivot, 0 or k - 1. */

/* u of every class, and the product of the light factors (1 + u x): total as fold_part has it.
   The heavy classes are found by their scores. */
INLINE void multiply_lanes(const lane_term *term, doubles *total, const int k, const int heavies)
{
    const float *scores = term->scores;
    floats pivot = load(term->top + (k - 1) * LANES), heavy_scores[SMALL_K];
    floats rate = FLOATS((float)smooth_topk_rate(k, term->term->params.tau));
    ints heavy_classes[SMALL_K];
#pragma GCC unroll 16
    for (int j = 0; j < heavies; ++j) {
        heavy_scores[j] = load(term->top + j * LANES);
        heavy_classes[j] = (ints){0};
    }
    for (int begin = 0; begin < term->classes; begin += CHUNK) {
        int end = min_int(term->classes, begin + CHUNK);
        floats c[SMALL_K + 1];
        c[0] = FLOATS(1);
#pragma GCC unroll 16
        for (int j = 1; j <= k; ++j) c[j] = (floats){0};
        for (int i = begin; i < end; ++i) {
            floats score = load(scores + (size_t)i * LANES);
            floats x = exponential_of_lower(heavies ? SMALLER(score, pivot) : score, pivot, rate);
            if (heavies) {
                x = (floats)((ints)x & (score <= pivot));
#pragma GCC unroll 16
                for (int j = 0; j < heavies; ++j)
                    heavy_classes[j] =
                        SELECT(score == heavy_scores[j], i - (ints){0}, heavy_classes[j]);
            }
            store(term->u + (size_t)i * LANES, x);
#pragma GCC unroll 16
            for (int j = k; j >= 1; --j) c[j] += x * c[j - 1];
        }
        fold_part(total, c, begin == 0, k);
    }
    for (int i = term->classes; i < LANES; ++i) store(term->u + (size_t)i * LANES, (floats){0});
#pragma GCC unroll 16
    for (int j = 0; j < heavies; ++j) {
        ints found = heavy_classes[j];
        memcpy(term->heavy_class + j * LANES, &found, sizeof found);
    }
}

/* What half of the lanes have in double: the products of the light and of the heavy classes, and
   of all. */
typedef struct {
    doubles light[SMALL_K + 1], heavy[SMALL_K], c[SMALL_K + 1], weights[SMALL_K];
    doubles inverse_k1, inverse_k, gradient_size; /* 1 / c[k-1], 1 / c[k] */
} half_row;

/* The factor of heavy class j is (u + x); where a lane has fewer of them it is 1. */
INLINE void weigh_heavy(half_row *row, const lane_term *term, int offset, const int k)
{
    double rate = smooth_topk_rate(k, term->term->params.tau);
    doubles pivot = load_as_doubles(term->top + (k - 1) * LANES + offset);
    row->heavy[0] = DOUBLES(1);
#pragma GCC unroll 16
    for (int j = 0; j < k - 1; ++j) {
        doubles distance = load_as_doubles(term->top + j * LANES + offset) - pivot;
        longs is_heavy = distance > 0;
        doubles weight = power_of_2(distance * -rate), one = DOUBLES(1);
        doubles constant = SELECT(is_heavy, weight, one), slope = SELECT(is_heavy, one, one - 1);
        row->weights[j] = weight;
        row->heavy[j + 1] = row->heavy[j] * slope;
#pragma GCC unroll 16
        for (int t = j; t >= 1; --t)
            row->heavy[t] = row->heavy[t - 1] * slope + row->heavy[t] * constant;
        row->heavy[0] *= constant;
    }
#pragma GCC unroll 16
    for (int j = 0; j <= k; ++j) {
        row->c[j] = row->heavy[0] * row->light[j];
#pragma GCC unroll 16
        for (int t = 1; t <= j && t < k; ++t) row->c[j] += row->heavy[t] * row->light[j - t];
    }
}

/* D_m of the light classes (smooth_topk_division) and the gradients of the heavy ones
   (smooth_topk_monic_difference). */
INLINE void write_coefficients(const half_row *row, const lane_term *term, int offset, const int k,
                               const int heavies)
{
    const doubles *c = row->c;
    doubles size = row->gradient_size;
#pragma GCC unroll 16
    for (int m = 0; m < k; ++m) {
        doubles difference = c[k - 1 - m] * row->inverse_k;
        if (m <= k - 2) difference -= c[k - 2 - m] * row->inverse_k1;
        store_some_as_floats(term->coefficients + m * LANES + offset, size * difference, HALF);
    }
#pragma GCC unroll 16
    for (int j = 0; j < heavies; ++j) {
        doubles quotient = {0}, not_chosen_k = {0}, not_chosen_k1 = {0};
#pragma GCC unroll 16
        for (int t = k - 2; t >= 0; --t) {
            quotient = row->heavy[t + 1] - row->weights[j] * quotient;
            not_chosen_k += quotient * row->light[k - t];
            not_chosen_k1 += quotient * row->light[k - 1 - t];
        }
        doubles difference = not_chosen_k1 * row->inverse_k1 - not_chosen_k * row->inverse_k;
        store_some_as_floats(term->heavy_grad + j * LANES + offset,
                             size * row->weights[j] * difference, HALF);
    }
}

/* Loss, and what the gradient is made of, of the lower (half = 0) or upper lanes. */
INLINE void finish_half(const lane_term *term, const doubles *total, int half, const int k,
                        const int heavies)
{
    const smooth_topk_params *params = &term->term->params;
    int offset = half * HALF;
    half_row row;
#pragma GCC unroll 16
    for (int j = 0; j <= k; ++j) row.light[j] = row.c[j] = total[2 * j + half];
    if (heavies) weigh_heavy(&row, term, offset, k);
    row.inverse_k1 = 1 / row.c[k - 1];
    row.inverse_k = 1 / row.c[k];
    doubles sum = {0};
#pragma GCC unroll 16
    for (int j = 0; j < k - 1; ++j) sum += row.c[j];
    doubles cancellation =
        LARGER_DOUBLES(sum * row.inverse_k1, (sum + row.c[k - 1]) * row.inverse_k);
    store_some_as_floats(term->cancellation + offset, cancellation, HALF);

    doubles pivot = load_as_doubles(term->top + (k - 1) * LANES + offset);
    doubles label_score = load_as_doubles(term->label_scores + offset);
    doubles q =
        load_as_doubles(term->margins + offset) * smooth_topk_margin(params->alpha, params->tau) -
        (label_score - pivot) / ((double)k * (double)params->tau) +
        log_2(row.c[k] * row.inverse_k1) * SMOOTH_TOPK_LN_2;
    longs positive = q > 0;
    doubles zero = {0}, one = DOUBLES(1);
    doubles e = power_of_2(SELECT(positive, -q, q) * SMOOTH_TOPK_LOG2_E);
    doubles softplus = SELECT(positive, q, zero) + log_2_of_1_plus(e) * SMOOTH_TOPK_LN_2;
    doubles size = SELECT(positive, one, e) / (e + 1) * (double)(term->term->weight / (float)k);
    row.gradient_size = size;
    store_doubles(term->loss + offset, load_doubles(term->loss + offset) +
                                           softplus * ((double)term->term->weight * params->tau));
    store_doubles(term->size + offset, load_doubles(term->size + offset) + row.gradient_size);
    if (term->wants_gradient) write_coefficients(&row, term, offset, k, heavies);
}

INLINE void evaluate_term(const lane_term *term, const int k, const int heavies)
{
    doubles total[2 * (SMALL_K + 1)];
#pragma GCC unroll 32
    for (int j = 0; j < 2 * (k + 1); ++j) total[j] = (doubles){0};
    multiply_lanes(term, total, k, heavies);
    for (int half = 0; half < 2; ++half) finish_half(term, total, half, k, heavies);
}

LOOP void evaluate_lanes(const lane_term *term)
{
    int k = term->term->params.k;
#define EVALUATE(K) evaluate_term(term, K, 0)
#define EVALUATE_WITH_HEAVY(K) evaluate_term(term, K, K - 1)
    if (term->has_heavy)
        FOR_SMALL_K(EVALUATE_WITH_HEAVY)
    else
        FOR_SMALL_K(EVALUATE)
#undef EVALUATE
#undef EVALUATE_WITH_HEAVY
}

/* The gradient of a light class, by Horner's rule; 0 for the others, whose u is 0. Added to those
   of the earlier terms. */
INLINE floats light_gradient(const lane_term *term, const floats *coefficients, int i, const int k)
{
    floats u = load(term->u + (size_t)i * LANES), gradient = coefficients[k - 1];
#pragma GCC unroll 16
    for (int m = k - 2; m >= 0; --m) gradient = SMOOTH_TOPK_HORNER(coefficients[m], u, gradient);
    gradient *= u;
    return term->is_first ? gradient : gradient + load(term->grad + (size_t)i * LANES);
}

INLINE void add_term(const lane_term *term, const int k)
{
    floats coefficients[SMALL_K];
#pragma GCC unroll 16
    for (int m = 0; m < k; ++m) coefficients[m] = load(term->coefficients + m * LANES);
    for (int i = 0; i < term->classes; ++i)
        store(term->grad + (size_t)i * LANES, light_gradient(term, coefficients, i, k));
}

LOOP void add_gradient(const lane_term *term)
{
    int k = term->term->params.k;
#define ADD(K) add_term(term, K)
    FOR_SMALL_K(ADD)
#undef ADD
}

/* The transpose of put_lanes_together, for the first `count` rows, each times its factor. */
INLINE void part_term(const lane_term *term, float *const *rows, int count, const int k)
{
    floats coefficients[SMALL_K];
#pragma GCC unroll 16
    for (int m = 0; m < k; ++m) coefficients[m] = load(term->coefficients + m * LANES);
    floats factor = load(term->factors);
    for (int begin = 0; begin < term->classes; begin += LANES) {
        floats square[LANES];
        int i = first_of_square(begin, term->classes), some = min_int(LANES, term->classes - i);
#pragma GCC unroll 16
        for (int c = 0; c < LANES; ++c)
            square[c] = light_gradient(term, coefficients, i + c, k) * factor;
        transpose(square);
        if (some == LANES && count == LANES)
#pragma GCC unroll 16
            for (int lane = 0; lane < LANES; ++lane) store(rows[lane] + i, square[lane]);
        else
            for (int lane = 0; lane < count; ++lane) store_some(rows[lane] + i, square[lane], some);
    }
}

LOOP void part_gradient(const lane_term *term, float *const *rows, int count)
{
    int k = term->term->params.k;
#define PART(K) part_term(term, rows, count, K)
    FOR_SMALL_K(PART)
#undef PART
}

LOOPS(lane_loops) = {LANES,          put_lanes_together, select_largest,
                     evaluate_lanes, add_gradient,       part_gradient};

#undef CHUNK
