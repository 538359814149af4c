/* The loss of a row with several labels, of all terms: at once where a term allows it, else as a
   sum over the labels. */
#include "smooth_topk_soft.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_fill.h"
#include "smooth_topk_narrow_gap.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_select.h"
#include "smooth_topk_wide_gap.h"

/* ---- scratch ---- */

typedef struct {
    int *top; /* k + 1 */
    float *top_scores;
    float *maxima; /* of the selection; then the weights of a row with scores of -inf */
    float *finite_scores;
    char *rest; /* of the way through the gap */
} soft_scratch;

static soft_scratch take_soft_scratch(char **scratch, int classes, int k)
{
    soft_scratch taken;
    taken.top = take(scratch, (k + 1) * sizeof(int));
    taken.top_scores = take(scratch, (k + 1) * sizeof(float));
    taken.maxima = take(scratch, classes * sizeof(float));
    taken.finite_scores = take(scratch, classes * sizeof(float));
    taken.rest = *scratch;
    return taken;
}

static size_t term_scratch(const smooth_topk_terms *term)
{
    int classes = term->classes, k = term->terms->params.k;
    char *end = NULL;
    take_soft_scratch(&end, classes, k);
    size_t at_once = (uintptr_t)end + smooth_topk_narrow_gap_scratch(classes, k);
    size_t one_by_one = aligned(classes * sizeof(float)) + smooth_topk_label_scratch(term);
    return at_once > one_by_one ? at_once : one_by_one;
}

/* Term j alone. */
static smooth_topk_terms single_term(const smooth_topk_terms *terms, int j)
{
    smooth_topk_terms term = *terms;
    term.terms += j;
    term.count = 1;
    return term;
}

size_t smooth_topk_labels_scratch(const smooth_topk_terms *terms)
{
    size_t most = 0;
    for (int j = 0; j < terms->count; ++j) {
        smooth_topk_terms term = single_term(terms, j);
        size_t bytes = term_scratch(&term);
        if (bytes > most) most = bytes;
    }
    return (terms->count > 1) * aligned(terms->classes * sizeof(float)) + most;
}

/* ---- the sum over the labels: the hard hinge, and algorithm log ---- */

static void label_by_label(const smooth_topk_terms *terms, int j, const float *scores,
                           const float *weights, const float *margins, double *loss, float *grad,
                           char *scratch)
{
    int classes = terms->classes;
    float *label_grad = take(&scratch, classes * sizeof(float)), label_loss;
    smooth_topk_term unweighted = {terms->terms[j].params, 1};
    smooth_topk_terms term = {&unweighted, 1, classes, terms->set};
    *loss = 0;
    smooth_topk_fill(grad, classes, 0);
    for (int label = 0; label < classes; ++label) {
        if (weights[label] == 0) continue;
        smooth_topk_of_label(&term, scores, label, margins ? margins[label] : 1, &label_loss,
                             label_grad, scratch);
        *loss += (double)weights[label] * label_loss;
        for (int i = 0; i < classes; ++i) grad[i] += weights[label] * label_grad[i];
    }
}

/* ---- all labels at once ---- */

int smooth_topk_can_be_at_once(const smooth_topk_params *params)
{
    return params->algorithm == SMOOTH_TOPK_PIVOT && !smooth_topk_is_hinge(params->tau) &&
           (double)params->k * params->tau <= 1e30;
}

static void by_gap(soft_row *row, float *grad, char *scratch)
{
    double gap = ((double)row->above - row->below) / ((double)row->params->k * row->params->tau);
    row->loss = 0;
    if (gap > WIDE_GAP)
        smooth_topk_wide_gap(row, grad, (float *)(void *)scratch);
    else
        smooth_topk_narrow_gap(row, gap, grad, scratch);
}

/* The same for a row that may have scores of -inf: the loss of such a label is +inf, its gradient
   0, and to others it is a class that cannot be chosen. Returns what they add to the loss. */
static double without_minus_inf(soft_row *row, const soft_scratch *s, float *grad)
{
    double infinite = 0;
    for (int i = 0; i < row->classes; ++i) {
        int bad = smooth_topk_is_minus_inf(float_bits(row->scores[i]));
        if (bad && row->weights[i] != 0)
            infinite += row->weights[i] * (double)float_from_bits(BITS_PLUS_INF);
        s->finite_scores[i] = bad ? -FLT_MAX : row->scores[i];
        s->maxima[i] = bad ? 0 : row->weights[i];
    }
    row->scores = s->finite_scores;
    row->weights = s->maxima; /* which the selection no longer needs */
    row->loss = 0;
    if (smooth_topk_is_minus_inf(float_bits(row->below))) /* every label is among the k: loss 0 */
        smooth_topk_fill(grad, row->classes, 0);
    else
        by_gap(row, grad, s->rest);
    return infinite;
}

static double at_once(soft_row *row, const soft_scratch *s, float *grad)
{
    double infinite = 0;
    row->above = s->top_scores[1];
    for (int i = 2; i <= row->params->k; ++i)
        if (s->top_scores[i] < row->above) row->above = s->top_scores[i];
    row->below = s->top_scores[0];
    int finite = !smooth_topk_is_minus_inf(float_bits(row->below));
    if (finite) by_gap(row, grad, s->rest);
    /* A score of -inf is no number in the sum of the losses. */
    if (!finite || !(fabs(row->loss) <= DBL_MAX)) infinite = without_minus_inf(row, s, grad);
    return infinite + row->params->tau * row->loss;
}

/* ---- the terms ---- */

/* Loss and gradient of term j, without its weight. Returns -1 if a score is NaN or +inf. */
static int one_term(const smooth_topk_terms *terms, int j, const float *scores, float *weights,
                    const float *margins, double *loss, float *grad, char *scratch)
{
    const smooth_topk_params *params = &terms->terms[j].params;
    int classes = terms->classes;
    char *begin = scratch;
    soft_scratch s = take_soft_scratch(&scratch, classes, params->k);
    if (smooth_topk_find_top(terms->set, scores, classes, classes, params->k + 1, s.top,
                             s.top_scores, s.maxima))
        return -1;
    soft_row row = {.params = params,
                    .set = terms->set,
                    .classes = classes,
                    .scores = scores,
                    .weights = weights,
                    .margins = margins,
                    .top = s.top,
                    .top_scores = s.top_scores};
    if (smooth_topk_can_be_at_once(params))
        *loss = at_once(&row, &s, grad);
    else
        label_by_label(terms, j, scores, weights, margins, loss, grad, begin);
    return 0;
}

void smooth_topk_of_labels(const smooth_topk_terms *terms, const float *scores, float *weights,
                           const float *margins, float *loss, float *grad, char *scratch)
{
    int classes = terms->classes;
    double sum = 0, term_loss;
    float *later_grad = terms->count > 1 ? take(&scratch, classes * sizeof(float)) : grad;
    for (int j = 0; j < terms->count; ++j) {
        float *term_grad = j == 0 ? grad : later_grad, weight = terms->terms[j].weight;
        if (one_term(terms, j, scores, weights, margins, &term_loss, term_grad, scratch)) {
            *loss = float_from_bits(BITS_NAN);
            smooth_topk_fill(grad, classes, *loss);
            return;
        }
        sum += weight * term_loss;
        if (j > 0)
            for (int i = 0; i < classes; ++i) grad[i] += weight * term_grad[i];
        else if (weight != 1)
            for (int i = 0; i < classes; ++i) grad[i] *= weight;
    }
    *loss = (float)sum;
}
