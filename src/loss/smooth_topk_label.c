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

static void several_terms(const smooth_topk_term *terms, int count, smooth_topk_sample sample,
                          float margin, float *loss, float *grad, label_scratch scratch)
{
    int classes = sample.classes, most = largest_k(terms, count);
    double sum = 0;
    for (int j = 0; j < count; ++j) {
        smooth_topk_params params = terms[j].params;
        float loss_of_term, *grad_of_term = j == 0 ? grad : scratch.grad_of_term;
        params.alpha *= margin;
        sample.params = &params;
        sample.top = scratch.top;
        sample.top_scores = scratch.top_scores;
        if (params.k < most) { /* they are among the largest of the largest k */
            smooth_topk_find_top(scratch.top_scores, most, most, params.k, scratch.place,
                                 scratch.top_scores_of_term, (float *)(void *)scratch.rest);
            for (int i = 0; i < params.k; ++i)
                scratch.top_of_term[i] = scratch.top[scratch.place[i]];
            sample.top = scratch.top_of_term;
            sample.top_scores = scratch.top_scores_of_term;
        }
        sample.pivot = sample.top_scores[0];
        one_term(&sample, &loss_of_term, grad ? grad_of_term : NULL, scratch.rest);
        sum += (double)terms[j].weight * loss_of_term;
        for (int i = 0; grad && i < classes; ++i)
            grad[i] = (j == 0 ? 0 : grad[i]) + terms[j].weight * grad_of_term[i];
    }
    *loss = (float)sum;
}

void smooth_topk_of_label(const smooth_topk_term *terms, int count, int classes,
                          const float *scores, int label, float margin, float *loss, float *grad,
                          char *scratch)
{
    label_scratch parts = take_label_scratch(&scratch, terms, count, classes);
    int k = largest_k(terms, count), plain = count == 1 && terms->weight == 1 && margin == 1;
    if (plain && terms->params.algorithm == SMOOTH_TOPK_PIVOT &&
        smooth_topk_without_selection(&terms->params, classes, scores, label, loss, grad,
                                      parts.rest))
        return;
    if (smooth_topk_find_top(scores, classes, label, k, parts.top, parts.top_scores,
                             (float *)(void *)parts.rest)) {
        *loss = float_of(BITS_NAN);
        smooth_topk_fill(grad, classes, float_of(BITS_NAN));
        return;
    }
    smooth_topk_sample sample = {&terms->params,      classes,   scores,          label,
                                 parts.top_scores[0], parts.top, parts.top_scores};
    if (plain)
        one_term(&sample, loss, grad, parts.rest);
    else
        several_terms(terms, count, sample, margin, loss, grad, parts);
}
