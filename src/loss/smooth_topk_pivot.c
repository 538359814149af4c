/* Algorithm pivot: the loss in linear space, scaled by the k-th largest score, at the price of a
   softmax.

   Everything is relative to the pivot, the k-th largest score theta but the label's, with
   u_i = exp(-|s_i - theta| / (k tau)), in (0, 1]. Classes above the pivot ("heavy", at most k - 1)
   have the factor (u_i + x), the others ("light") (1 + u_i x); what drops out is common to sigma_k
   and sigma_{k-1}. c = Heavy * Light then has 1 <= c_k and c_{k-1} <= C(n, k).

   The gradient of a light class is that product divided by its own factor, synthetic division from
   the low end written as one polynomial in u_i (Horner). Its error is about eps * S, S = sum_j c_j
   / min(c_k, c_{k-1}): small unless the k largest scores are nearly equal and the rest far below.
   Then, and for every k > SMALL_K, every e_i is first multiplied by a tilt rho (which changes no
   ratio that counts), such that k - 1/2 classes are expected in a random subset. e_i rho are the
   odds of a class; classes with odds above 1 ("likely") are divided out from the high end, all
   others ("unlikely") from the low one, in double, and S is at most about sqrt(2 pi k). */
#include "smooth_topk_exp.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_tilt.h"

#include <stdint.h>

/* The largest k whose coefficients stay in registers. */
#define SMALL_K SMOOTH_TOPK_SMALL_K

/* The loops over all classes of a sample, for one instruction set. */
typedef struct {
    float (*exponentials)(const float *scores, int count, float pivot, float rate, float *u);
    void (*product)(const float *u, int count, double *product, int k);
    void (*gradient)(const float *u, int count, const float *d, float *grad, int k);
    void (*expectation)(const float *u, int count, double rate, double *sum, double *slope);
    void (*long_product)(const float *odds, int count, int k, double *scratch, double *product);
    void (*long_gradient)(const float *odds, int count, const double *d, float *grad, int k);
} pivot_loops;

/* Doubles of scratch for long_product, whatever the instruction set. */
#define LONG_PRODUCT_SCRATCH(k) ((size_t)((k) + 1) * 10)

#define LOOPS_FILE "smooth_topk_pivot_simd.h"
#define LOOPS_TYPE pivot_loops
#include "smooth_topk_instruction_sets.h"

/* -------------------------------------------------------------------------------------------------
   Small k
   -------------------------------------------------------------------------------------------------
 */

/* The weights of a sample's classes relative to the pivot. */
typedef struct {
    const smooth_topk_sample *sample;
    const pivot_loops *loops;
    float *u;      /* classes: u_i of the light classes; 0 for the heavy ones and the label */
    float sum;     /* about that of u */
    double *heavy; /* u_i of the heavy classes */
    int *heavy_class;
    int heavies;
} class_weights;

static void compute_weights(class_weights *weights)
{
    const smooth_topk_sample *sample = weights->sample;
    int k = sample->params->k;
    float tau = sample->params->tau;
    double rate = 1.4426950408889634 / ((double)k * (double)tau);
    if (rate >= 1e-30) {
        weights->sum = weights->loops->exponentials(sample->scores, sample->classes, sample->pivot,
                                                    (float)rate, weights->u);
    } else { /* so hot that the rate leaves the normal floats */
        weights->sum = (float)sample->classes;
        for (int i = 0; i < sample->classes; ++i) {
            double z = smooth_topk_z(sample->scores[i], sample->pivot, k, tau);
            weights->u[i] =
                z > 0 || smooth_topk_is_minus_inf(bits_of(sample->scores[i])) ? 0 : (float)exp(z);
        }
    }
    weights->u[sample->label] = 0;
    weights->heavies = 0;
    for (int i = 0; i < k; ++i) {
        if (!(sample->top_scores[i] > sample->pivot)) continue;
        weights->heavy_class[weights->heavies] = sample->top[i];
        weights->heavy[weights->heavies++] =
            exp(-smooth_topk_z(sample->top_scores[i], sample->pivot, k, tau));
    }
}

/* Loss, and the size of the gradient, sigmoid(q)/k, from log(sigma_k / sigma_{k-1}). */
static double finish_loss(const smooth_topk_sample *sample, double log_ratio, float *loss)
{
    const smooth_topk_params *params = sample->params;
    double q = smooth_topk_q(log_ratio, sample->scores[sample->label], sample->pivot, params->k,
                             params->tau, params->alpha);
    *loss = (float)(params->tau * smooth_topk_softplus(q));
    return smooth_topk_sigmoid(q) / params->k;
}

/* Returns 0, with nothing written but u, if S is too large for float. */
static int small_k(class_weights *weights, float *loss, float *grad)
{
    const smooth_topk_sample *sample = weights->sample;
    int k = sample->params->k, heavies = weights->heavies;
    double light[SMALL_K + 1], heavy[SMALL_K + 1], c[SMALL_K + 1];
    weights->loops->product(weights->u, sample->classes, light, k);
    smooth_topk_monic_product(weights->heavy, heavies, heavy);
    for (int j = 0; j <= k; ++j) c[j] = smooth_topk_coefficient(heavy, heavies, light, k, j);
    if (smooth_topk_cancellation(c, k) > SMOOTH_TOPK_LARGEST_SUM) return 0;

    double size = finish_loss(sample, log(c[k] / c[k - 1]), loss);
    if (!grad) return 1;
    float d[SMALL_K];
    for (int m = 0; m < k; ++m) d[m] = (float)(size * smooth_topk_division(c, k, m));
    weights->loops->gradient(weights->u, sample->classes, d, grad, k);
    for (int i = 0; i < heavies; ++i)
        grad[weights->heavy_class[i]] =
            (float)(size *
                    smooth_topk_monic_difference(heavy, heavies, weights->heavy[i], light, c, k));
    grad[sample->label] = (float)-size;
    return 1;
}

/* -------------------------------------------------------------------------------------------------
   Any k
   -------------------------------------------------------------------------------------------------
 */

/* rho, such that about k - 1/2 classes are expected. */
static double find_tilt(const class_weights *weights)
{
    int classes = weights->sample->classes, k = weights->sample->params->k;
    smooth_topk_tilt tilt = smooth_topk_first_tilt(classes, k, weights->sum);
    for (int step = 0; step < SMOOTH_TOPK_TILT_STEPS; ++step) {
        double rho = exp(tilt.at), expected, variance;
        weights->loops->expectation(weights->u, classes, rho, &expected, &variance);
        for (int i = 0; i < weights->heavies; ++i) {
            double chosen = rho / (rho + weights->heavy[i]);
            expected += chosen;
            variance += chosen * (1 - chosen);
        }
        if (smooth_topk_next_tilt(&tilt, k, expected, variance)) break;
    }
    return exp(tilt.at);
}

/* The classes with odds above 1 at the tilt. There are few (at most twice the expected number)
   unless many scores are equal; then they may be all. */
typedef struct {
    int count;
    int *class_of;
    double *u; /* odds of not being chosen, < 1 */
} likely_classes;

/* Turns u into odds, the heavy classes' among them; 0 for those that are likely. */
static likely_classes take_likely(class_weights *weights, double rho, int *class_of, double *u)
{
    likely_classes likely = {0, class_of, u};
    for (int i = 0; i < weights->sample->classes; ++i) {
        double odds = weights->u[i] * rho;
        weights->u[i] = odds > 1 ? 0 : (float)odds;
        if (odds > 1) {
            likely.class_of[likely.count] = i;
            likely.u[likely.count++] = 1 / odds;
        }
    }
    for (int i = 0; i < weights->heavies; ++i) {
        if (weights->heavy[i] >= rho) {
            weights->u[weights->heavy_class[i]] = (float)(rho / weights->heavy[i]);
        } else {
            likely.class_of[likely.count] = weights->heavy_class[i];
            likely.u[likely.count++] = weights->heavy[i] / rho;
        }
    }
    return likely;
}

static void any_k(class_weights *weights, float *loss, float *grad, char *scratch)
{
    const smooth_topk_sample *sample = weights->sample;
    int k = sample->params->k, classes = sample->classes;
    int *class_of = take(&scratch, classes * sizeof(int));
    double *u = take(&scratch, classes * sizeof(double)),
           *likely_product = take(&scratch, (classes + 1) * sizeof(double));
    double *unlikely_product = take(&scratch, (k + 1) * sizeof(double)),
           *c = take(&scratch, (k + 1) * sizeof(double));
    double *merge_scratch = take(&scratch, LONG_PRODUCT_SCRATCH(k) * sizeof(double));

    double rho = find_tilt(weights);
    likely_classes likely = take_likely(weights, rho, class_of, u);
    weights->loops->long_product(weights->u, classes, k, merge_scratch, unlikely_product);
    smooth_topk_monic_product(likely.u, likely.count, likely_product);
    for (int j = 0; j <= k; ++j)
        c[j] = smooth_topk_coefficient(likely_product, likely.count, unlikely_product, k, j);

    double size = finish_loss(sample, log(c[k] / c[k - 1]) - log(rho), loss), *d = merge_scratch;
    if (!grad) return;
    for (int m = 0; m < k; ++m) d[m] = size * smooth_topk_division(c, k, m);
    weights->loops->long_gradient(weights->u, classes, d, grad, k);
    for (int i = 0; i < likely.count; ++i)
        grad[likely.class_of[i]] =
            (float)(size * smooth_topk_monic_difference(likely_product, likely.count, likely.u[i],
                                                        unlikely_product, c, k));
    grad[sample->label] = (float)-size;
}

/* -------------------------------------------------------------------------------------------------
   A sample
   -------------------------------------------------------------------------------------------------
 */

size_t smooth_topk_pivot_scratch(int classes, int k)
{
    size_t of_weights =
        aligned(classes * sizeof(float)) + aligned(k * sizeof(double)) + aligned(k * sizeof(int));
    return of_weights + aligned(classes * sizeof(int)) + aligned(classes * sizeof(double)) +
           aligned((classes + 1) * sizeof(double)) + 2 * aligned((k + 1) * sizeof(double)) +
           aligned(LONG_PRODUCT_SCRATCH(k) * sizeof(double));
}

void smooth_topk_by_pivot(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch)
{
    int k = sample->params->k;
    class_weights weights = {.sample = sample, .loops = loops_of_this_machine()};
    float *own_u = take(&scratch, sample->classes * sizeof(float));
    weights.u = grad ? grad : own_u;
    weights.heavy = take(&scratch, k * sizeof(double));
    weights.heavy_class = take(&scratch, k * sizeof(int));
    compute_weights(&weights);
    if (k > SMALL_K || !small_k(&weights, loss, grad)) any_k(&weights, loss, grad, scratch);
}
