/* The loss of one label for one row of scores: the selection that all terms share, their sum, the
   special cases, the hard hinge. */
#include "smooth_topk_label.h"
#include "smooth_topk_any_k.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_fill.h"
#include "smooth_topk_log.h"
#include "smooth_topk_pivot.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_select.h"

/* ---- scratch ---- */

typedef struct {
    int *top, *term_top, *place; /* place: in top, of a term's own largest scores */
    float *top_scores, *term_top_scores, *term_grad;
    char *rest; /* an algorithm's, or the selection's before that */
} label_scratch;

static int largest_k(const smooth_topk_terms *terms)
{
    int k = 0;
    for (int j = 0; j < terms->count; ++j)
        if (terms->terms[j].params.k > k) k = terms->terms[j].params.k;
    return k;
}

static label_scratch take_label_scratch(char **scratch, const smooth_topk_terms *terms)
{
    int k = largest_k(terms), several = terms->count > 1;
    label_scratch taken;
    taken.top = take(scratch, k * sizeof(int));
    taken.top_scores = take(scratch, k * sizeof(float));
    taken.term_top = take(scratch, several * k * sizeof(int));
    taken.term_top_scores = take(scratch, several * k * sizeof(float));
    taken.place = take(scratch, several * k * sizeof(int));
    taken.term_grad = take(scratch, several * terms->classes * sizeof(float));
    taken.rest = *scratch;
    return taken;
}

size_t smooth_topk_label_scratch(const smooth_topk_terms *terms)
{
    char *end = NULL;
    size_t most = 0;
    take_label_scratch(&end, terms);
    for (int j = 0; j < terms->count; ++j) {
        int k = terms->terms[j].params.k;
        size_t bytes = terms->terms[j].params.algorithm == SMOOTH_TOPK_LOG
                           ? smooth_topk_log_scratch(terms->set, terms->classes, k)
                           : smooth_topk_pivot_scratch(terms->classes, k);
        if (bytes > most) most = bytes;
    }
    return (uintptr_t)end + aligned(most);
}

/* ---- a sample whose largest scores are known ---- */

/* The subgradient is that of the first class whose score is the k-th largest. */
static void hard_hinge(const smooth_topk_sample *sample, float *loss, float *grad)
{
    int k = sample->params->k, pivot_class = 0;
    while (pivot_class == sample->label || sample->scores[pivot_class] != sample->pivot)
        ++pivot_class;
    double hinge =
        smooth_topk_hinge(sample->pivot, sample->scores[sample->label], k, sample->params->alpha);
    *loss = hinge > 0 ? (float)hinge : 0;
    smooth_topk_fill(grad, sample->classes, 0);
    if (!grad || !(hinge > 0)) return;
    grad[pivot_class] = 1.f / k;
    grad[sample->label] = -1.f / k;
}

static void evaluate_with_top(const smooth_topk_sample *sample, float *loss, float *grad,
                              char *scratch)
{
    const smooth_topk_params *params = sample->params;
    if (smooth_topk_is_minus_inf(float_bits(sample->scores[sample->label]))) {
        *loss = float_from_bits(BITS_PLUS_INF);
        smooth_topk_fill(grad, sample->classes, 0);
    } else if (smooth_topk_is_minus_inf(float_bits(sample->pivot))) {
        *loss = 0;
        smooth_topk_fill(grad, sample->classes, 0);
    } else if (smooth_topk_is_hinge(params->tau)) {
        hard_hinge(sample, loss, grad);
    } else if (params->algorithm == SMOOTH_TOPK_LOG) {
        smooth_topk_by_log(sample, loss, grad, scratch);
    } else {
        smooth_topk_by_pivot(sample, loss, grad, scratch);
    }
}

/* ---- a row ---- */

/* A row, and how many of its largest scores are known so far. */
typedef struct {
    const smooth_topk_terms *terms;
    const float *scores;
    int label, selected;
    label_scratch scratch;
} labelled_row;

/* The k to select for term j: its own, or the largest of the later terms that need a selection too,
   so that one selection serves them all. */
static int k_to_select(const smooth_topk_terms *terms, int j)
{
    int k = terms->terms[j].params.k;
    for (int i = j + 1; i < terms->count; ++i) {
        const smooth_topk_params *params = &terms->terms[i].params;
        if (smooth_topk_needs_selection(params) && params->k > k) k = params->k;
    }
    return k;
}

/* Finds the largest scores for term j unless they are known. Returns -1 if a score is NaN or +inf.
 */
static int select_for_term(labelled_row *row, int j)
{
    const smooth_topk_terms *terms = row->terms;
    label_scratch *scratch = &row->scratch;
    if (terms->terms[j].params.k <= row->selected) return 0;
    row->selected = k_to_select(terms, j);
    return smooth_topk_find_top(terms->set, row->scores, terms->classes, row->label, row->selected,
                                scratch->top, scratch->top_scores, (float *)(void *)scratch->rest);
}

/* The largest scores of a term's own k are among those selected. */
static void take_top(smooth_topk_sample *sample, const labelled_row *row)
{
    const label_scratch *scratch = &row->scratch;
    int k = sample->params->k, selected = row->selected;
    sample->top = scratch->top;
    sample->top_scores = scratch->top_scores;
    if (k < selected) {
        smooth_topk_find_top(sample->set, scratch->top_scores, selected, selected, k,
                             scratch->place, scratch->term_top_scores,
                             (float *)(void *)scratch->rest);
        for (int i = 0; i < k; ++i) scratch->term_top[i] = scratch->top[scratch->place[i]];
        sample->top = scratch->term_top;
        sample->top_scores = scratch->term_top_scores;
    }
    sample->pivot = sample->top_scores[0];
}

/* Loss and gradient of term j, whose parameters for this row are given. Returns -1 if a score is
   NaN or +inf. */
static int evaluate_term(labelled_row *row, int j, const smooth_topk_params *params, float *loss,
                         float *grad)
{
    const smooth_topk_terms *terms = row->terms;
    char *scratch = row->scratch.rest;
    smooth_topk_sample sample = {.params = params,
                                 .set = terms->set,
                                 .classes = terms->classes,
                                 .scores = row->scores,
                                 .label = row->label};
    if (!smooth_topk_needs_selection(params) &&
        smooth_topk_without_selection(&sample, loss, grad, scratch))
        return 0;
    if (select_for_term(row, j)) return -1;
    take_top(&sample, row);
    evaluate_with_top(&sample, loss, grad, scratch);
    return 0;
}

void smooth_topk_of_label(const smooth_topk_terms *terms, const float *scores, int label,
                          float margin, float *loss, float *grad, char *scratch)
{
    labelled_row row = {.terms = terms, .scores = scores, .label = label};
    row.scratch = take_label_scratch(&scratch, terms);
    double sum = 0;
    for (int j = 0; j < terms->count; ++j) {
        smooth_topk_params params = terms->terms[j].params;
        float term_loss, weight = terms->terms[j].weight;
        float *term_grad = grad && j > 0 ? row.scratch.term_grad : grad;
        params.alpha *= margin;
        if (evaluate_term(&row, j, &params, &term_loss, term_grad)) {
            *loss = float_from_bits(BITS_NAN);
            smooth_topk_fill(grad, terms->classes, float_from_bits(BITS_NAN));
            return;
        }
        sum += (double)weight * term_loss;
        if (j > 0)
            for (int i = 0; grad && i < terms->classes; ++i) grad[i] += weight * term_grad[i];
        else if (weight != 1)
            for (int i = 0; grad && i < terms->classes; ++i) grad[i] *= weight;
    }
    *loss = (float)sum;
}
