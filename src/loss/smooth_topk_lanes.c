/* Rows side by side, one in each lane of a vector. The method is that of smooth_topk_pivot.c, but
   for the selection: the k largest scores of a lane are kept sorted, and each score is put in. */
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

#define MOST_LANES SMOOTH_TOPK_MOST_LANES
#define SMALL_K SMOOTH_TOPK_SMALL_K

/* Numbers of the lanes stand together: number i of lane l at [i * lanes + l]. */
typedef struct {
    const smooth_topk_term *term;
    int classes, is_first;               /* is_first: grad is written, else added to */
    const float *scores, *top;           /* top: the largest scores, falling */
    const float *label_scores, *margins; /* of each lane */
    float *u;                            /* classes; may be scores or grad */
    float *grad;                         /* classes; may be scores */
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
    void (*part)(const float *together, int classes, const float *factors, float *const *rows,
                 int count);
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
    float *scores, *grad, *u, *top, *heavy_grad;
    int *heavy_class;
} lane_scratch;

/* The last term needs the scores no longer: its u takes their place. The first one's u takes that
   of its gradient. Squares of vectors are moved, so the last is filled up. */
static lane_scratch take_lane_scratch(char **scratch, const smooth_topk_terms *terms, int lanes)
{
    size_t vector = (size_t)lanes * sizeof(float);
    size_t size = (size_t)(terms->classes + lanes - 1) / (size_t)lanes * (size_t)lanes * vector;
    lane_scratch taken;
    taken.scores = take(scratch, size);
    taken.grad = terms->count > 1 ? take(scratch, size) : taken.scores;
    taken.u = terms->count > 2 ? take(scratch, size) : NULL;
    taken.top = take(scratch, SMALL_K * vector);
    taken.heavy_grad = take(scratch, SMALL_K * vector);
    taken.heavy_class = take(scratch, SMALL_K * vector);
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

/* Adds the gradients of the heavy classes, for which u is 0. */
static void add_heavy_gradients(const lane_term *term, int lanes)
{
    int k = term->term->params.k;
    const float *pivot = term->top + (k - 1) * lanes;
    for (int j = 0; j < k - 1; ++j) {
        const float *score = term->top + j * lanes;
        for (int lane = 0; lane < lanes; ++lane) {
            if (!(score[lane] > pivot[lane])) continue;
            term->grad[term->heavy_class[j * lanes + lane] * lanes + lane] +=
                term->heavy_grad[j * lanes + lane];
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

void smooth_topk_of_lanes(const smooth_topk_terms *terms, smooth_topk_lane_rows *rows,
                          char *scratch)
{
    const lane_loops *loops = SIMD_CHOOSE(loops, terms->set);
    int lanes = loops->lanes, last = terms->count - 1;
    lane_scratch s = take_lane_scratch(&scratch, terms, lanes);
    float label_scores[MOST_LANES], cancellation[MOST_LANES];
    double loss[MOST_LANES] = {0}, size[MOST_LANES] = {0};
    lane_term term = {.classes = terms->classes,
                      .scores = s.scores,
                      .top = s.top,
                      .label_scores = label_scores,
                      .margins = rows->margins,
                      .grad = s.grad,
                      .wants_gradient = rows->grad[0] != NULL,
                      .loss = loss,
                      .size = size,
                      .cancellation = cancellation,
                      .heavy_class = s.heavy_class,
                      .heavy_grad = s.heavy_grad};
    fill_lanes(rows, lanes);
    loops->put_together(rows->scores, terms->classes, s.scores, rows->alone);
    take_label_scores(rows, lanes, s.scores, label_scores);
    loops->select(s.scores, terms->classes, largest_k(terms), s.top);
    for (int j = 0; j <= last; ++j) {
        term.term = terms->terms + j;
        term.is_first = j == 0;
        term.u = j == last ? s.scores : j == 0 ? s.grad : s.u;
        loops->evaluate(&term);
        for (int lane = 0; lane < lanes; ++lane)
            rows->alone[lane] |= !(cancellation[lane] <= SMOOTH_TOPK_LARGEST_SUM);
        mark_equal_classes(&term, lanes, rows->alone);
        if (term.wants_gradient) add_heavy_gradients(&term, lanes);
    }
    for (int lane = 0; lane < rows->count; ++lane) {
        *rows->loss[lane] = (float)loss[lane] * rows->loss_factors[lane];
        s.grad[rows->labels[lane] * lanes + lane] = (float)-size[lane];
    }
    if (term.wants_gradient)
        loops->part(s.grad, terms->classes, rows->gradient_factors, rows->grad, rows->count);
}
