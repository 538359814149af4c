/* The loss of a row with several labels: that of every label at once, in O(k) a class.

   With P the product of all classes' factors (1 + e_i x), label i asks for P without its own
   factor, P_i = P / (1 + e_i x): q_i is the logarithm of the ratio of two of its coefficients, k
   and k-1. With w_i = t_i sigmoid(q_i)/k, a_i = w_i / P_i[k] and b_i = w_i / P_i[k-1], [j]
   coefficient j, the gradient is

     G_l = e_l [k-1] of (A - a_l P_l) / (1 + e_l x)  -  e_l [k-2] of (B - b_l P_l) / (1 + e_l x)
           - w_l,        A = sum_i a_i P_i,  B = sum_i b_i P_i:

   A and B are collected in the same pass that finds the losses, and each class divides out its own
   factor, as in smooth_topk_pivot.c: likely classes (factor u + x, u <= 1) from the high end, the
   others from the low one. All of it is relative to the middle between the k-th and the next
   score, of which a label's own removal may make either the pivot; for k > 10 and a narrow gap with
   a tilt for which k classes are expected. Where the gap between the two is so wide that e^-gap is
   no number any more, the k best are chosen for certain and what is left has a closed form. */
#include "smooth_topk_exp.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_small_k.h"
#include "smooth_topk_tilt.h"
#include "smooth_topk_truth.h"

#include <float.h>
#include <math.h>
#include <stdint.h>

#define WIDE_GAP 45       /* e^-45 of n classes is nothing beside 1, in double */
#define LARGEST_BOOST 200 /* of an exponent alpha/tau; what is above it is added to the loss */

/* What a pass over the labels of unlikely classes needs, and what it leaves. */
typedef struct {
    int count;
    const float *odds;    /* count; 0 for a likely class */
    const float *weights; /* count; t_i, 0 for a likely class */
    const float *scores;  /* count; finite */
    const double *boosts; /* count; exp(alpha_i/tau), NULL where all are `boost` */
    double boost;
    double center, per_score;  /* z = (score - center) per_score */
    const double *light, *all; /* products of the unlikely classes' factors, of all: 0 .. k */
    double loss;               /* sum_i t_i (softplus(q_i) + log tilt), without large boosts */
    double total;              /* sum_i t_i */
    double *of_a, *of_b;       /* sums of a_i and b_i times `light` without factor i: 0 .. k */
    float *grad;               /* count; what is to be taken from the gradient */
} soft_labels;

typedef struct {
    void (*product)(const float *odds, int count, double *scratch, double *product, int k);
    void (*labels)(soft_labels *of, double *scratch, int k);
    void (*gradient)(const float *odds, int count, const double *d, float *grad, int k);
    void (*expectation)(const float *u, int count, double tilt, double *expected, double *variance);
} soft_loops;

static const float logarithm_series[] = {-1.1514610310e-1f, 1.1676998740e-1f,  -1.2420140846e-1f,
                                         1.4249322787e-1f,  -1.6668057665e-1f, 2.0000714765e-1f,
                                         -2.4999993993e-1f, 3.3333331174e-1f};

#define LOOPS_FILE "smooth_topk_soft_simd.h"
#include "each_instruction_set.h"

/* ---- scratch ---- */

typedef struct {
    int *top;
    float *top_scores, *maxima;
    float *finite_scores, *likely_weight, *odds;
    double *boosts;
    int *likely_class;
    double *u, *log_u, *heavy, *quotient, *of_label, *heavy_a, *heavy_b, *rest_a, *rest_b;
    double *light, *all, *of_a, *of_b, *d, *loops;
} soft_scratch;

static soft_scratch take_soft_scratch(char **scratch, int classes, int k)
{
    size_t row_bytes = classes * sizeof(float), polynomial_bytes = (k + 1) * sizeof(double);
    size_t likely_bytes = (classes + 1) * sizeof(double);
    soft_scratch taken;
    taken.top = take(scratch, (k + 1) * sizeof(int));
    taken.top_scores = take(scratch, (k + 1) * sizeof(float));
    taken.maxima = take(scratch, row_bytes);
    taken.finite_scores = take(scratch, row_bytes);
    taken.likely_weight = take(scratch, row_bytes);
    taken.odds = take(scratch, row_bytes);
    taken.boosts = take(scratch, classes * sizeof(double));
    taken.likely_class = take(scratch, classes * sizeof(int));
    taken.u = take(scratch, likely_bytes);
    taken.log_u = take(scratch, likely_bytes);
    taken.heavy = take(scratch, likely_bytes);
    taken.quotient = take(scratch, likely_bytes);
    taken.of_label = take(scratch, likely_bytes);
    taken.heavy_a = take(scratch, likely_bytes);
    taken.heavy_b = take(scratch, likely_bytes);
    taken.rest_a = take(scratch, likely_bytes);
    taken.rest_b = take(scratch, likely_bytes);
    taken.light = take(scratch, polynomial_bytes);
    taken.all = take(scratch, polynomial_bytes);
    taken.of_a = take(scratch, polynomial_bytes);
    taken.of_b = take(scratch, polynomial_bytes);
    taken.d = take(scratch, polynomial_bytes);
    taken.loops = take(scratch, 26 * polynomial_bytes); /* three times 8 lanes, and 2 */
    return taken;
}

/* ---- a row ---- */

/* A row without NaN or +inf that has more than k finite scores. */
typedef struct {
    const smooth_topk_params *params;
    int classes;
    const float *scores;
    float *weights; /* t_i; those of likely classes are 0 for a while */
    const float *margins;
    float above, below; /* the k-th largest score, and the next */
    soft_scratch s;
    double loss;
} soft_row;

static double boost_exponent(const soft_row *row, int label)
{
    double margin = row->margins ? (double)row->margins[label] : 1;
    return smooth_topk_margin(row->params->alpha * margin, row->params->tau);
}

/* The k best are chosen for certain, or all but one of them. */
static void wide_gap(soft_row *row, float *grad)
{
    int k = row->params->k, classes = row->classes;
    double per_score = 1 / ((double)k * row->params->tau), left_out = 0, of_top = 0, of_rest = 0;
    const soft_scratch *s = &row->s;
    double rest =
        smooth_topk_exponentials(row->scores, classes, row->below,
                                 (float)fmin(per_score * 1.4426950408889634, FLT_MAX), s->odds);
    for (int i = 0; i <= k; ++i)
        if (s->top_scores[i] >= row->above)
            left_out += exp(-(s->top_scores[i] - (double)row->above) * per_score);
    /* q_i of the rest is so large that its softplus is itself. */
    double log_rest = log(rest), log_left_out = log(left_out);
    for (int i = 0; i < classes; ++i) {
        double weight = row->weights[i], exponent = boost_exponent(row, i);
        if (row->scores[i] >= row->above) {
            double q = exponent + log_rest - (row->scores[i] - (double)row->below) * per_score;
            double size = weight * smooth_topk_sigmoid(q) / k;
            row->loss += weight * smooth_topk_softplus(q);
            grad[i] = (float)-size;
            of_top += size;
        } else {
            row->loss += weight * (exponent - log_left_out +
                                   ((double)row->above - row->scores[i]) * per_score);
            grad[i] = (float)(-weight / k);
            of_rest += weight / k;
        }
    }
    for (int i = 0; i < classes; ++i)
        if (row->scores[i] >= row->above)
            grad[i] += (float)(of_rest / left_out *
                               exp(-(row->scores[i] - (double)row->above) * per_score));
        else
            grad[i] += (float)(of_top / rest * s->odds[i]);
}

/* A common factor on all odds, relative to the score below the gap: one that puts 1 in the middle
   of a gap, or one for which about k classes are expected; for small k without a gap none is
   needed. */
static double find_tilt(const soft_row *row, const soft_loops *loops, double sum, double gap)
{
    int k = row->params->k;
    if (k <= SMOOTH_TOPK_SMALL_K || gap > 5) return gap > 1 ? exp(-gap / 2) : 1;
    smooth_topk_tilt tilt = smooth_topk_first_tilt(row->classes, k, sum);
    for (int step = 0; step < SMOOTH_TOPK_TILT_STEPS; ++step) {
        double rho = exp(tilt.at), expected, variance;
        loops->expectation(row->s.odds, row->classes, rho, &expected, &variance);
        for (int i = 0; i <= k; ++i) {
            if (!(row->s.log_u[i] < 0)) continue;
            double chosen = rho / (rho + exp(row->s.log_u[i]));
            expected += chosen;
            variance += chosen * (1 - chosen);
        }
        if (smooth_topk_next_tilt(&tilt, k, expected - 0.5, variance)) break;
    }
    return exp(tilt.at);
}

/* Divides the product of the likely classes' factors by (u + x). */
static void divide_out(const double *product, int count, double u, double *quotient)
{
    double coefficient = 0;
    for (int t = count - 1; t >= 0; --t)
        quotient[t] = coefficient = product[t + 1] - u * coefficient;
}

static void narrow_gap(soft_row *row, double gap, float *grad)
{
    const soft_loops *loops = SIMD_CHOOSE(loops, best_instruction_set());
    const soft_scratch *s = &row->s;
    int k = row->params->k, classes = row->classes, likely = 0;
    double tau = row->params->tau, per_score = 1 / (k * tau);
    float center = row->below;
    double sum =
        smooth_topk_exponentials(row->scores, classes, center,
                                 (float)fmin(per_score * 1.4426950408889634, FLT_MAX), s->odds);
    for (int i = 0; i <= k; ++i)
        s->log_u[i] = -((double)s->top_scores[i] - center) * per_score; /* < 0: above the center */
    double tilt = find_tilt(row, loops, sum, gap), log_tilt = log(tilt);

    /* The likely classes, and the others' odds. */
    for (int i = 0; i <= k; ++i) {
        if (!(s->log_u[i] < 0)) continue;
        if (s->log_u[i] >= log_tilt) {
            s->odds[s->top[i]] = (float)exp(-s->log_u[i]); /* tilted below, with the others */
        } else {
            s->likely_class[likely] = s->top[i];
            s->u[likely++] = exp(s->log_u[i] - log_tilt);
        }
    }
    if (tilt != 1)
        for (int i = 0; i < classes; ++i) {
            double odds = s->odds[i] * tilt;
            s->odds[i] = odds > 1 ? 0 : (float)odds;
            if (!(odds > 1)) continue;
            s->likely_class[likely] = i;
            s->u[likely++] = 1 / odds;
        }
    for (int h = 0; h < likely; ++h) {
        s->likely_weight[h] = row->weights[s->likely_class[h]];
        row->weights[s->likely_class[h]] = 0;
    }

    loops->product(s->odds, classes, s->loops, s->light, k);
    smooth_topk_monic_product(s->u, likely, s->heavy);
    for (int j = 0; j <= k; ++j)
        s->all[j] = smooth_topk_coefficient(s->heavy, likely, s->light, k, j);

    /* Every unlikely label. */
    double exponent = boost_exponent(row, 0);
    soft_labels labels = {.count = classes,
                          .odds = s->odds,
                          .weights = row->weights,
                          .scores = row->scores,
                          .boosts = row->margins ? s->boosts : NULL,
                          .boost = exp(fmin(exponent, LARGEST_BOOST)),
                          .center = center,
                          .per_score = per_score,
                          .light = s->light,
                          .all = s->all,
                          .of_a = s->of_a,
                          .of_b = s->of_b,
                          .grad = grad};
    if (row->margins) {
        for (int i = 0; i < classes; ++i) {
            exponent = boost_exponent(row, i);
            s->boosts[i] = exp(fmin(exponent, LARGEST_BOOST));
            row->loss += row->weights[i] * fmax(0, exponent - LARGEST_BOOST);
        }
    }
    loops->labels(&labels, s->loops, k);
    if (!row->margins) row->loss += labels.total * fmax(0, exponent - LARGEST_BOOST);
    row->loss += labels.loss - labels.total * log_tilt;

    /* Every likely label. */
    for (int t = 0; t <= likely; ++t) s->heavy_a[t] = s->heavy_b[t] = 0;
    for (int h = 0; h < likely; ++h) {
        int label = s->likely_class[h];
        double weight = row->weights[label] = s->likely_weight[h];
        double exponent_of_label = boost_exponent(row, label);
        s->of_label[h] = s->rest_a[h] = s->rest_b[h] = 0;
        if (weight == 0) continue;
        divide_out(s->heavy, likely, s->u[h], s->quotient);
        double all_k = smooth_topk_coefficient(s->quotient, likely - 1, s->light, k, k);
        double all_k1 = smooth_topk_coefficient(s->quotient, likely - 1, s->light, k, k - 1);
        double softplus, sigmoid;
        if (exponent_of_label <= LARGEST_BOOST && s->u[h] > 1e-100) { /* e^q is a number */
            double odds = exp(exponent_of_label) * s->u[h] * (all_k / all_k1);
            softplus = log1p(odds);
            sigmoid = odds / (1 + odds);
        } else {
            double q = exponent_of_label + log(all_k / all_k1) -
                       ((double)row->scores[label] - center) * per_score - log_tilt;
            softplus = smooth_topk_softplus(q);
            sigmoid = smooth_topk_sigmoid(q);
        }
        s->of_label[h] = weight * sigmoid / k;
        s->rest_a[h] = s->of_label[h] / all_k;
        s->rest_b[h] = s->of_label[h] / all_k1;
        row->loss += weight * softplus;
        for (int t = 0; t < likely; ++t) {
            s->heavy_a[t] += s->rest_a[h] * s->quotient[t];
            s->heavy_b[t] += s->rest_b[h] * s->quotient[t];
        }
    }

    /* A and B, and with them the gradients. */
    for (int m = 0; m < k; ++m) {
        int j = k - 1 - m;
        s->d[m] = smooth_topk_coefficient(s->heavy, likely, s->of_a, k, j) +
                  smooth_topk_coefficient(s->heavy_a, likely - 1, s->light, k, j);
        if (j == 0) continue;
        s->d[m] -= smooth_topk_coefficient(s->heavy, likely, s->of_b, k, j - 1) +
                   smooth_topk_coefficient(s->heavy_b, likely - 1, s->light, k, j - 1);
    }
    loops->gradient(s->odds, classes, s->d, grad, k);
    for (int h = 0; h < likely; ++h) {
        double u = s->u[h], left_out_k1 = 0, left_out_k = 0;
        divide_out(s->heavy, likely, u, s->quotient);
        left_out_k = smooth_topk_coefficient(s->quotient, likely - 1, s->of_a, k, k);
        left_out_k1 = smooth_topk_coefficient(s->quotient, likely - 1, s->of_b, k, k - 1);
        double quotient_a = 0, quotient_b = 0;
        for (int t = likely - 2; t >= 0; --t) { /* what the other likely labels add */
            quotient_a = s->heavy_a[t + 1] - s->rest_a[h] * s->quotient[t + 1] - u * quotient_a;
            quotient_b = s->heavy_b[t + 1] - s->rest_b[h] * s->quotient[t + 1] - u * quotient_b;
            if (t <= k) left_out_k += quotient_a * s->light[k - t];
            if (t <= k - 1) left_out_k1 += quotient_b * s->light[k - 1 - t];
        }
        grad[s->likely_class[h]] = (float)(u * (left_out_k1 - left_out_k) - s->of_label[h]);
    }
}

/* ---- the plain sum: the hard hinge, and algorithm log ---- */

static void label_by_label(const smooth_topk_params *params, int classes, const float *scores,
                           const float *weights, const float *margins, double *loss, float *grad,
                           char *scratch)
{
    float *grad_of_label = take(&scratch, classes * sizeof(float)), loss_of_label;
    smooth_topk_term term = {*params, 1};
    *loss = 0;
    smooth_topk_fill(grad, classes, 0);
    for (int label = 0; label < classes; ++label) {
        if (weights[label] == 0) continue;
        smooth_topk_of_label(&term, 1, classes, scores, label, margins ? margins[label] : 1,
                             &loss_of_label, grad_of_label, scratch);
        *loss += (double)weights[label] * loss_of_label;
        for (int i = 0; i < classes; ++i) grad[i] += weights[label] * grad_of_label[i];
    }
}

/* ---- a term ---- */

int smooth_topk_can_be_at_once(const smooth_topk_params *params)
{
    return params->algorithm == SMOOTH_TOPK_PIVOT && !smooth_topk_is_hinge(params->tau) &&
           (double)params->k * params->tau <= 1e30;
}

static void by_gap(soft_row *row, float *grad)
{
    double gap = ((double)row->above - row->below) / ((double)row->params->k * row->params->tau);
    row->loss = 0;
    if (gap > WIDE_GAP)
        wide_gap(row, grad);
    else
        narrow_gap(row, gap, grad);
}

/* The same for a row that may have scores of -inf: the loss of such a label is +inf, its gradient
   0, and to others it is a class that cannot be chosen. Returns what they add to the loss. */
static double without_minus_inf(soft_row *row, float *grad)
{
    const soft_scratch *s = &row->s;
    float *weights = s->maxima; /* which the selection no longer needs */
    double infinite = 0;
    for (int i = 0; i < row->classes; ++i) {
        int bad = smooth_topk_is_minus_inf(bits_of(row->scores[i]));
        if (bad && row->weights[i] != 0)
            infinite += row->weights[i] * (double)float_of(BITS_PLUS_INF);
        s->finite_scores[i] = bad ? -FLT_MAX : row->scores[i];
        weights[i] = bad ? 0 : row->weights[i];
    }
    row->scores = s->finite_scores;
    row->weights = weights;
    row->loss = 0;
    if (smooth_topk_is_minus_inf(bits_of(row->below))) /* nothing to lose to */
        smooth_topk_fill(grad, row->classes, 0);
    else
        by_gap(row, grad);
    return infinite;
}

static double at_once(soft_row *row, float *grad)
{
    const soft_scratch *s = &row->s;
    double infinite = 0;
    row->above = s->top_scores[1];
    for (int i = 2; i <= row->params->k; ++i)
        if (s->top_scores[i] < row->above) row->above = s->top_scores[i];
    int finite = !smooth_topk_is_minus_inf(bits_of(row->below));
    if (finite) by_gap(row, grad);
    /* A score of -inf is no number in the sum of the losses. */
    if (!finite || !(fabs(row->loss) <= DBL_MAX)) infinite = without_minus_inf(row, grad);
    return infinite + row->params->tau * row->loss;
}

/* Returns -1 if a score is NaN or +inf. */
static int one_term(const smooth_topk_params *params, int classes, const float *scores,
                    float *weights, const float *margins, double *loss, float *grad, char *scratch)
{
    char *begin = scratch;
    soft_scratch s = take_soft_scratch(&scratch, classes, params->k);
    if (smooth_topk_find_top(scores, classes, classes, params->k + 1, s.top, s.top_scores,
                             s.maxima))
        return -1;
    soft_row row = {.params = params,
                    .classes = classes,
                    .scores = scores,
                    .weights = weights,
                    .margins = margins,
                    .below = s.top_scores[0],
                    .s = s};
    if (smooth_topk_can_be_at_once(params))
        *loss = at_once(&row, grad);
    else
        label_by_label(params, classes, scores, weights, margins, loss, grad, begin);
    return 0;
}

/* ---- all terms ---- */

static size_t term_scratch(const smooth_topk_term *term, int classes)
{
    char *end = NULL;
    take_soft_scratch(&end, classes, term->params.k);
    size_t at_once = (uintptr_t)end, one_by_one = aligned(classes * sizeof(float)) +
                                                  smooth_topk_label_scratch(term, 1, classes);
    return at_once > one_by_one ? at_once : one_by_one;
}

size_t smooth_topk_labels_scratch(const smooth_topk_term *terms, int count, int classes)
{
    size_t most = 0;
    for (int j = 0; j < count; ++j) {
        size_t bytes = term_scratch(terms + j, classes);
        if (bytes > most) most = bytes;
    }
    return (count > 1) * aligned(classes * sizeof(float)) + most;
}

void smooth_topk_of_labels(const smooth_topk_term *terms, int count, int classes,
                           const float *scores, float *weights, const float *margins, float *loss,
                           float *grad, char *scratch)
{
    double sum = 0, of_term;
    float *grad_of_term = count > 1 ? take(&scratch, classes * sizeof(float)) : NULL;
    for (int j = 0; j < count; ++j) {
        float *to = j == 0 ? grad : grad_of_term, weight = terms[j].weight;
        if (one_term(&terms[j].params, classes, scores, weights, margins, &of_term, to, scratch)) {
            *loss = float_of(BITS_NAN);
            smooth_topk_fill(grad, classes, *loss);
            return;
        }
        sum += weight * of_term;
        if (j > 0)
            for (int i = 0; i < classes; ++i) grad[i] += weight * grad_of_term[i];
        else if (weight != 1)
            for (int i = 0; i < classes; ++i) grad[i] *= weight;
    }
    *loss = (float)sum;
}
