/* The other top-k losses of the field: one sample. */
#include "topk_losses.h"
#include "finite.h"
#include "multilabel_losses.h"
#include "smooth_topk.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_fill.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_select.h"

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
    if (!is_finite(params->tau) || !(params->tau > 0)) return SMOOTH_TOPK_ERROR_TAU;
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
} loss_sample;

static int by_score(const void *left, const void *right)
{
    const ranked *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->class < b->class ? -1 : a->class > b->class;
}

/* terms[j] = exp(s_j - s) for the classes but the label and the `without` best, 0 for those; s is
   the largest of these scores, which is finite. Returns the sum. */
static double exponentials(const loss_sample *sample, int without)
{
    double sum = 0, s = sample->top[without].score;
    for (int j = 0; j < sample->classes; ++j)
        sample->terms[j] = is_finite(sample->scores[j]) ? exp(sample->scores[j] - s) : 0;
    sample->terms[sample->label] = 0;
    for (int i = 0; i < without; ++i) sample->terms[sample->top[i].class] = 0;
    for (int j = 0; j < sample->classes; ++j) sum += sample->terms[j];
    return sum;
}

/* grad[j] += factor terms[j]. */
static void add_terms(const loss_sample *sample, double factor)
{
    for (int j = 0; j < sample->classes; ++j) sample->grad[j] += (float)(factor * sample->terms[j]);
}

/* S_u = Z exp(-max_M a) is at least k - u where u is the one; S_{u-1} = 1 + S_u exp(x_{u+1} - x_u).
 */
static double entropy(const loss_sample *sample)
{
    int k = sample->params->k, u = k - 1, found = k - 1;
    double label = sample->scores[sample->label], sum = exponentials(sample, k - 1),
           found_sum = sum;
    while (u > 0) {
        sum = 1 + sum * exp((double)sample->top[u].score - (double)sample->top[u - 1].score);
        --u;
        if (sum < k - u) continue;
        found = u;
        found_sum = sum;
    }
    double largest = sample->top[found].score - label, b = 0;
    for (int i = 0; i < found; ++i) b += sample->top[i].score - label;
    b += (k - found) * (largest + log(found_sum / (k - found)));
    double x = b / k + log(k), s = smooth_topk_sigmoid(x);
    /* What exponentials() has counted from x_k on counts from x_{found+1} on; the rest is new. */
    double factor = s * (k - found) / k / found_sum;
    add_terms(sample,
              factor * exp((double)sample->top[k - 1].score - (double)sample->top[found].score));
    for (int i = 0; i < k - 1; ++i)
        sample->grad[sample->top[i].class] =
            (float)(i < found
                        ? s / k
                        : factor * exp((double)sample->top[i].score - sample->top[found].score));
    sample->grad[sample->label] = (float)-s;
    return smooth_topk_softplus(x);
}

static double truncated_entropy(const loss_sample *sample)
{
    int k = sample->params->k;
    double sum = exponentials(sample, k - 1);
    double x = (double)sample->top[k - 1].score - sample->scores[sample->label] + log(sum);
    add_terms(sample, smooth_topk_sigmoid(x) / sum);
    sample->grad[sample->label] = (float)-smooth_topk_sigmoid(x);
    return smooth_topk_softplus(x);
}

static double hinge_alpha(const loss_sample *sample)
{
    int k = sample->params->k;
    double sum = 0;
    for (int i = 0; i < k; ++i)
        sum += 1 + (double)sample->top[i].score - sample->scores[sample->label];
    if (!(sum > 0)) return 0;
    for (int i = 0; i < k; ++i) sample->grad[sample->top[i].class] = 1.f / (float)k;
    sample->grad[sample->label] = -1;
    return sum / k;
}

static double hinge_beta(const loss_sample *sample)
{
    int k = sample->params->k, i = 0;
    double sum = 0, h;
    for (; i < k && is_finite(sample->top[i].score); ++i) {
        h = 1 + (double)sample->top[i].score - sample->scores[sample->label];
        if (!(h > 0)) break;
        sum += h;
        sample->grad[sample->top[i].class] = 1.f / (float)k;
    }
    sample->grad[sample->label] = -(float)i / (float)k;
    return sum / k;
}

/* s_[k+1] is the k-th of the others where the label is among the k best of all, else the next of
   the others, or the label itself. */
static double calibrated_hinge(const loss_sample *sample)
{
    int k = sample->params->k;
    float label = sample->scores[sample->label];
    const ranked *next = sample->top + k - 1;
    if (label < next->score) {
        ++next;
        if (k + 1 >= sample->classes || next->score < label) return 1;
    }
    double h = 1 + (double)next->score - label;
    if (!(h > 0)) return 0;
    sample->grad[next->class] = 1;
    sample->grad[sample->label] = -1;
    return h;
}

/* p_j of lml and lapsum. */
static double chosen(const loss_sample *sample, double x)
{
    if (sample->params->type == TOPK_LOSS_LML) return smooth_topk_sigmoid(x);
    return x < 0 ? exp(x) / 2 : 1 - exp(-x) / 2;
}

/* dp/dx, from p. */
static double chosen_slope(const loss_sample *sample, double p)
{
    return sample->params->type == TOPK_LOSS_LML ? p * (1 - p) : fmin(p, 1 - p);
}

/* nu between two bounds that close in; Newton's steps where they stay between. Scores are taken
   relative to `zero`, so that nu has its digits where the sum changes. */
static double find_nu(const loss_sample *sample, double zero, double low, double high)
{
    double tau = sample->params->tau, k = sample->params->k, nu = (low + high) / 2;
    for (int i = 0; i < 200 && high - low > 1e-13 * (1 + fabs(nu)); ++i) {
        double sum = 0, slope = 0;
        for (int j = 0; j < sample->classes; ++j) {
            if (!is_finite(sample->scores[j])) continue;
            double p = chosen(sample, (sample->scores[j] - zero) / tau + nu);
            sum += p;
            slope += chosen_slope(sample, p);
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
static double sum_of_k(const loss_sample *sample)
{
    int k = sample->params->k, n = sample->classes, is_lml = sample->params->type == TOPK_LOSS_LML;
    double tau = sample->params->tau, label = sample->scores[sample->label];
    /* Of all scores: the k-th largest and the next. */
    double kth = sample->top[k - 1].score, next = k + 1 < n ? sample->top[k].score : label;
    if (label > kth) {
        next = kth;
        kth = k > 1 && sample->top[k - 2].score < label ? sample->top[k - 2].score : label;
    } else if (label > next || k + 1 >= n) {
        next = label;
    }
    /* Below the first bound the k-th and all after it sum to less than 1, above the second the k+1
       best to more than k. */
    double nu = find_nu(sample, kth, -log(n), (kth - next) / tau + log(k + 1));
    double least = DBL_MAX, sum = 0;
    for (int j = 0; j < n; ++j) {
        double t = fabs((sample->scores[j] - kth) / tau + nu);
        sample->terms[j] = is_finite(sample->scores[j]) ? t : DBL_MAX;
        if (sample->terms[j] < least) least = sample->terms[j];
    }
    /* dp/dx relative to the largest: of lml p (1 - p) = e^-t / (1 + e^-t)^2, of lapsum e^-t / 2. */
    for (int j = 0; j < n; ++j) {
        double t = sample->terms[j], one = is_lml ? 1 + exp(-t) : 1;
        sample->terms[j] = is_finite(sample->scores[j]) ? exp(least - t) / (one * one) : 0;
        sum += sample->terms[j];
    }
    /* The factor is dp/dx / p at the label. */
    double t = (label - kth) / tau + nu, factor = 1 / tau, loss = log(2) - t;
    if (is_lml) {
        factor = smooth_topk_sigmoid(-t) / tau;
        loss = smooth_topk_softplus(-t);
    } else if (t > 0) {
        factor = 1 / (2 * exp(t) - 1) / tau;
        loss = -log1p(-exp(-t) / 2);
    }
    add_terms(sample, factor / sum);
    sample->grad[sample->label] = (float)(factor * (sample->terms[sample->label] / sum - 1));
    return loss;
}

/* p_y = sigmoid(-x), 1 - p_y = sigmoid(x). */
static double gce(const loss_sample *sample)
{
    double q = sample->params->q, sum = exponentials(sample, 0);
    double x = (double)sample->top[0].score - sample->scores[sample->label] + log(sum);
    double log_power = -q * smooth_topk_softplus(x),
           factor = exp(log_power) * smooth_topk_sigmoid(x);
    add_terms(sample, factor / sum);
    sample->grad[sample->label] = (float)-factor;
    return -expm1(log_power) / q;
}

static double l2svm(const loss_sample *sample)
{
    double sum = 0;
    for (int j = 0; j < sample->classes; ++j) {
        double sign = j == sample->label ? 1 : -1, h = 1 - sign * sample->scores[j];
        if (!is_finite(sample->scores[j]) || !(h > 0)) continue;
        sum += h * h;
        sample->grad[j] = (float)(-2 * sign * h);
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
    static double (*const formulas[])(const loss_sample *) = {
        entropy,  truncated_entropy, hinge_alpha, hinge_beta, calibrated_hinge,
        sum_of_k, sum_of_k,          l2svm,       gce,        NULL,
        NULL};
    char *rest = scratch;
    parts p = take_parts(&rest, params, classes);
    int count = count_of_top(params, classes);
    if (is_multilabel_loss(params->type)) {
        smooth_topk_fill(p.maxima, classes, 0);
        p.maxima[label] = 1;
        multilabel_loss_of_row(params->type, classes, scores, p.maxima, loss, grad);
        return;
    }
    if (smooth_topk_find_top(best_instruction_set(), scores, classes, label, count, p.class,
                             p.score, p.maxima)) {
        *loss = float_from_bits(BITS_NAN);
        smooth_topk_fill(grad, classes, *loss);
        return;
    }
    for (int i = 0; i < count; ++i) p.top[i] = (ranked){p.class[i], p.score[i]};
    qsort(p.top, (size_t)count, sizeof *p.top, by_score);
    smooth_topk_fill(grad, classes, 0);
    loss_sample sample = {params, classes, scores, label, p.top, grad, p.terms};
    int without_k = params->type == TOPK_LOSS_L2SVM || params->type == TOPK_LOSS_HINGE_BETA ||
                    (params->type == TOPK_LOSS_GCE && is_finite(p.top[0].score));
    if (!is_finite(scores[label]))
        *loss = params->type == TOPK_LOSS_GCE ? 1 / params->q : float_from_bits(BITS_PLUS_INF);
    else if (!is_finite(p.top[params->k - 1].score) && !without_k)
        *loss = 0;
    else
        *loss = (float)formulas[params->type](&sample);
}
