/* The k largest scores of a sample but the label's: in short rows by counting, else by a heap with
   the least of them on top. */
#include "smooth_topk_internal.h"

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
static int offer(int class_of, float score, int held, int k, int *top, float *top_scores)
{
    if (held == k && score <= top_scores[0]) return held;
    int hole =
        held < k ? sift_up(top, top_scores, held, score) : sift_down(top, top_scores, k, score);
    top_scores[hole] = score;
    top[hole] = class_of;
    return held < k ? held + 1 : k;
}

/* A chunk of scores is `vectors` vectors; a lane of it, every lanes-th score, is a column. */
typedef struct {
    const selection_loops *loops;
    int whole, vectors, rest; /* chunks, vectors of each, vectors of one chunk more */
} columns;

static columns divide_into_columns(int classes, int k)
{
    columns split = {.loops = SIMD_CHOOSE(loops, best_instruction_set())};
    int all = classes / split.loops->lanes, wanted = classes / 4 / k;
    split.vectors = wanted < 1 ? 1 : min_int(wanted, 16);
    split.whole = all / split.vectors;
    split.rest = all % split.vectors;
    return split;
}

/* The k-th largest of the columns' maxima is a bound from below on the k-th largest score, which
   few columns reach: only those are looked at score by score. maxima: classes floats. */
int smooth_topk_find_top(const float *scores, int classes, int label, int k, int *top,
                         float *top_scores, float *maxima)
{
    const selection_loops *loops = SIMD_CHOOSE(loops, best_instruction_set());
    if (k > 2 && 2 * k <= loops->lanes && classes > loops->lanes &&
        classes <= SHORT_ROW * loops->lanes) {
        int found = loops->top_of_short_row(scores, classes, label, k, top, top_scores);
        if (found) return found < 0 ? -1 : 0;
    }
    columns split = divide_into_columns(classes, k);
    int lanes = split.loops->lanes, chunks = split.whole + (split.rest > 0), held = 0, bad = 0;
    int chunk_size = split.vectors * lanes, in_columns = classes / lanes * lanes;
    for (int chunk = 0; chunk < chunks; ++chunk)
        bad |= split.loops->lane_maxima(scores + chunk * chunk_size,
                                        chunk < split.whole ? split.vectors : split.rest,
                                        maxima + chunk * lanes);
    for (int i = in_columns; i < classes; ++i)
        bad |= smooth_topk_is_nan_or_plus_inf(bits_of(scores[i]));
    if (bad) return -1;

    int label_column = -1;
    if (label < in_columns) { /* whose maximum may be the label's, which does not count */
        int chunk = label / chunk_size, end = min_int(in_columns, (chunk + 1) * chunk_size);
        label_column = chunk * lanes + label % lanes;
        maxima[label_column] = float_of(0xff800000u);
        for (int i = chunk * chunk_size + label % lanes; i < end; i += lanes)
            if (i != label && scores[i] > maxima[label_column]) maxima[label_column] = scores[i];
    }
    for (int column = 0; column < chunks * lanes; ++column)
        held = offer(column, maxima[column], held, k, top, top_scores);
    float bound = held == k ? top_scores[0] : float_of(0xff800000u);

    held = 0;
    for (int column = 0; column < chunks * lanes; ++column) {
        if (!(maxima[column] >= bound)) continue;
        int chunk = column / lanes, end = min_int(in_columns, (chunk + 1) * chunk_size);
        for (int i = chunk * chunk_size + column % lanes; i < end; i += lanes)
            if (i != label && scores[i] >= bound)
                held = offer(i, scores[i], held, k, top, top_scores);
    }
    for (int i = in_columns; i < classes; ++i)
        if (i != label) held = offer(i, scores[i], held, k, top, top_scores);
    return 0;
}
