/* Membership probabilities on the CPU; the method is in the header. */
#include "smooth_topk_membership.h"

#include "smooth_topk_fill.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_select.h"
#include "smooth_topk_tilt.h"

#include <math.h>

/* Scratch of a row. */
typedef struct {
    double *p;         /* classes: the probability to come in */
    double *likely;    /* classes + 1: that j of the likely classes do */
    double *unlikely;  /* k + 1: of the others */
    double *counts;    /* k + 1: of all */
    int *top;          /* k: the classes of the largest scores */
    float *top_scores; /* k, the least of them first */
    float *maxima;     /* classes */
} membership_scratch;

static membership_scratch cut_scratch(char **space, int classes, int k)
{
    membership_scratch s;
    s.p = take(space, (size_t)classes * sizeof(double));
    s.likely = take(space, ((size_t)classes + 1) * sizeof(double));
    s.unlikely = take(space, ((size_t)k + 1) * sizeof(double));
    s.counts = take(space, ((size_t)k + 1) * sizeof(double));
    s.top = take(space, (size_t)k * sizeof(int));
    s.top_scores = take(space, (size_t)k * sizeof(float));
    s.maxima = take(space, (size_t)classes * sizeof(float));
    return s;
}

size_t smooth_topk_membership_workspace_size(int classes, int k)
{
    char *space = NULL;
    cut_scratch(&space, classes, k);
    return (size_t)(uintptr_t)space + ALIGNMENT;
}

/* Fills p at this tilt, log(rho); scores are seen from the k-th largest, `pivot`. Returns how many
   classes are expected, and the variance of that. */
static double expect(const float *scores, int classes, double pivot, double temperature,
                     double tilt, double *p, double *variance)
{
    double expected = 0;
    *variance = 0;
    for (int i = 0; i < classes; ++i) {
        p[i] = smooth_topk_entry_probability(scores[i], pivot, temperature, tilt);
        expected += p[i];
        *variance += p[i] * (1 - p[i]);
    }
    return expected;
}

/* Fills p such that about k classes are expected. */
static void choose_tilt(const float *scores, int classes, int k, double temperature, double pivot,
                        double *p)
{
    double variance;
    smooth_topk_tilt tilt = smooth_topk_first_tilt(classes, k, 0);
    for (int step = 0; step < SMOOTH_TOPK_TILT_STEPS; ++step) {
        double expected = expect(scores, classes, pivot, temperature, tilt.log_rho, p, &variance);
        if (smooth_topk_next_tilt(&tilt, k, expected, variance)) break;
    }
}

/* counts[j], the probability that j classes come in, with one more class; what is beyond `most` is
   left out. Returns the new degree. */
static int add_class(double *counts, int degree, int most, double p)
{
    if (degree < most) counts[++degree] = 0;
    for (int j = degree; j > 0; --j) counts[j] += p * (counts[j - 1] - counts[j]);
    counts[0] -= p * counts[0];
    return degree;
}

static void membership_of_row(int classes, int k, double temperature, const float *scores,
                              float *output, const membership_scratch *s)
{
    int likely = 0, unlikely = 0;
    int bad = smooth_topk_find_top(best_instruction_set(), scores, classes, classes, k, s->top,
                                   s->top_scores, s->maxima);
    if (bad || smooth_topk_is_minus_inf(float_bits(s->top_scores[0]))) {
        smooth_topk_fill(output, classes, float_from_bits(BITS_NAN));
        return;
    }
    choose_tilt(scores, classes, k, temperature, (double)s->top_scores[0], s->p);
    s->likely[0] = s->unlikely[0] = 1;
    for (int i = 0; i < classes; ++i) {
        if (s->p[i] > 0.5)
            likely = add_class(s->likely, likely, classes, s->p[i]);
        else if (s->p[i] > 0)
            unlikely = add_class(s->unlikely, unlikely, k, s->p[i]);
    }
    for (int j = unlikely + 1; j <= k; ++j) s->unlikely[j] = 0;
    for (int j = 0; j <= k; ++j) {
        s->counts[j] = 0;
        for (int h = 0; h <= j && h <= likely; ++h)
            s->counts[j] += s->likely[h] * s->unlikely[j - h];
    }
    for (int i = 0; i < classes; ++i)
        output[i] =
            (float)(s->p[i] > 0.5 ? smooth_topk_likely_membership(s->p[i], s->likely, likely,
                                                                  s->unlikely, k, s->counts[k])
                                  : smooth_topk_unlikely_membership(s->p[i], s->counts, k));
}

void smooth_topk_membership_cpu(int batch, int classes, int k, float temperature,
                                const float *scores, float *output, void *workspace)
{
    char *space = (char *)(((uintptr_t)workspace + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    const membership_scratch scratch = cut_scratch(&space, classes, k);
    for (int b = 0; b < batch; ++b)
        membership_of_row(classes, k, (double)temperature, scores + (size_t)b * classes,
                          output + (size_t)b * classes, &scratch);
}
