/* Algorithm pivot for any k: the weights tilted such that k - 1/2 classes are expected in a random
   subset.

   Multiplying every e_i by rho > 0 changes no ratio that counts. With the odds x_i = e_i rho, a
   class is "likely" if x_i > 1, with the factor (1/x_i + x), or "unlikely", with (1 + x_i x). At
   that rho the coefficients of the product near k are the largest, so unlikely classes can be
   divided out of it from the low end and likely ones from the high end, in double.

   Odds of at most SMALL_ODDS need no product: log prod (1 + x_i t) = p_1 t - p_2 t^2/2 + ..., p_m
   the sum of the m-th powers of the x_i, of which POWER_SUMS are enough; Newton's identities turn
   them into coefficients. So such a class costs POWER_SUMS multiplications, whatever k.

   Weights that are nearly equal need no tilt: with a center y, x_i = y + d_i and w = t / (1 + y t),
   prod (1 + x_i t) = (1 + y t)^n prod (1 + d_i w), of whose second factor the power sums of the d_i
   give as many coefficients as are needed. */
#include "smooth_topk_any_k.h"
#include "integers.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_exp.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_power_sums.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_tilt.h"

#include <stdint.h>

/* The loops over all classes of a sample, for one instruction set. */
typedef struct {
    int (*range)(const float *scores, int count, float *least, float *most);
    float (*weights)(const float *scores, int count, float reference, float rate, float *weights);
    void (*expectation)(const float *weights, int count, float rho, double *expected,
                        double *variance);
    void (*centered_sums)(const float *weights, int count, float center, double *power);
    int (*split)(float *weights, int count, float rho, float limit, double *power, int *list_class,
                 double *list_odds);
    double *(*times_factors)(double *c, double *other, int *degree, int k, const double *x,
                             int count);
    void (*combine)(const double *reversed, int likely_degree, const double *unlikely, int k,
                    double *c);
    void (*unlikely_gradient)(const double *odds, int count, const double *d, int terms,
                              double *result);
    void (*likely_gradient)(const double *u, int count, const double *reversed, int likely_degree,
                            const double *unlikely, const double *c, int k, double size,
                            double *result);
    void (*small_gradient)(const float *odds, int count, const float *d, float *grad);
    void (*equal_gradient)(const float *weights, int count, const double *d, int terms,
                           float *grad);
} any_k_loops;

/* Takes coefficients that have grown past 2^300 back: only ratios of them are asked for in the end.
 */
static void scale_back(double *c, int degree)
{
    double most = 0;
    for (int j = 0; j <= degree; ++j) most = c[j] > most ? c[j] : most;
    for (int j = 0; most > 0x1p300 && j <= degree; ++j) c[j] *= 0x1p-300;
}

#define LOOPS_FILE "smooth_topk_any_k_simd.h"
#include "each_instruction_set.h"

/* What whole vectors need behind the last number of a list, and before and behind coefficients. */
#define LIST_SLACK 64
#define FRONT 8
#define COEFFICIENTS(k) ((size_t)(k) + 1 + FRONT + 8)

typedef struct {
    int count;
    int *class_numbers;
    double *odds;
} class_list;

typedef struct {
    float *own_weights;
    class_list listed, unlikely, likely; /* likely: their odds are those of not being chosen */
    double *unlikely_product[2], *likely_product[2], *c, *d;
} any_k_scratch;

static class_list take_list(char **scratch, int classes)
{
    size_t size = (size_t)classes + LIST_SLACK;
    class_list taken = {0, take(scratch, size * sizeof(int)), take(scratch, size * sizeof(double))};
    return taken;
}

static any_k_scratch take_any_k_scratch(char **scratch, int classes, int k)
{
    any_k_scratch taken;
    taken.own_weights = take(scratch, classes * sizeof(float));
    taken.listed = take_list(scratch, classes);
    taken.unlikely = take_list(scratch, classes);
    taken.likely = take_list(scratch, classes);
    for (int i = 0; i < 2; ++i) {
        taken.unlikely_product[i] = take(scratch, COEFFICIENTS(k) * sizeof(double));
        taken.likely_product[i] = take(scratch, COEFFICIENTS(classes) * sizeof(double));
    }
    taken.c = take(scratch, COEFFICIENTS(k) * sizeof(double));
    taken.d = take(scratch, COEFFICIENTS(k) * sizeof(double));
    return taken;
}

size_t smooth_topk_any_k_scratch(int classes, int k)
{
    char *end = NULL;
    take_any_k_scratch(&end, classes, k);
    return (uintptr_t)end;
}

/* The weights of all classes relative to the reference, 0 for the label's. Returns about the sum of
   their minima with 1. */
static float compute_weights(const any_k_loops *loops, const smooth_topk_sample *sample,
                             float *weights)
{
    int k = sample->params->k;
    float tau = sample->params->tau, sum = 0;
    double rate = smooth_topk_rate(k, tau);
    if (rate >= 1e-30) {
        sum = loops->weights(sample->scores, sample->classes, sample->pivot, (float)rate, weights);
    } else { /* tau so large that the rate may be denormal */
        for (int i = 0; i < sample->classes; ++i) {
            double z = smooth_topk_z(sample->scores[i], sample->pivot, k, tau);
            weights[i] = smooth_topk_is_minus_inf(float_bits(sample->scores[i]))
                             ? 0
                             : (float)exp(z < 69 ? z : 69);
            sum += weights[i] < 1 ? weights[i] : 1;
        }
    }
    sum -= weights[sample->label] < 1 ? weights[sample->label] : 1;
    weights[sample->label] = 0;
    return sum;
}

/* rho, such that about k - 1/2 classes are expected. */
static float find_tilt(const any_k_loops *loops, const smooth_topk_sample *sample,
                       const float *weights, float sum)
{
    smooth_topk_tilt tilt =
        smooth_topk_tilt_of_weights(sample->classes - 1, sample->params->k, sum);
    for (int step = 0; step < SMOOTH_TOPK_TILT_STEPS; ++step) {
        double expected, variance;
        loops->expectation(weights, sample->classes, (float)exp(tilt.log_rho), &expected,
                           &variance);
        if (smooth_topk_next_tilt(&tilt, sample->params->k, expected, variance)) break;
    }
    return (float)exp(tilt.log_rho);
}

/* Divides the listed classes among unlikely and likely ones. Zeros follow each of them, so that
   whole vectors may be read. */
static void sort_list(any_k_scratch *parts)
{
    for (int i = 0; i < parts->listed.count; ++i) {
        double odds = parts->listed.odds[i];
        class_list *list = odds > 1 ? &parts->likely : &parts->unlikely;
        list->class_numbers[list->count] = parts->listed.class_numbers[i];
        list->odds[list->count++] = odds > 1 ? 1 / odds : odds;
    }
    memset(parts->unlikely.odds + parts->unlikely.count, 0, LIST_SLACK * sizeof(double));
    memset(parts->likely.odds + parts->likely.count, 0, LIST_SLACK * sizeof(double));
}

static double *empty_coefficients(double *memory, int k)
{
    memset(memory, 0, COEFFICIENTS(k) * sizeof(double));
    return memory + FRONT;
}

/* d[m] = smooth_topk_division times size. Returns how many terms count beside the largest. */
static int divide_all(const double *c, int k, double size, double *d)
{
    double scale_k = size / c[k], scale_k1 = size / c[k - 1], most = 0;
    int terms = k;
    for (int m = 0; m < k - 1; ++m) d[m] = c[k - 1 - m] * scale_k - c[k - 2 - m] * scale_k1;
    d[k - 1] = c[0] * scale_k;
    for (int m = 0; m < k; ++m) most = d[m] > most ? d[m] : most;
    while (terms > 1 && d[terms - 1] < 1e-11 * most) --terms;
    return terms;
}

/* From the first POWER_SUMS terms, in float. */
static void small_gradient(const any_k_loops *loops, const float *odds, int classes,
                           const double *d, int k, float *grad)
{
    float first[POWER_SUMS];
    for (int m = 0; m < POWER_SUMS; ++m) first[m] = m < k ? (float)d[m] : 0;
    loops->small_gradient(odds, classes, first, grad);
}

/* Returns 0, with nothing written, if the weights are not equal enough. sum: that of the weights.
 */
static int nearly_equal(const any_k_loops *loops, const smooth_topk_sample *sample, float *weights,
                        float sum, const any_k_scratch *parts, float *loss, float *grad)
{
    int k = sample->params->k, others = sample->classes - 1;
    float center = sum / (float)others;
    double power[POWER_SUMS];
    if (k > center * (float)(others - k + 1)) return 0; /* coefficients below k are larger */
    weights[sample->label] = center;                    /* no distance at all */
    loops->centered_sums(weights, sample->classes, center, power);
    int enough = smooth_topk_from_centered_sums(power, center, others, k, parts->c);
    weights[sample->label] = 0;
    if (!enough) return 0;
    double size = smooth_topk_finish_loss(sample, log(parts->c[k] / parts->c[k - 1]), loss);
    if (!grad) return 1;
    int terms = divide_all(parts->c, k, size, parts->d);
    if (parts->d[POWER_SUMS] < 1e-9 * parts->d[0])
        small_gradient(loops, weights, sample->classes, parts->d, k, grad);
    else
        loops->equal_gradient(weights, sample->classes, parts->d, terms, grad);
    grad[sample->label] = (float)-size;
    return 1;
}

static void any_k(const smooth_topk_sample *sample, int may_be_equal, float *loss, float *grad,
                  char *scratch)
{
    const any_k_loops *loops = SIMD_CHOOSE(loops, sample->set);
    int k = sample->params->k, classes = sample->classes;
    any_k_scratch parts = take_any_k_scratch(&scratch, classes, k);
    float *weights = grad ? grad : parts.own_weights;
    float sum = compute_weights(loops, sample, weights);
    if (may_be_equal && nearly_equal(loops, sample, weights, sum, &parts, loss, grad)) return;
    float rho = find_tilt(loops, sample, weights, sum);

    double power[POWER_SUMS];
    parts.listed.count =
        loops->split(weights, classes, rho, k <= LARGEST_K_OF_POWER_SUMS ? SMALL_ODDS : 0, power,
                     parts.listed.class_numbers, parts.listed.odds);
    sort_list(&parts);

    int degree = power[0] > 0 ? k : 0, likely_degree = 0, likely = parts.likely.count;
    double *unlikely_product = empty_coefficients(parts.unlikely_product[0], k);
    unlikely_product[0] = 1;
    if (power[0] > 0) smooth_topk_from_power_sums(power, k, unlikely_product);
    unlikely_product =
        loops->times_factors(unlikely_product, empty_coefficients(parts.unlikely_product[1], k),
                             &degree, k, parts.unlikely.odds, parts.unlikely.count);
    double *reversed = empty_coefficients(parts.likely_product[0], likely);
    reversed[0] = 1;
    reversed = loops->times_factors(reversed, empty_coefficients(parts.likely_product[1], likely),
                                    &likely_degree, likely, parts.likely.odds, likely);
    double *c = parts.c, *d = parts.d;
    loops->combine(reversed, likely, unlikely_product, k, c);

    double size = smooth_topk_finish_loss(sample, log(c[k] / c[k - 1]) - log(rho), loss);
    if (!grad) return;
    int terms = divide_all(c, k, size, d);
    small_gradient(loops, weights, classes, d, k, grad);

    double *result = parts.listed.odds;
    loops->likely_gradient(parts.likely.odds, likely, reversed, likely, unlikely_product, c, k,
                           size, result);
    for (int i = 0; i < likely; ++i) grad[parts.likely.class_numbers[i]] = (float)result[i];
    loops->unlikely_gradient(parts.unlikely.odds, parts.unlikely.count, d, terms, result);
    for (int i = 0; i < parts.unlikely.count; ++i)
        grad[parts.unlikely.class_numbers[i]] = (float)result[i];
    grad[sample->label] = (float)-size;
}

void smooth_topk_any_k(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch)
{
    any_k(sample, 0, loss, grad, scratch);
}

int smooth_topk_needs_selection(const smooth_topk_params *params)
{
    return params->algorithm != SMOOTH_TOPK_PIVOT || params->k <= SMOOTH_TOPK_SMALL_K ||
           smooth_topk_is_hinge(params->tau);
}

int smooth_topk_without_selection(const smooth_topk_sample *sample, float *loss, float *grad,
                                  char *scratch)
{
    const any_k_loops *loops = SIMD_CHOOSE(loops, sample->set);
    const smooth_topk_params *params = sample->params;
    float least, most;
    if (loops->range(sample->scores, sample->classes, &least, &most)) return 0;
    double range = -smooth_topk_z(least, most, params->k, params->tau) * SMOOTH_TOPK_LOG2_E;
    if (!(range <= LARGEST_RANGE)) return 0;
    smooth_topk_sample relative_to_most = *sample;
    relative_to_most.pivot = most;
    any_k(&relative_to_most, range <= LARGEST_RANGE_OF_EQUALS, loss, grad, scratch);
    return 1;
}
