/* The loss of one label on one row of scores: the selection that all terms share, their sum, the
 * special cases, the hard hinge. */
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"

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

/* The term with the largest k, whose selection serves them all. */
static int largest_k(const smooth_topk_term *terms, int count)
{
    int k = 0;
    for (int j = 0; j < count; ++j)
        if (terms[j].params.k > k) k = terms[j].params.k;
    return k;
}

typedef struct {
    int *top, *top_of_term, *place; /* place: in top, of a term's own largest scores */
    float *top_scores, *top_scores_of_term, *grad_of_term;
    char *rest; /* an algorithm's, or the selection's before that */
} label_scratch;

static label_scratch take_label_scratch(char **scratch, const smooth_topk_term *terms, int count,
                                        int classes)
{
    int k = largest_k(terms, count), several = count > 1;
    label_scratch taken;
    taken.top = take(scratch, k * sizeof(int));
    taken.top_scores = take(scratch, k * sizeof(float));
    taken.top_of_term = take(scratch, several * k * sizeof(int));
    taken.top_scores_of_term = take(scratch, several * k * sizeof(float));
    taken.place = take(scratch, several * k * sizeof(int));
    taken.grad_of_term = take(scratch, several * classes * sizeof(float));
    taken.rest = *scratch;
    return taken;
}

size_t smooth_topk_label_scratch(const smooth_topk_term *terms, int count, int classes)
{
    char *end = NULL;
    size_t most = 0;
    take_label_scratch(&end, terms, count, classes);
    for (int j = 0; j < count; ++j) {
        int k = terms[j].params.k;
        size_t of_algorithm = terms[j].params.algorithm == SMOOTH_TOPK_LOG
                                  ? smooth_topk_log_scratch(classes, k)
                                  : smooth_topk_pivot_scratch(classes, k);
        if (of_algorithm > most) most = of_algorithm;
    }
    return (uintptr_t)end + aligned(most);
}

/* Loss and gradient of a sample without NaN or +inf, whose k largest scores are known. */
static void one_term(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch)
{
    const smooth_topk_params *params = sample->params;
    if (smooth_topk_is_minus_inf(bits_of(sample->scores[sample->label]))) {
        *loss = float_of(BITS_PLUS_INF);
        smooth_topk_fill(grad, sample->classes, 0);
    } else if (smooth_topk_is_minus_inf(bits_of(sample->pivot))) {
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

/* The k to select from term j on: j's, or that of a later term that cannot do without either. */
static int k_to_select(const smooth_topk_term *terms, int count, int j)
{
    int k = terms[j].params.k;
    for (int i = j + 1; i < count; ++i)
        if (smooth_topk_needs_selection(&terms[i].params) && terms[i].params.k > k)
            k = terms[i].params.k;
    return k;
}

/* The largest scores of a term's own k are among those selected. */
static void take_top(smooth_topk_sample *sample, int selected, const label_scratch *scratch)
{
    int k = sample->params->k;
    sample->top = scratch->top;
    sample->top_scores = scratch->top_scores;
    if (k < selected) {
        smooth_topk_find_top(scratch->top_scores, selected, selected, k, scratch->place,
                             scratch->top_scores_of_term, (float *)(void *)scratch->rest);
        for (int i = 0; i < k; ++i) scratch->top_of_term[i] = scratch->top[scratch->place[i]];
        sample->top = scratch->top_of_term;
        sample->top_scores = scratch->top_scores_of_term;
    }
    sample->pivot = sample->top_scores[0];
}

void smooth_topk_of_label(const smooth_topk_term *terms, int count, int classes,
                          const float *scores, int label, float margin, float *loss, float *grad,
                          char *scratch)
{
    label_scratch parts = take_label_scratch(&scratch, terms, count, classes);
    int selected = 0;
    double sum = 0;
    for (int j = 0; j < count; ++j) {
        smooth_topk_params params = terms[j].params;
        smooth_topk_sample sample = {
            .params = &params, .classes = classes, .scores = scores, .label = label};
        float loss_of_term, weight = terms[j].weight;
        float *to = grad && j > 0 ? parts.grad_of_term : grad;
        params.alpha *= margin;
        if (smooth_topk_needs_selection(&params) ||
            !smooth_topk_without_selection(&params, classes, scores, label, &loss_of_term, to,
                                           parts.rest)) {
            if (params.k > selected) {
                selected = k_to_select(terms, count, j);
                if (smooth_topk_find_top(scores, classes, label, selected, parts.top,
                                         parts.top_scores, (float *)(void *)parts.rest)) {
                    *loss = float_of(BITS_NAN);
                    smooth_topk_fill(grad, classes, float_of(BITS_NAN));
                    return;
                }
            }
            take_top(&sample, selected, &parts);
            one_term(&sample, &loss_of_term, to, parts.rest);
        }
        sum += (double)weight * loss_of_term;
        if (j > 0)
            for (int i = 0; grad && i < classes; ++i) grad[i] += weight * to[i];
        else if (weight != 1)
            for (int i = 0; grad && i < classes; ++i) grad[i] *= weight;
    }
    *loss = (float)sum;
}
