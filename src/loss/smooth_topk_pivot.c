/* Algorithm pivot: the loss in linear space, scaled by the k-th largest score, at the price of a
   softmax.

   Everything is relative to the pivot, the k-th largest score theta but the label's, with
   u_i = exp(-|s_i - theta| / (k tau)), in (0, 1]. Classes above the pivot ("heavy", at most k - 1)
   have the factor (u_i + x), the others ("light") (1 + u_i x); what drops out is common to sigma_k
   and sigma_{k-1}. c = Heavy * Light then has 1 <= c_k and c_{k-1} <= C(n, k).

   The gradient of a light class is that product divided by its own factor, synthetic division from
   the low end written as one polynomial in u_i (Horner). Its error is about eps * S, S = sum_j c_j
   / min(c_k, c_{k-1}): small unless the k largest scores are nearly equal and the rest far below.
   Then, and for every k > SMALL_K, the weights are first tilted, u_i -> u_i rho, such that k - 1/2
   classes are expected in a random subset; classes with u_i rho > 1 are divided out from the high
   end, all others from the low one, in double, and S is at most about sqrt(2 pi k). */
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"

#include <stdint.h>

/* The largest k whose coefficients stay in registers. */
#define SMALL_K SMOOTH_TOPK_SMALL_K

/* The loops over all classes of a sample, for one instruction set. */
typedef struct {
    int lanes; /* floats in a vector */
    int (*lane_maxima)(const float *scores, int vectors, float *maxima);
    float (*exponentials)(const float *scores, int count, float pivot, float rate, float rate_rest,
                          float *u);
    void (*product)(const float *u, int count, double *product, int k);
    void (*gradient)(const float *u, int count, const float *d, float *grad, int k);
    void (*expectation)(const float *u, int count, double rate, double *sum, double *slope);
    void (*long_product)(const float *odds, int count, int k, double *room, double *product);
    void (*long_gradient)(const float *odds, int count, const double *d, float *grad, int k);
} smooth_topk_loops;

/* Doubles of scratch for long_product, whatever the instruction set. */
#define LONG_PRODUCT_ROOM(k) ((size_t)((k) + 1) * 10)

#if defined(__x86_64__) && defined(__GNUC__)
#define SIMD_NAME(name) name##_avx512
#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define SIMD_BYTES 64
#include "smooth_topk_simd.h"
#define SIMD_NAME(name) name##_avx2
#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#include "smooth_topk_simd.h"
#endif
#define SIMD_NAME(name) name##_portable
#define SIMD_TARGET
#define SIMD_BYTES 16
#include "smooth_topk_simd.h"

/* SMOOTH_TOPK_LOOPS: the tests' way to ask for those that this machine would not take. */
static const smooth_topk_loops *loops_of_this_machine(void)
{
#ifdef SMOOTH_TOPK_LOOPS
    return &SMOOTH_TOPK_LOOPS;
#elif defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return &loops_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &loops_avx2;
    return &loops_portable;
#else
    return &loops_portable;
#endif
}

/* -------------------------------------------------------------------------------------------------
   The k largest scores: a heap, the least of them on top
   -------------------------------------------------------------------------------------------------
 */

/* Moves the hole at the root of a heap of k down to where `score` belongs, and returns it. */
static int sift_down(int *top, float *top_scores, int k, float score)
{
    int hole = 0;
    for (int child = 1; child < k; child = 2 * hole + 1) {
        if (child + 1 < k && top_scores[child + 1] < top_scores[child]) ++child;
        if (top_scores[child] >= score) break;
        top_scores[hole] = top_scores[child];
        top[hole] = top[child];
        hole = child;
    }
    return hole;
}

static int sift_up(int *top, float *top_scores, int hole, float score)
{
    while (hole > 0 && top_scores[(hole - 1) / 2] > score) {
        top_scores[hole] = top_scores[(hole - 1) / 2];
        top[hole] = top[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    return hole;
}

/* Puts a class on the heap if it is among the k largest so far. Returns how many the heap holds. */
static int offer(int class_of, float score, int held, int k, int *top, float *top_scores)
{
    if (held == k && score <= top_scores[0]) return held;
    int hole =
        held < k ? sift_up(top, top_scores, held, score) : sift_down(top, top_scores, k, score);
    top_scores[hole] = score;
    top[hole] = class_of;
    return held < k ? held + 1 : k;
}

/* A chunk of scores is `vectors` vectors; a lane of it, every lanes-th score, is a column. */
typedef struct {
    const smooth_topk_loops *loops;
    int whole, vectors, rest; /* chunks, vectors of each, vectors of one chunk more */
} columns;

static columns divide_into_columns(int classes, int k)
{
    columns split = {.loops = loops_of_this_machine()};
    int all = classes / split.loops->lanes, wanted = classes / (4 * k);
    split.vectors = wanted < 1 ? 1 : min_int(wanted, 16);
    split.whole = all / split.vectors;
    split.rest = all % split.vectors;
    return split;
}

/* The k-th largest of the columns' maxima is a bound from below on the k-th largest score, which
   few columns reach: only those are looked at score by score. maxima: classes floats. */
int smooth_topk_find_top(const float *scores, int classes, int label, int k, int *top,
                         float *top_scores, float *maxima)
{
    columns split = divide_into_columns(classes, k);
    int lanes = split.loops->lanes, chunks = split.whole + (split.rest > 0), held = 0, bad = 0;
    int chunk_size = split.vectors * lanes, in_columns = classes / lanes * lanes;
    for (int chunk = 0; chunk < chunks; ++chunk)
        bad |= split.loops->lane_maxima(scores + chunk * chunk_size,
                                        chunk < split.whole ? split.vectors : split.rest,
                                        maxima + chunk * lanes);
    for (int i = in_columns; i < classes; ++i)
        bad |= smooth_topk_is_nan_or_plus_inf(bits_of(scores[i]));
    if (bad) return -1;

    int label_column = -1;
    if (label < in_columns) { /* whose maximum may be the label's, which does not count */
        int chunk = label / chunk_size, end = min_int(in_columns, (chunk + 1) * chunk_size);
        label_column = chunk * lanes + label % lanes;
        maxima[label_column] = float_of(0xff800000u);
        for (int i = chunk * chunk_size + label % lanes; i < end; i += lanes)
            if (i != label && scores[i] > maxima[label_column]) maxima[label_column] = scores[i];
    }
    for (int column = 0; column < chunks * lanes; ++column)
        held = offer(column, maxima[column], held, k, top, top_scores);
    float bound = held == k ? top_scores[0] : float_of(0xff800000u);

    held = 0;
    for (int column = 0; column < chunks * lanes; ++column) {
        if (!(maxima[column] >= bound)) continue;
        int chunk = column / lanes, end = min_int(in_columns, (chunk + 1) * chunk_size);
        for (int i = chunk * chunk_size + column % lanes; i < end; i += lanes)
            if (i != label && scores[i] >= bound)
                held = offer(i, scores[i], held, k, top, top_scores);
    }
    for (int i = in_columns; i < classes; ++i)
        if (i != label) held = offer(i, scores[i], held, k, top, top_scores);
    return 0;
}

/* -------------------------------------------------------------------------------------------------
   Small k
   -------------------------------------------------------------------------------------------------
 */

/* What both ways to the gradient begin with. */
typedef struct {
    const smooth_topk_sample *sample;
    const smooth_topk_loops *loops;
    float *u;      /* classes: u_i of the light classes; 0 for the heavy ones and the label */
    float sum;     /* about that of u */
    double *heavy; /* u_i of the heavy classes */
    int *heavy_class;
    int heavies;
} weighed;

static void weigh(weighed *weights)
{
    const smooth_topk_sample *sample = weights->sample;
    int k = sample->params->k;
    float tau = sample->params->tau;
    double rate = 1.4426950408889634 / ((double)k * (double)tau);
    if (rate >= 1e-30) {
        weights->sum =
            weights->loops->exponentials(sample->scores, sample->classes, sample->pivot,
                                         (float)rate, (float)(rate - (float)rate), weights->u);
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

/* Returns 0, with nothing written but u, if float does not bear it. */
static int small_k(weighed *weights, float *loss, float *grad)
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
                    smooth_topk_heavy_difference(heavy, heavies, weights->heavy[i], light, c, k));
    grad[sample->label] = (float)-size;
    return 1;
}

/* -------------------------------------------------------------------------------------------------
   Any k
   -------------------------------------------------------------------------------------------------
 */

/* rho, such that about k - 1/2 classes are expected. */
static double find_tilt(const weighed *weights)
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

/* The classes that at the tilt are rather chosen than not: fewer than twice the expected number,
   which find_tilt lets be k + 2 + 2 sqrt(k + 1); there is room for all, as they are where many are
   equal. */
typedef struct {
    int count;
    int *class_of;
    double *u; /* left out : chosen, < 1 */
} likely_classes;

/* Turns u into odds, the heavy classes' among them; 0 for those that are likely. */
static likely_classes take_likely(weighed *weights, double rho, int *class_of, double *u)
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

static void any_k(weighed *weights, float *loss, float *grad, char *scratch)
{
    const smooth_topk_sample *sample = weights->sample;
    int k = sample->params->k, classes = sample->classes;
    int *class_of = take(&scratch, classes * sizeof(int));
    double *u = take(&scratch, classes * sizeof(double)),
           *heavy = take(&scratch, (classes + 1) * sizeof(double));
    double *light = take(&scratch, (k + 1) * sizeof(double)),
           *c = take(&scratch, (k + 1) * sizeof(double));
    double *room = take(&scratch, LONG_PRODUCT_ROOM(k) * sizeof(double));

    double rho = find_tilt(weights);
    likely_classes likely = take_likely(weights, rho, class_of, u);
    weights->loops->long_product(weights->u, classes, k, room, light);
    smooth_topk_monic_product(likely.u, likely.count, heavy);
    for (int j = 0; j <= k; ++j) c[j] = smooth_topk_coefficient(heavy, likely.count, light, k, j);

    double size = finish_loss(sample, log(c[k] / c[k - 1]) - log(rho), loss), *d = room;
    if (!grad) return;
    for (int m = 0; m < k; ++m) d[m] = size * smooth_topk_division(c, k, m);
    weights->loops->long_gradient(weights->u, classes, d, grad, k);
    for (int i = 0; i < likely.count; ++i)
        grad[likely.class_of[i]] =
            (float)(size *
                    smooth_topk_heavy_difference(heavy, likely.count, likely.u[i], light, c, k));
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
           aligned(LONG_PRODUCT_ROOM(k) * sizeof(double));
}

void smooth_topk_by_pivot(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch)
{
    int k = sample->params->k;
    weighed weights = {.sample = sample, .loops = loops_of_this_machine()};
    float *own_u = take(&scratch, sample->classes * sizeof(float));
    weights.u = grad ? grad : own_u;
    weights.heavy = take(&scratch, k * sizeof(double));
    weights.heavy_class = take(&scratch, k * sizeof(int));
    weigh(&weights);
    if (k > SMALL_K || !small_k(&weights, loss, grad)) any_k(&weights, loss, grad, scratch);
}
