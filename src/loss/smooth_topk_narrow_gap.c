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
   score, because without its own label a row has either of them as pivot; for k > 10 and a narrow
   gap a tilt is used for which k classes are expected. */
#include "smooth_topk_narrow_gap.h"
#include "integers.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_small_k.h"
#include "smooth_topk_softmax.h"
#include "smooth_topk_tilt.h"

#define LARGEST_BOOST 200 /* of an exponent alpha/tau; what is above it is added to the loss */

/* What a pass over the labels of unlikely classes needs, and what it leaves. */
typedef struct {
    int count;
    const float *odds;    /* count; 0 for a likely class */
    const float *weights; /* count; t_i, 0 for a likely class */
    const float *scores;  /* count; finite */
    const double *boosts; /* count; exp(alpha_i/tau), NULL where all are `boost` */
    double boost;
    double center, per_score;     /* z = (score - center) per_score */
    const double *unlikely, *all; /* products of the unlikely classes' factors, of all: 0 .. k */
    double loss;                  /* sum_i t_i (softplus(q_i) + log tilt), without large boosts */
    double total;                 /* sum_i t_i */
    double *sum_a, *sum_b; /* sums of a_i and b_i times `unlikely` without factor i: 0 .. k */
    float *grad;           /* count; what is to be subtracted from the gradient */
} soft_labels;

typedef struct {
    void (*product)(const float *odds, int count, double *scratch, double *product, int k);
    void (*labels)(soft_labels *labels, double *scratch, int k);
    void (*gradient)(const float *odds, int count, const double *d, float *grad, int k);
    void (*expectation)(const float *u, int count, double tilt, double *expected, double *variance);
} soft_loops;

static const float logarithm_series[] = {-1.1514610310e-1f, 1.1676998740e-1f,  -1.2420140846e-1f,
                                         1.4249322787e-1f,  -1.6668057665e-1f, 2.0000714765e-1f,
                                         -2.4999993993e-1f, 3.3333331174e-1f};

#define LOOPS_FILE "smooth_topk_narrow_gap_simd.h"
#include "each_instruction_set.h"

/* ---- scratch ---- */

/* Arrays of the likely classes have one number for each, in the order of likely_class; products are
   coefficients. */
typedef struct {
    float *odds, *likely_weight;
    double *boosts;
    int *likely_class;
    double *u, *log_u;    /* u: of the likely classes; log_u: of the k + 1 largest scores */
    double *size, *a, *b; /* of likely labels: w_i, a_i, b_i */
    double *likely_product, *unlikely_product, *all;
    double *likely_a, *likely_b;     /* sums over likely labels, divided by unlikely_product */
    double *unlikely_a, *unlikely_b; /* over unlikely labels, divided by likely_product */
    double *quotient, *d, *loops;
} gap_scratch;

static gap_scratch take_gap_scratch(char **scratch, int classes, int k)
{
    size_t row_bytes = classes * sizeof(float), polynomial_bytes = (k + 1) * sizeof(double);
    size_t likely_bytes = (classes + 1) * sizeof(double);
    gap_scratch taken;
    taken.likely_weight = take(scratch, row_bytes);
    taken.odds = take(scratch, row_bytes);
    taken.boosts = take(scratch, classes * sizeof(double));
    taken.likely_class = take(scratch, classes * sizeof(int));
    taken.u = take(scratch, likely_bytes);
    taken.log_u = take(scratch, likely_bytes);
    taken.likely_product = take(scratch, likely_bytes);
    taken.quotient = take(scratch, likely_bytes);
    taken.size = take(scratch, likely_bytes);
    taken.likely_a = take(scratch, likely_bytes);
    taken.likely_b = take(scratch, likely_bytes);
    taken.a = take(scratch, likely_bytes);
    taken.b = take(scratch, likely_bytes);
    taken.unlikely_product = take(scratch, polynomial_bytes);
    taken.all = take(scratch, polynomial_bytes);
    taken.unlikely_a = take(scratch, polynomial_bytes);
    taken.unlikely_b = take(scratch, polynomial_bytes);
    taken.d = take(scratch, polynomial_bytes);
    taken.loops = take(scratch, 26 * polynomial_bytes); /* three times 8 lanes, and 2 */
    return taken;
}

size_t smooth_topk_narrow_gap_scratch(int classes, int k)
{
    char *end = NULL;
    take_gap_scratch(&end, classes, k);
    return (uintptr_t)end;
}

/* ---- the classes ---- */

/* A row with the odds of its classes: the unlikely ones' in s.odds, the likely ones' u in s.u. */
typedef struct {
    soft_row *row;
    const soft_loops *loops;
    int k, classes, likely;
    float center;     /* the score below the gap */
    double per_score; /* z = (score - center) per_score */
    double tilt, log_tilt;
    gap_scratch s;
} tilted_row;

/* A common factor on all odds, relative to the score below the gap: one that puts 1 in the middle
   of a gap, or one for which about k classes are expected; for small k without a gap none is
   needed. */
static double find_tilt(const tilted_row *t, double sum, double gap)
{
    int k = t->k;
    if (k <= SMOOTH_TOPK_SMALL_K || gap > 5) return gap > 1 ? exp(-gap / 2) : 1;
    smooth_topk_tilt tilt = smooth_topk_first_tilt(t->classes, k, sum);
    for (int step = 0; step < SMOOTH_TOPK_TILT_STEPS; ++step) {
        double rho = exp(tilt.log_rho), expected, variance;
        t->loops->expectation(t->s.odds, t->classes, rho, &expected, &variance);
        for (int i = 0; i <= k; ++i) {
            if (!(t->s.log_u[i] < 0)) continue;
            double chosen = rho / (rho + exp(t->s.log_u[i]));
            expected += chosen;
            variance += chosen * (1 - chosen);
        }
        if (smooth_topk_next_tilt(&tilt, k, expected - 0.5, variance)) break;
    }
    return exp(tilt.log_rho);
}

/* The odds of all classes relative to the center, and the tilt. */
static void weigh_classes(tilted_row *t, double gap)
{
    const soft_row *row = t->row;
    double sum = smooth_topk_exponentials(row->set, row->scores, t->classes, t->center,
                                          soft_row_rate(row), t->s.odds);
    for (int i = 0; i <= t->k; ++i) /* < 0: above the center */
        t->s.log_u[i] = -((double)row->top_scores[i] - t->center) * t->per_score;
    t->tilt = find_tilt(t, sum, gap);
    t->log_tilt = log(t->tilt);
}

static void add_likely_class(tilted_row *t, int class_index, double u)
{
    t->s.likely_class[t->likely] = class_index;
    t->s.u[t->likely++] = u;
}

/* Lists the likely classes, whose odds and weights become 0 among the others, and tilts the odds of
   the others. */
static void set_likely_apart(tilted_row *t)
{
    const gap_scratch *s = &t->s;
    soft_row *row = t->row;
    for (int i = 0; i <= t->k; ++i) {
        if (!(s->log_u[i] < 0)) continue;
        if (s->log_u[i] >= t->log_tilt)
            s->odds[row->top[i]] = (float)exp(-s->log_u[i]); /* tilted below, with the others */
        else
            add_likely_class(t, row->top[i], exp(s->log_u[i] - t->log_tilt));
    }
    for (int i = 0; t->tilt != 1 && i < t->classes; ++i) {
        double odds = s->odds[i] * t->tilt;
        s->odds[i] = odds > 1 ? 0 : (float)odds;
        if (odds > 1) add_likely_class(t, i, 1 / odds);
    }
    for (int h = 0; h < t->likely; ++h) {
        s->likely_weight[h] = row->weights[s->likely_class[h]];
        row->weights[s->likely_class[h]] = 0;
    }
}

static void multiply_all_factors(tilted_row *t)
{
    const gap_scratch *s = &t->s;
    t->loops->product(s->odds, t->classes, s->loops, s->unlikely_product, t->k);
    smooth_topk_monic_product(s->u, t->likely, s->likely_product);
    for (int j = 0; j <= t->k; ++j)
        s->all[j] =
            smooth_topk_coefficient(s->likely_product, t->likely, s->unlikely_product, t->k, j);
}

/* ---- the labels ---- */

/* exp(alpha_i/tau) of every label. What LARGEST_BOOST cuts off is added to the loss. */
static void boost_labels(tilted_row *t)
{
    soft_row *row = t->row;
    for (int i = 0; i < t->classes; ++i) {
        double exponent = boost_exponent(row, i);
        t->s.boosts[i] = exp(fmin(exponent, LARGEST_BOOST));
        row->loss += row->weights[i] * fmax(0, exponent - LARGEST_BOOST);
    }
}

/* Loss and own gradient of every unlikely label, and their sums A and B. */
static void add_unlikely_labels(tilted_row *t, float *grad)
{
    const gap_scratch *s = &t->s;
    soft_row *row = t->row;
    double exponent = boost_exponent(row, 0);
    soft_labels labels = {.count = t->classes,
                          .odds = s->odds,
                          .weights = row->weights,
                          .scores = row->scores,
                          .boosts = row->margins ? s->boosts : NULL,
                          .boost = exp(fmin(exponent, LARGEST_BOOST)),
                          .center = t->center,
                          .per_score = t->per_score,
                          .unlikely = s->unlikely_product,
                          .all = s->all,
                          .sum_a = s->unlikely_a,
                          .sum_b = s->unlikely_b,
                          .grad = grad};
    if (row->margins) boost_labels(t);
    t->loops->labels(&labels, s->loops, t->k);
    if (!row->margins) row->loss += labels.total * fmax(0, exponent - LARGEST_BOOST);
    row->loss += labels.loss - labels.total * t->log_tilt;
}

/* Divides the product of the likely classes' factors by (u + x). */
static void divide_out(const double *product, int count, double u, double *quotient)
{
    double coefficient = 0;
    for (int i = count - 1; i >= 0; --i)
        quotient[i] = coefficient = product[i + 1] - u * coefficient;
}

/* softplus(q) of likely label h and, in *sigmoid, its slope; ratio: that of the coefficients k and
   k - 1 of P_h. */
static double likely_label_loss(const tilted_row *t, int h, double ratio, double *sigmoid)
{
    const soft_row *row = t->row;
    int label = t->s.likely_class[h];
    double exponent = boost_exponent(row, label);
    if (exponent <= LARGEST_BOOST && t->s.u[h] > 1e-100) { /* e^q is a number */
        double odds = exp(exponent) * t->s.u[h] * ratio;
        *sigmoid = odds / (1 + odds);
        return log1p(odds);
    }
    double q = exponent + log(ratio) - ((double)row->scores[label] - t->center) * t->per_score -
               t->log_tilt;
    *sigmoid = smooth_topk_sigmoid(q);
    return smooth_topk_softplus(q);
}

/* Loss and own gradient of every likely label, and their sums A and B. */
static void add_likely_labels(tilted_row *t)
{
    const gap_scratch *s = &t->s;
    int k = t->k, likely = t->likely;
    for (int i = 0; i <= likely; ++i) s->likely_a[i] = s->likely_b[i] = 0;
    for (int h = 0; h < likely; ++h) {
        double weight = t->row->weights[s->likely_class[h]] = s->likely_weight[h], sigmoid;
        s->size[h] = s->a[h] = s->b[h] = 0;
        if (weight == 0) continue;
        divide_out(s->likely_product, likely, s->u[h], s->quotient);
        double all_k = smooth_topk_coefficient(s->quotient, likely - 1, s->unlikely_product, k, k);
        double all_k1 =
            smooth_topk_coefficient(s->quotient, likely - 1, s->unlikely_product, k, k - 1);
        double loss = likely_label_loss(t, h, all_k / all_k1, &sigmoid);
        s->size[h] = weight * sigmoid / k;
        s->a[h] = s->size[h] / all_k;
        s->b[h] = s->size[h] / all_k1;
        t->row->loss += weight * loss;
        for (int i = 0; i < likely; ++i) {
            s->likely_a[i] += s->a[h] * s->quotient[i];
            s->likely_b[i] += s->b[h] * s->quotient[i];
        }
    }
}

/* ---- the gradient ---- */

/* Of the unlikely classes: one polynomial in their odds, from A and B. */
static void write_unlikely_gradient(const tilted_row *t, float *grad)
{
    const gap_scratch *s = &t->s;
    int k = t->k, likely = t->likely;
    for (int m = 0; m < k; ++m) {
        int j = k - 1 - m;
        s->d[m] = smooth_topk_coefficient(s->likely_product, likely, s->unlikely_a, k, j) +
                  smooth_topk_coefficient(s->likely_a, likely - 1, s->unlikely_product, k, j);
        if (j == 0) continue;
        s->d[m] -= smooth_topk_coefficient(s->likely_product, likely, s->unlikely_b, k, j - 1) +
                   smooth_topk_coefficient(s->likely_b, likely - 1, s->unlikely_product, k, j - 1);
    }
    t->loops->gradient(s->odds, t->classes, s->d, grad, k);
}

/* Of the likely classes: each divides out its own factor from the high end. */
static void write_likely_gradient(const tilted_row *t, float *grad)
{
    const gap_scratch *s = &t->s;
    int k = t->k, likely = t->likely;
    for (int h = 0; h < likely; ++h) {
        double u = s->u[h], quotient_a = 0, quotient_b = 0;
        divide_out(s->likely_product, likely, u, s->quotient);
        double left_out_k = smooth_topk_coefficient(s->quotient, likely - 1, s->unlikely_a, k, k);
        double left_out_k1 =
            smooth_topk_coefficient(s->quotient, likely - 1, s->unlikely_b, k, k - 1);
        for (int i = likely - 2; i >= 0; --i) { /* what the other likely labels add */
            quotient_a = s->likely_a[i + 1] - s->a[h] * s->quotient[i + 1] - u * quotient_a;
            quotient_b = s->likely_b[i + 1] - s->b[h] * s->quotient[i + 1] - u * quotient_b;
            if (i <= k) left_out_k += quotient_a * s->unlikely_product[k - i];
            if (i <= k - 1) left_out_k1 += quotient_b * s->unlikely_product[k - 1 - i];
        }
        grad[s->likely_class[h]] = (float)(u * (left_out_k1 - left_out_k) - s->size[h]);
    }
}

void smooth_topk_narrow_gap(soft_row *row, double gap, float *grad, char *scratch)
{
    int k = row->params->k, classes = row->classes;
    double tau = row->params->tau;
    tilted_row t = {.row = row, .k = k, .classes = classes};
    t.loops = SIMD_CHOOSE(loops, row->set);
    t.center = row->below;
    t.per_score = 1 / (k * tau);
    t.s = take_gap_scratch(&scratch, classes, k);
    weigh_classes(&t, gap);
    set_likely_apart(&t);
    multiply_all_factors(&t);
    add_unlikely_labels(&t, grad);
    add_likely_labels(&t);
    write_unlikely_gradient(&t, grad);
    write_likely_gradient(&t, grad);
}
