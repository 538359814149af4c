/* The vector loops of smooth_topk_select.c, once for each instruction set. */

#define find_lane_maxima SIMD_NAME(find_lane_maxima)
#define order_key SIMD_NAME(order_key)
#define lane_numbers SIMD_NAME(lane_numbers)
#define load_keys SIMD_NAME(load_keys)
#define find_top_of_short_row SIMD_NAME(find_top_of_short_row)

/* maxima[lane] of `vectors` vectors, over the vectors; NaN is passed over. Returns whether one of
   the scores is NaN or +inf. */
LOOP int find_lane_maxima(const float *scores, int vectors, float *maxima)
{
    floats most = FLOATS(float_of(BITS_MINUS_INF));
    ints bad = {0};
    int any = 0;
    for (int v = 0; v < vectors; ++v) {
        ints bits;
        memcpy(&bits, scores + v * LANES, sizeof bits);
        ints larger = (floats)bits > most;
        bad |= is_nan_or_plus_inf(bits);
        most = select_floats(larger, (floats)bits, most);
    }
    store(maxima, most);
    for (int lane = 0; lane < LANES; ++lane) any |= bad[lane];
    return any;
}

/* Whole numbers in the order of the scores, NaN aside; and back. */
INLINE ints order_key(ints bits)
{
    return bits ^ ((bits < 0) & 0x7fffffff);
}

INLINE ints lane_numbers(void)
{
    ints numbers = {0};
    for (int lane = 0; lane < LANES; ++lane) numbers[lane] = lane;
    return numbers;
}

/* A row's vectors, those of its last one that do not exist and the label as -inf. */
INLINE ints load_keys(const float *scores, int classes, int label, int i, ints *bad)
{
    floats lowest = FLOATS(float_of(BITS_MINUS_INF));
    ints bits = (ints)load_some(scores + i, classes - i, lowest);
    *bad |= is_nan_or_plus_inf(bits);
    ints is_label = lane_numbers() == label - i;
    return order_key(select_ints(is_label, (ints)lowest, bits));
}

/* The k largest scores of a short row, by counting how many are larger instead of sorting: first
   among the maxima of its columns (a lane of all its vectors each), the k-th of which is a bound
   from below, then among those that reach it. Returns -1 if a score is NaN or +inf, 0 with nothing
   written if too many reach it, else 1. */
LOOP int find_top_of_short_row(const float *scores, int classes, int label, int k, int *top,
                               float *top_scores)
{
    ints row[SHORT_ROW], most, bad = {0}, numbers = lane_numbers();
    int vectors = (classes + LANES - 1) / LANES;
    most = row[0] = load_keys(scores, classes, label, 0, &bad);
    for (int v = 1; v < vectors; ++v) {
        row[v] = load_keys(scores, classes, label, v * LANES, &bad);
        ints larger = row[v] > most;
        most = select_ints(larger, row[v], most);
    }
    if (any_lane(bad)) return -1;

    int maxima[LANES], reach[LANES], bound = 0x7fffffff;
    ints rank = {0}, reached = {0};
    memcpy(maxima, &most, sizeof most);
#pragma GCC unroll 16
    for (int lane = 0; lane < LANES; ++lane) rank -= maxima[lane] > most;
    rank = (most & (rank < k)) | (bound & ~(rank < k));
    memcpy(maxima, &rank, sizeof rank);
    for (int lane = 0; lane < LANES; ++lane) bound = maxima[lane] < bound ? maxima[lane] : bound;
    if (bound == (int)(BITS_MINUS_INF ^ 0x7fffffff)) return 0;
    for (int v = 0; v < vectors; ++v) reached |= (row[v] >= bound) & (1 << v);

    int columns[LANES], many = 0, count = 0;
    int class_of[LANES] = {0}, of_rank[LANES];
    memcpy(reach, &reached, sizeof reached);
    for (int lane = 0; lane < LANES; ++lane) {
        columns[many] = lane;
        many += reach[lane] != 0;
    }
    for (int c = 0; c < many; ++c) {
        for (int left = reach[columns[c]]; left; left &= left - 1) {
            if (count == LANES) return 0;
            class_of[count++] = __builtin_ctz(left) * LANES + columns[c];
        }
    }

    int keys[LANES], of_row;
    ints found = {0}, place = {0};
    for (int i = 0; i < count; ++i) {
        memcpy(&of_row, scores + class_of[i], sizeof of_row);
        keys[i] = of_row < 0 ? of_row ^ 0x7fffffff : of_row;
    }
    memset(keys + count, 0, (LANES - count) * sizeof(int));
    memcpy(&found, keys, sizeof found);
    for (int i = 0; i < count; ++i)
        place -= (keys[i] > found) | ((keys[i] == found) & (numbers > i));
    memcpy(of_rank, &place, sizeof place);
    for (int i = 0; i < count; ++i) columns[of_rank[i]] = class_of[i];
    for (int i = 0; i < k; ++i) {
        top[i] = columns[k - 1 - i];
        top_scores[i] = scores[top[i]];
    }
    return 1;
}

static const selection_loops SIMD_NAME(loops) = {LANES, find_lane_maxima, find_top_of_short_row};
