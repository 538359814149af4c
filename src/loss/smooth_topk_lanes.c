/* Rows side by side, one in each lane of a vector. The method is that of smooth_topk_pivot.c, with
   the largest score as the pivot, above which there is no class: nothing need be selected. Where
   the products cancel too much with it, which is seen before the gradient, the rows are done again
   with the k-th largest as the pivot: the k largest scores of a lane are kept sorted, and each
   score is put in. A row has the same numbers whichever rows it is computed with. */
#include "smooth_topk_lanes.h"
#include "integers.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_exp.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_scratch.h"
#include "smooth_topk_small_k.h"

/* Longer rows cost as much one by one. */
#define LONGEST_ROW 1024

/* The largest cancellation with which the largest score is taken as the pivot: so far off, digits
   are lost that the k-th largest as pivot keeps. */
#define LARGEST_SUM_AT_LARGEST 8

#define MOST_LANES SMOOTH_TOPK_MOST_LANES
#define SMALL_K SMOOTH_TOPK_SMALL_K

/* Numbers of the lanes stand together: number i of lane l at [i * lanes + l]. */
typedef struct {
    const smooth_topk_term *term;
    int classes, is_first;     /* is_first: nothing is in grad before */
    int has_heavy;             /* whether there may be classes above the pivot */
    const float *scores, *top; /* top: k falling scores; the last is the pivot */
    const float *label_scores, *margins, *factors; /* of each lane; factors: of the gradient */
    float *u;            /* classes, filled up to a square; may be scores or grad */
    float *grad;         /* classes */
    float *coefficients; /* k, of the gradient of a light class */
    int wants_gradient;
    double *loss, *size; /* added to: weight L_j, and minus the label's gradient */
    float *cancellation; /* S of each lane */
    int *heavy_class;    /* of the largest score, the next, ..: those above the pivot */
    float *heavy_grad;   /* their gradients */
} lane_term;

/* The loops over rows side by side, for one instruction set. */
typedef struct {
    int lanes;
    void (*put_together)(const float *const *rows, int classes, float *scores, int *bad);
    void (*select)(const float *scores, int classes, int k, float *top);
    void (*evaluate)(const lane_term *term);
    void (*add)(const lane_term *term);
    void (*part)(const lane_term *term, float *const *rows, int count);
} lane_loops;

#define LOOPS_FILE "smooth_topk_lanes_simd.h"
#include "each_instruction_set.h"

int smooth_topk_lanes(const smooth_topk_terms *terms)
{
    if (terms->classes > LONGEST_ROW) return 0;
    for (int j = 0; j < terms->count; ++j) {
        const smooth_topk_params *params = &terms->terms[j].params;
        if (params->algorithm != SMOOTH_TOPK_PIVOT || params->k > SMALL_K ||
            smooth_topk_is_hinge(params->tau) || smooth_topk_rate(params->k, params->tau) < 1e-30)
            return 0;
    }
    return SIMD_CHOOSE(loops, terms->set)->lanes;
}

typedef struct {
    float *scores, *grad, *u, *largest, *top, *coefficients, *heavy_grad;
    int *heavy_class, *largest_is_pivot; /* the latter: of each term and lane */
} lane_scratch;

/* The last term needs the scores no longer: its u takes their place. The first one's u takes that
   of its gradient. Squares of vectors are moved, so the last is filled up. */
static lane_scratch take_lane_scratch(char **scratch, const smooth_topk_terms *terms, int lanes)
{
    size_t vector = (size_t)lanes * sizeof(float);
    size_t size = (size_t)(terms->classes + lanes - 1) / (size_t)lanes * (size_t)lanes * vector;
    lane_scratch taken;
    taken.scores = take(scratch, size);
    taken.grad = terms->count > 1 ? take(scratch, size) : NULL;
    taken.u = terms->count > 2 ? take(scratch, size) : NULL;
    taken.largest = take(scratch, SMALL_K * vector);
    taken.top = take(scratch, SMALL_K * vector);
    taken.coefficients = take(scratch, SMALL_K * vector);
    taken.heavy_grad = take(scratch, SMALL_K * vector);
    taken.heavy_class = take(scratch, SMALL_K * vector);
    taken.largest_is_pivot = take(scratch, (size_t)terms->count * (size_t)lanes * sizeof(int));
    return taken;
}

size_t smooth_topk_lanes_scratch(const smooth_topk_terms *terms)
{
    char *end = NULL;
    int lanes = smooth_topk_lanes(terms);
    if (lanes == 0) return 0;
    take_lane_scratch(&end, terms, lanes);
    return (size_t)(uintptr_t)end;
}

/* Lanes without a row of their own take the first row. */
static void fill_lanes(smooth_topk_lane_rows *rows, int lanes)
{
    for (int lane = rows->count; lane < lanes; ++lane) {
        rows->scores[lane] = rows->scores[0];
        rows->labels[lane] = rows->labels[0];
        rows->margins[lane] = rows->margins[0];
        rows->loss_factors[lane] = rows->loss_factors[0];
        rows->gradient_factors[lane] = rows->gradient_factors[0];
    }
}

static int largest_k(const smooth_topk_terms *terms)
{
    int k = 1;
    for (int j = 0; j < terms->count; ++j)
        if (terms->terms[j].params.k > k) k = terms->terms[j].params.k;
    return k;
}

/* Marks the rows in which two heavy classes are equal: a heavy class is found by its score. Whether
   the gradient is wanted or not, so that the loss is the same to the bit. */
static void mark_equal_classes(const lane_term *term, int lanes, int *alone)
{
    int k = term->term->params.k;
    const float *pivot = term->top + (k - 1) * lanes;
    for (int j = 0; j < k - 1; ++j) {
        const float *score = term->top + j * lanes;
        for (int lane = 0; lane < lanes; ++lane)
            alone[lane] |= score[lane] > pivot[lane] && score[lane] == score[lane + lanes];
    }
}

/* Adds the gradients of the heavy classes, for which u is 0: to those of the term, or of the rows.
 */
static void add_heavy_gradients(const lane_term *term, int lanes, const smooth_topk_lane_rows *rows)
{
    int k = term->term->params.k;
    const float *pivot = term->top + (k - 1) * lanes;
    for (int j = 0; j < k - 1; ++j) {
        const float *score = term->top + j * lanes;
        for (int lane = 0; lane < (rows ? rows->count : lanes); ++lane) {
            if (!(score[lane] > pivot[lane])) continue;
            int class = term->heavy_class[j * lanes + lane];
            float *gradient = rows ? rows->grad[lane] + class : term->grad + class * lanes + lane;
            *gradient += term->heavy_grad[j * lanes + lane];
        }
    }
}

/* A label's score does not count, and is handed back. */
static void take_label_scores(const smooth_topk_lane_rows *rows, int lanes, float *scores,
                              float *label_scores)
{
    for (int lane = 0; lane < lanes; ++lane) {
        float *score = scores + rows->labels[lane] * lanes + lane;
        label_scores[lane] = *score;
        *score = float_from_bits(BITS_MINUS_INF);
    }
}

/* Rows side by side. */
typedef struct {
    const smooth_topk_terms *terms;
    const lane_loops *loops;
    smooth_topk_lane_rows *rows;
    lane_scratch scratch;
} lane_group;

/* The k largest scores of each lane for term j, or k times the largest. */
static void take_top(const lane_group *group, int j)
{
    int lanes = group->loops->lanes, k = group->terms->terms[j].params.k;
    const lane_scratch *s = &group->scratch;
    const int *largest_is_pivot = s->largest_is_pivot + j * lanes;
    for (int i = 0; i < k; ++i)
        for (int lane = 0; lane < lanes; ++lane)
            s->top[i * lanes + lane] = s->largest[largest_is_pivot[lane] ? lane : i * lanes + lane];
}

/* Marks the rows for which the products of term j cancel too much. Returns whether there is one. */
static int mark_cancellation(const lane_group *group, const lane_term *term, int j)
{
    int lanes = group->loops->lanes, any = 0;
    for (int lane = 0; lane < lanes; ++lane) {
        int *alone = group->rows->alone + lane;
        int is_largest = group->scratch.largest_is_pivot[j * lanes + lane];
        float bound = is_largest ? LARGEST_SUM_AT_LARGEST : SMOOTH_TOPK_LARGEST_SUM;
        if (*alone || term->cancellation[lane] <= bound) continue;
        any = 1;
        if (term->has_heavy)
            *alone = 1;
        else
            group->scratch.largest_is_pivot[j * lanes + lane] = 0;
    }
    if (term->has_heavy) mark_equal_classes(term, lanes, group->rows->alone);
    return any;
}

/* The factors of rows with heavy classes come last, when all is added up. */
static void finish_rows(const lane_group *group, const lane_term *term)
{
    const smooth_topk_lane_rows *rows = group->rows;
    for (int lane = 0; lane < rows->count; ++lane) {
        float factor = rows->gradient_factors[lane], *grad = rows->grad[lane];
        *rows->loss[lane] = (float)term->loss[lane] * rows->loss_factors[lane];
        if (!grad) continue;
        for (int i = 0; term->has_heavy && i < term->classes; ++i) grad[i] *= factor;
        grad[rows->labels[lane]] = (float)-term->size[lane] * factor;
    }
}

/* Returns 0 if has_heavy is 0 and a row needs it to be 1: the products cancel if its largest score
   is the pivot. */
static int evaluate_group(const lane_group *group, int has_heavy)
{
    const smooth_topk_terms *terms = group->terms;
    const lane_loops *loops = group->loops;
    smooth_topk_lane_rows *rows = group->rows;
    const lane_scratch *s = &group->scratch;
    int lanes = loops->lanes, last = terms->count - 1, fails = 0;
    float label_scores[MOST_LANES], cancellation[MOST_LANES];
    float ones[MOST_LANES];
    double loss[MOST_LANES] = {0}, size[MOST_LANES] = {0};
    lane_term term = {.classes = terms->classes,
                      .has_heavy = has_heavy,
                      .scores = s->scores,
                      .top = s->top,
                      .label_scores = label_scores,
                      .margins = rows->margins,
                      .factors = has_heavy ? ones : rows->gradient_factors,
                      .grad = s->grad,
                      .coefficients = s->coefficients,
                      .wants_gradient = rows->grad[0] != NULL,
                      .loss = loss,
                      .size = size,
                      .cancellation = cancellation,
                      .heavy_class = s->heavy_class,
                      .heavy_grad = s->heavy_grad};
    for (int lane = 0; lane < lanes; ++lane) ones[lane] = 1;
    loops->put_together(rows->scores, terms->classes, s->scores, rows->alone);
    take_label_scores(rows, lanes, s->scores, label_scores);
    loops->select(s->scores, terms->classes, has_heavy ? largest_k(terms) : 1, s->largest);
    for (int j = 0; j <= last; ++j) {
        term.term = terms->terms + j;
        term.is_first = j == 0;
        term.u = j == last ? s->scores : j == 0 ? s->grad : s->u;
        take_top(group, j);
        loops->evaluate(&term);
        fails |= mark_cancellation(group, &term, j) && !has_heavy;
        if (fails || !term.wants_gradient) continue;
        if (j < last)
            loops->add(&term);
        else
            loops->part(&term, rows->grad, rows->count);
        if (has_heavy) add_heavy_gradients(&term, lanes, j < last ? NULL : rows);
    }
    if (!fails) finish_rows(group, &term);
    return !fails;
}

void smooth_topk_of_lanes(const smooth_topk_terms *terms, smooth_topk_lane_rows *rows,
                          char *scratch)
{
    lane_group group = {.terms = terms, .loops = SIMD_CHOOSE(loops, terms->set), .rows = rows};
    group.scratch = take_lane_scratch(&scratch, terms, group.loops->lanes);
    int lanes = group.loops->lanes;
    for (int i = 0; i < terms->count * lanes; ++i) group.scratch.largest_is_pivot[i] = 1;
    fill_lanes(rows, lanes);
    if (!evaluate_group(&group, 0)) evaluate_group(&group, 1);
}
