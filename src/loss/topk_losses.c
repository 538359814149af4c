/* The other top-k losses of the field: one sample. */
#include "topk_losses.h"
#include "multilabel_losses.h"
#include "smooth_topk_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

const char *topk_loss_name(topk_loss_type type)
{
    static const char *const names[] = {"entropy",
                                        "truncated_entropy",
                                        "hinge_alpha",
                                        "hinge_beta",
                                        "calibrated_hinge",
                                        "lml",
                                        "lapsum",
                                        "l2svm",
                                        "gce",
                                        "multilabel_hinge",
                                        "multilabel_entropy"};
    return (unsigned)type < TOPK_LOSS_TYPES ? names[type] : NULL;
}

int topk_loss_check(const topk_loss_params *params, int classes)
{
    if (!params || classes < 2) return SMOOTH_TOPK_ERROR_SIZE;
    if (!topk_loss_name(params->type)) return SMOOTH_TOPK_ERROR_ALGORITHM;
    if (params->k < 1 || params->k >= classes) return SMOOTH_TOPK_ERROR_K;
    unsigned bits = bits_of(params->tau);
    if ((bits & BITS_PLUS_INF) == BITS_PLUS_INF || !(params->tau > 0)) return SMOOTH_TOPK_ERROR_TAU;
    if (params->type == TOPK_LOSS_GCE && !(params->q > 0 && params->q <= 1))
        return SMOOTH_TOPK_ERROR_Q;
    return SMOOTH_TOPK_OK;
}

typedef struct {
    int class;
    float score;
} ranked;

/* A sample without NaN or +inf whose label's score is finite. */
typedef struct {
    const topk_loss_params *params;
    int classes;
    const float *scores;
    int label;
    const ranked *top; /* the largest scores but the label's, in falling order */
    float *grad;       /* 0 before */
    double *terms;     /* room for classes numbers */
} sample;

static int by_score(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->class < b->class ? -1 : a->class > b->class;
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double sigmoid(double x)
{
    return x > 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

static int is_finite(float x)
{
    return (bits_of(x) & BITS_PLUS_INF) != BITS_PLUS_INF;
}

/* terms[j] = exp(s_j - s) for the classes but the label and the `without` best, 0 for those; s is
   the largest of these scores, which is finite. Returns the sum. */
static double exponentials(const sample *of, int without)
{
    double sum = 0, s = of->top[without].score;
    for (int j = 0; j < of->classes; ++j)
        of->terms[j] = is_finite(of->scores[j]) ? exp(of->scores[j] - s) : 0;
    of->terms[of->label] = 0;
    for (int i = 0; i < without; ++i) of->terms[of->top[i].class] = 0;
    for (int j = 0; j < of->classes; ++j) sum += of->terms[j];
    return sum;
}

/* grad[j] += factor terms[j]. */
static void add_terms(const sample *of, double factor)
{
    for (int j = 0; j < of->classes; ++j) of->grad[j] += (float)(factor * of->terms[j]);
}

/* S_u = Z exp(-max_M a) is at least k - u where u is the one; S_{u-1} = 1 + S_u exp(x_{u+1} - x_u).
 */
static double entropy(const sample *of)
{
    int k = of->params->k, u = k - 1, found = k - 1;
    double label = of->scores[of->label], sum = exponentials(of, k - 1), found_sum = sum;
    while (u > 0) {
        sum = 1 + sum * exp((double)of->top[u].score - (double)of->top[u - 1].score);
        --u;
        if (sum < k - u) continue;
        found = u;
        found_sum = sum;
    }
    double largest = of->top[found].score - label, b = 0;
    for (int i = 0; i < found; ++i) b += of->top[i].score - label;
    b += (k - found) * (largest + log(found_sum / (k - found)));
    double x = b / k + log(k), s = sigmoid(x);
    /* What exponentials() has counted from x_k on counts from x_{found+1} on; the rest is new. */
    double factor = s * (k - found) / k / found_sum;
    add_terms(of, factor * exp((double)of->top[k - 1].score - (double)of->top[found].score));
    for (int i = 0; i < k - 1; ++i)
        of->grad[of->top[i].class] =
            (float)(i < found ? s / k
                              : factor * exp((double)of->top[i].score - of->top[found].score));
    of->grad[of->label] = (float)-s;
    return softplus(x);
}

static double truncated_entropy(const sample *of)
{
    int k = of->params->k;
    double sum = exponentials(of, k - 1);
    double x = (double)of->top[k - 1].score - of->scores[of->label] + log(sum);
    add_terms(of, sigmoid(x) / sum);
    of->grad[of->label] = (float)-sigmoid(x);
    return softplus(x);
}

static double hinge_alpha(const sample *of)
{
    int k = of->params->k;
    double sum = 0;
    for (int i = 0; i < k; ++i) sum += 1 + (double)of->top[i].score - of->scores[of->label];
    if (!(sum > 0)) return 0;
    for (int i = 0; i < k; ++i) of->grad[of->top[i].class] = 1.f / (float)k;
    of->grad[of->label] = -1;
    return sum / k;
}

static double hinge_beta(const sample *of)
{
    int k = of->params->k, i = 0;
    double sum = 0, h;
    for (; i < k && is_finite(of->top[i].score); ++i) {
        h = 1 + (double)of->top[i].score - of->scores[of->label];
        if (!(h > 0)) break;
        sum += h;
        of->grad[of->top[i].class] = 1.f / (float)k;
    }
    of->grad[of->label] = -(float)i / (float)k;
    return sum / k;
}

/* s_[k+1] is the k-th of the others where the label is among the k best of all, else the next of
   the others, or the label itself. */
static double calibrated_hinge(const sample *of)
{
    int k = of->params->k;
    float label = of->scores[of->label];
    const ranked *next = of->top + k - 1;
    if (label < next->score) {
        ++next;
        if (k + 1 >= of->classes || next->score < label) return 1;
    }
    double h = 1 + (double)next->score - label;
    if (!(h > 0)) return 0;
    of->grad[next->class] = 1;
    of->grad[of->label] = -1;
    return h;
}

/* p_j of lml and lapsum. */
static double chosen(const sample *of, double x)
{
    if (of->params->type == TOPK_LOSS_LML) return sigmoid(x);
    return x < 0 ? exp(x) / 2 : 1 - exp(-x) / 2;
}

/* dp/dx, from p. */
static double chosen_slope(const sample *of, double p)
{
    return of->params->type == TOPK_LOSS_LML ? p * (1 - p) : fmin(p, 1 - p);
}

/* nu between two bounds that close in; Newton's steps where they stay between. Scores are taken
   relative to `zero`, so that nu has its digits where the sum changes. */
static double find_nu(const sample *of, double zero, double low, double high)
{
    double tau = of->params->tau, k = of->params->k, nu = (low + high) / 2;
    for (int i = 0; i < 200 && high - low > 1e-13 * (1 + fabs(nu)); ++i) {
        double sum = 0, slope = 0;
        for (int j = 0; j < of->classes; ++j) {
            if (!is_finite(of->scores[j])) continue;
            double p = chosen(of, (of->scores[j] - zero) / tau + nu);
            sum += p;
            slope += chosen_slope(of, p);
        }
        if (sum < k)
            low = nu;
        else
            high = nu;
        double next = slope > 0 ? nu - (sum - k) / slope : low;
        if (fabs(next - nu) <= 1e-15 * (1 + fabs(nu))) return next;
        nu = next > low && next < high ? next : (low + high) / 2;
    }
    return nu;
}

/* lml and lapsum: they differ in p_j only. */
static double sum_of_k(const sample *of)
{
    int k = of->params->k, n = of->classes, is_lml = of->params->type == TOPK_LOSS_LML;
    double tau = of->params->tau, label = of->scores[of->label];
    /* Of all scores: the k-th largest and the next. */
    double kth = of->top[k - 1].score, next = k + 1 < n ? of->top[k].score : label;
    if (label > kth) {
        next = kth;
        kth = k > 1 && of->top[k - 2].score < label ? of->top[k - 2].score : label;
    } else if (label > next || k + 1 >= n) {
        next = label;
    }
    /* Below the first bound the k-th and all after it sum to less than 1, above the second the k+1
       best to more than k. */
    double nu = find_nu(of, kth, -log(n), (kth - next) / tau + log(k + 1));
    double least = DBL_MAX, sum = 0;
    for (int j = 0; j < n; ++j) {
        double t = fabs((of->scores[j] - kth) / tau + nu);
        of->terms[j] = is_finite(of->scores[j]) ? t : DBL_MAX;
        if (of->terms[j] < least) least = of->terms[j];
    }
    /* dp/dx relative to the largest: of lml p (1 - p) = e^-t / (1 + e^-t)^2, of lapsum e^-t / 2. */
    for (int j = 0; j < n; ++j) {
        double t = of->terms[j], one = is_lml ? 1 + exp(-t) : 1;
        of->terms[j] = is_finite(of->scores[j]) ? exp(least - t) / (one * one) : 0;
        sum += of->terms[j];
    }
    /* The factor is dp/dx / p at the label. */
    double t = (label - kth) / tau + nu, factor = 1 / tau, loss = log(2) - t;
    if (is_lml) {
        factor = sigmoid(-t) / tau;
        loss = softplus(-t);
    } else if (t > 0) {
        factor = 1 / (2 * exp(t) - 1) / tau;
        loss = -log1p(-exp(-t) / 2);
    }
    add_terms(of, factor / sum);
    of->grad[of->label] = (float)(factor * (of->terms[of->label] / sum - 1));
    return loss;
}

/* p_y = sigmoid(-x), 1 - p_y = sigmoid(x). */
static double gce(const sample *of)
{
    double q = of->params->q, sum = exponentials(of, 0);
    double x = (double)of->top[0].score - of->scores[of->label] + log(sum);
    double log_power = -q * softplus(x), factor = exp(log_power) * sigmoid(x);
    add_terms(of, factor / sum);
    of->grad[of->label] = (float)-factor;
    return -expm1(log_power) / q;
}

static double l2svm(const sample *of)
{
    double sum = 0;
    for (int j = 0; j < of->classes; ++j) {
        double sign = j == of->label ? 1 : -1, h = 1 - sign * of->scores[j];
        if (!is_finite(of->scores[j]) || !(h > 0)) continue;
        sum += h * h;
        of->grad[j] = (float)(-2 * sign * h);
    }
    return sum;
}

/* ---- a sample ---- */

typedef struct {
    int *class;
    float *score, *maxima;
    ranked *top;
    double *terms;
} parts;

/* One more than k, where there is one: calibrated_hinge and lml look at the next. */
static int count_of_top(const topk_loss_params *params, int classes)
{
    return params->k + 1 < classes ? params->k + 1 : params->k;
}

static parts take_parts(char **scratch, const topk_loss_params *params, int classes)
{
    size_t count = (size_t)count_of_top(params, classes), n = (size_t)classes;
    parts taken = {take(scratch, count * sizeof(int)), take(scratch, count * sizeof(float)),
                   take(scratch, n * sizeof(float)), take(scratch, count * sizeof(ranked)),
                   take(scratch, n * sizeof(double))};
    return taken;
}

size_t topk_loss_scratch(const topk_loss_params *params, int classes)
{
    char *end = NULL;
    take_parts(&end, params, classes);
    return (uintptr_t)end;
}

void topk_loss_of_label(const topk_loss_params *params, int classes, const float *scores, int label,
                        float *loss, float *grad, void *scratch)
{
    static double (*const formulas[])(const sample *) = {
        entropy,  truncated_entropy, hinge_alpha, hinge_beta, calibrated_hinge,
        sum_of_k, sum_of_k,          l2svm,       gce,        NULL,
        NULL};
    char *at = scratch;
    parts p = take_parts(&at, params, classes);
    int count = count_of_top(params, classes);
    if (is_multilabel_loss(params->type)) {
        smooth_topk_fill(p.maxima, classes, 0);
        p.maxima[label] = 1;
        multilabel_loss_of_row(params->type, classes, scores, p.maxima, loss, grad);
        return;
    }
    if (smooth_topk_find_top(scores, classes, label, count, p.class, p.score, p.maxima)) {
        *loss = float_of(BITS_NAN);
        smooth_topk_fill(grad, classes, *loss);
        return;
    }
    for (int i = 0; i < count; ++i) p.top[i] = (ranked){p.class[i], p.score[i]};
    qsort(p.top, (size_t)count, sizeof *p.top, by_score);
    smooth_topk_fill(grad, classes, 0);
    sample of = {params, classes, scores, label, p.top, grad, p.terms};
    int without_k = params->type == TOPK_LOSS_L2SVM || params->type == TOPK_LOSS_HINGE_BETA ||
                    (params->type == TOPK_LOSS_GCE && is_finite(p.top[0].score));
    if (!is_finite(scores[label]))
        *loss = params->type == TOPK_LOSS_GCE ? 1 / params->q : float_of(BITS_PLUS_INF);
    else if (!is_finite(p.top[params->k - 1].score) && !without_k)
        *loss = 0;
    else
        *loss = (float)formulas[params->type](&of);
}
