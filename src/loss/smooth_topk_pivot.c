/* Algorithm pivot: the loss in linear space, scaled by the k-th largest score, about as fast as a
   softmax.

   Everything is relative to the pivot, the k-th largest score theta but the label's, with
   u_i = exp(-|s_i - theta| / (k tau)), in (0, 1]. Classes above the pivot ("heavy", at most k - 1)
   have the factor (u_i + x), the others ("light") (1 + u_i x); what drops out is common to sigma_k
   and sigma_{k-1}. c = Heavy * Light then has 1 <= c_k and c_{k-1} <= C(n, k).

   The gradient of a light class is that product divided by its own factor, synthetic division from
   the low end written as one polynomial in u_i (Horner). Its error is about eps * S, S = sum_j c_j
   / min(c_k, c_{k-1}): small unless the k largest scores are nearly equal and the rest far below.
   Then, and for every k > SMALL_K, smooth_topk_any_k.c takes over. */
#include "smooth_topk_pivot.h"
#include "integers.h"
#include "smooth_topk_any_k.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_exp.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_small_k.h"

#include <stdint.h>

/* The largest k whose coefficients stay in registers. */
#define SMALL_K SMOOTH_TOPK_SMALL_K

/* The loops over all classes of a sample, for one instruction set. */
typedef struct {
    void (*exponentials)(const float *scores, int count, float pivot, float rate, float *u);
    void (*product)(const float *u, int count, double *product, int k);
    void (*gradient)(const float *u, int count, const float *d, float *grad, int k);
} pivot_loops;

#define LOOPS_FILE "smooth_topk_pivot_simd.h"
#include "each_instruction_set.h"

/* The weights of a sample's classes relative to the pivot. */
typedef struct {
    const smooth_topk_sample *sample;
    const pivot_loops *loops;
    float *u;      /* classes: u_i of the light classes; 0 for the heavy ones and the label */
    double *heavy; /* u_i of the heavy classes */
    int *heavy_class;
    int heavies;
} pivot_weights;

static void compute_weights(pivot_weights *weights)
{
    const smooth_topk_sample *sample = weights->sample;
    int k = sample->params->k;
    float tau = sample->params->tau;
    double rate = smooth_topk_rate(k, tau);
    if (rate >= 1e-30) {
        weights->loops->exponentials(sample->scores, sample->classes, sample->pivot, (float)rate,
                                     weights->u);
    } else { /* tau so large that the rate may be denormal */
        for (int i = 0; i < sample->classes; ++i) {
            double z = smooth_topk_z(sample->scores[i], sample->pivot, k, tau);
            weights->u[i] = z > 0 || smooth_topk_is_minus_inf(float_bits(sample->scores[i]))
                                ? 0
                                : (float)exp(z);
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

/* Returns 0, with nothing written but u, if S is too large for float. */
static int small_k(pivot_weights *weights, float *loss, float *grad)
{
    const smooth_topk_sample *sample = weights->sample;
    int k = sample->params->k, heavies = weights->heavies;
    double light[SMALL_K + 1], heavy[SMALL_K + 1], c[SMALL_K + 1] = {0};
    weights->loops->product(weights->u, sample->classes, light, k);
    smooth_topk_monic_product(weights->heavy, heavies, heavy);
    for (int j = 0; j <= k; ++j) c[j] = smooth_topk_coefficient(heavy, heavies, light, k, j);
    smooth_topk_inverse inverse = smooth_topk_invert(c, k);
    if (smooth_topk_cancellation(c, inverse, k) > SMOOTH_TOPK_LARGEST_SUM) return 0;

    double size = smooth_topk_finish_loss(sample, log(c[k] / c[k - 1]), loss);
    if (!grad) return 1;
    float d[SMALL_K];
    for (int m = 0; m < k; ++m) d[m] = (float)(size * smooth_topk_division(c, inverse, k, m));
    weights->loops->gradient(weights->u, sample->classes, d, grad, k);
    for (int i = 0; i < heavies; ++i)
        grad[weights->heavy_class[i]] =
            (float)(size * smooth_topk_monic_difference(heavy, heavies, weights->heavy[i], light,
                                                        inverse, k));
    grad[sample->label] = (float)-size;
    return 1;
}

size_t smooth_topk_pivot_scratch(int classes, int k)
{
    return aligned(classes * sizeof(float)) + aligned(k * sizeof(double)) +
           aligned(k * sizeof(int)) + smooth_topk_any_k_scratch(classes, k);
}

void smooth_topk_by_pivot(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch)
{
    int k = sample->params->k;
    if (k <= SMALL_K) {
        pivot_weights weights = {.sample = sample, .loops = SIMD_CHOOSE(loops, sample->set)};
        char *left = scratch;
        float *own_u = take(&left, sample->classes * sizeof(float));
        weights.u = grad ? grad : own_u;
        weights.heavy = take(&left, k * sizeof(double));
        weights.heavy_class = take(&left, k * sizeof(int));
        compute_weights(&weights);
        if (small_k(&weights, loss, grad)) return;
    }
    smooth_topk_any_k(sample, loss, grad, scratch);
}
