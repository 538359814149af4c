/* The k largest scores of a sample but the label's: in short rows by counting, else by a heap with
   the least of them on top. */
#include "smooth_topk_select.h"
#include "integers.h"
#include "smooth_topk_bits.h"

/* The most vectors of a row that is short. */
#define SHORT_ROW 16

/* The loops over all scores, for one instruction set. */
typedef struct {
    int lanes; /* floats in a vector */
    int (*lane_maxima)(const float *scores, int vectors, float *maxima);
    int (*top_of_short_row)(const float *scores, int classes, int label, int k, int *top,
                            float *top_scores);
} selection_loops;

#define LOOPS_FILE "smooth_topk_select_simd.h"
#include "each_instruction_set.h"

/* Moves the hole at the root of a heap of k down to where `score` belongs, and returns it. */
static int sift_down(int *top, float *top_scores, int k, float score)
{
    int hole = 0;
    for (int child = 1; child < k; child = 2 * hole + 1) {
        if (child + 1 < k && top_scores[child + 1] < top_scores[child]) ++child;
        if (top_scores[child] >= score) break;
        top_scores[hole] = top_scores[child];
        top[hole] = top[child];
        hole = child;
    }
    return hole;
}

static int sift_up(int *top, float *top_scores, int hole, float score)
{
    while (hole > 0 && top_scores[(hole - 1) / 2] > score) {
        top_scores[hole] = top_scores[(hole - 1) / 2];
        top[hole] = top[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    return hole;
}

/* Puts a class on the heap if it is among the k largest so far. Returns how many the heap holds. */
static int offer(int class_number, float score, int held, int k, int *top, float *top_scores)
{
    if (held == k && score <= top_scores[0]) return held;
    int hole =
        held < k ? sift_up(top, top_scores, held, score) : sift_down(top, top_scores, k, score);
    top_scores[hole] = score;
    top[hole] = class_number;
    return held < k ? held + 1 : k;
}

/* How a row is divided into columns, and the largest score of each but the label's. A chunk of
   scores is `vectors` vectors; a lane of it, every lanes-th score, is a column. What does not fill
   a vector at the row's end is in none. */
typedef struct {
    const selection_loops *loops;
    const float *scores;
    int classes, label;
    int whole, vectors, rest;     /* chunks, vectors of each, vectors of one chunk more */
    int columns, chunk_size, end; /* columns; scores of a chunk; of all columns */
    float *maxima;                /* columns */
} column_row;

static column_row divide_into_columns(const selection_loops *loops, const float *scores,
                                      int classes, int label, int k, float *maxima)
{
    column_row row = {.loops = loops, .scores = scores, .classes = classes, .label = label};
    int lanes = loops->lanes, vectors = classes / lanes, wanted = classes / 4 / k;
    row.vectors = wanted < 1 ? 1 : min_int(wanted, 16);
    row.whole = vectors / row.vectors;
    row.rest = vectors % row.vectors;
    row.columns = (row.whole + (row.rest > 0)) * lanes;
    row.chunk_size = row.vectors * lanes;
    row.end = vectors * lanes;
    row.maxima = maxima;
    return row;
}

/* The first score of a column, the others of which are each `lanes` further; *end: where its chunk
   ends. */
static int first_of_column(const column_row *row, int column, int *end)
{
    int chunk = column / row->loops->lanes;
    *end = min_int(row->end, (chunk + 1) * row->chunk_size);
    return chunk * row->chunk_size + column % row->loops->lanes;
}

/* Fills maxima. Returns whether a score of the row is NaN or +inf. */
static int find_column_maxima(const column_row *row)
{
    int lanes = row->loops->lanes, bad = 0, end;
    for (int chunk = 0; chunk * lanes < row->columns; ++chunk)
        bad |= row->loops->lane_maxima(row->scores + chunk * row->chunk_size,
                                       chunk < row->whole ? row->vectors : row->rest,
                                       row->maxima + chunk * lanes);
    for (int i = row->end; i < row->classes; ++i)
        bad |= smooth_topk_is_nan_or_plus_inf(float_bits(row->scores[i]));
    if (bad || row->label >= row->end) return bad;
    /* The maximum of the label's column may be the label's, which does not count. */
    int column = row->label / row->chunk_size * lanes + row->label % lanes;
    float *most = row->maxima + column;
    *most = float_from_bits(BITS_MINUS_INF);
    for (int i = first_of_column(row, column, &end); i < end; i += lanes)
        if (i != row->label && row->scores[i] > *most) *most = row->scores[i];
    return 0;
}

/* The k-th largest of the columns' maxima, a bound from below on the k-th largest score: few
   columns reach it. */
static float bound_of_columns(const column_row *row, int k, int *top, float *top_scores)
{
    int held = 0;
    for (int column = 0; column < row->columns; ++column)
        held = offer(column, row->maxima[column], held, k, top, top_scores);
    return held == k ? top_scores[0] : float_from_bits(BITS_MINUS_INF);
}

/* The k largest of the columns that reach the bound, and of the scores in no column. */
static void select_from_columns(const column_row *row, float bound, int k, int *top,
                                float *top_scores)
{
    int held = 0, end;
    for (int column = 0; column < row->columns; ++column) {
        if (!(row->maxima[column] >= bound)) continue;
        for (int i = first_of_column(row, column, &end); i < end; i += row->loops->lanes)
            if (i != row->label && row->scores[i] >= bound)
                held = offer(i, row->scores[i], held, k, top, top_scores);
    }
    for (int i = row->end; i < row->classes; ++i)
        if (i != row->label) held = offer(i, row->scores[i], held, k, top, top_scores);
}

int smooth_topk_find_top(instruction_set set, const float *scores, int classes, int label, int k,
                         int *top, float *top_scores, float *maxima)
{
    const selection_loops *loops = SIMD_CHOOSE(loops, set);
    if (k > 2 && 2 * k <= loops->lanes && classes > loops->lanes &&
        classes <= SHORT_ROW * loops->lanes) {
        int found = loops->top_of_short_row(scores, classes, label, k, top, top_scores);
        if (found) return found < 0 ? -1 : 0;
    }
    column_row row = divide_into_columns(loops, scores, classes, label, k, maxima);
    if (find_column_maxima(&row)) return -1;
    float bound = bound_of_columns(&row, k, top, top_scores);
    select_from_columns(&row, bound, k, top, top_scores);
    return 0;
}
