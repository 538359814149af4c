/* The vector loops of smooth_topk_select.c, once for each instruction set. */

#define find_lane_maxima SIMD_NAME(find_lane_maxima)
#define order_key SIMD_NAME(order_key)
#define load_keys SIMD_NAME(load_keys)
#define load_row SIMD_NAME(load_row)
#define kth_lane SIMD_NAME(kth_lane)
#define list_classes SIMD_NAME(list_classes)
#define sort_classes SIMD_NAME(sort_classes)
#define find_top_of_short_row SIMD_NAME(find_top_of_short_row)

/* maxima[lane] of `vectors` vectors, over the vectors; NaN is passed over. Returns whether one of
   the scores is NaN or +inf. */
LOOP int find_lane_maxima(const float *scores, int vectors, float *maxima)
{
    floats most = FLOATS(float_from_bits(BITS_MINUS_INF));
    ints bad = {0};
    int any = 0;
    for (int v = 0; v < vectors; ++v) {
        ints bits;
        memcpy(&bits, scores + v * LANES, sizeof bits);
        ints larger = (floats)bits > most;
        bad |= is_nan_or_plus_inf(bits);
        most = SELECT(larger, (floats)bits, most);
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

/* A row's vectors, those of its last one that do not exist and the label as -inf. */
INLINE ints load_keys(const float *scores, int classes, int label, int i, ints *bad)
{
    floats lowest = FLOATS(float_from_bits(BITS_MINUS_INF));
    ints bits = (ints)load_some(scores + i, classes - i, lowest);
    *bad |= is_nan_or_plus_inf(bits);
    ints is_label = lane_numbers() == label - i;
    return order_key(SELECT(is_label, (ints)lowest, bits));
}

/* A row's vectors as keys, and their largest in each lane. Returns whether a score is NaN or +inf.
 */
INLINE int load_row(const float *scores, int classes, int label, ints *row, ints *most)
{
    ints bad = {0};
    *most = row[0] = load_keys(scores, classes, label, 0, &bad);
    for (int i = LANES; i < classes; i += LANES) {
        ints keys = row[i / LANES] = load_keys(scores, classes, label, i, &bad);
        *most = SELECT(keys > *most, keys, *most);
    }
    return any_lane(bad);
}

/* The k-th largest lane: the least of those that fewer than k others are larger than. */
INLINE int kth_lane(ints lanes, int k)
{
    int numbers[LANES], kth = 0x7fffffff;
    ints larger = {0};
    memcpy(numbers, &lanes, sizeof lanes);
#pragma GCC unroll 16
    for (int lane = 0; lane < LANES; ++lane) larger -= numbers[lane] > lanes;
    ints among = SELECT(larger < k, lanes, kth - (ints){0});
    memcpy(numbers, &among, sizeof among);
    for (int lane = 0; lane < LANES; ++lane) kth = numbers[lane] < kth ? numbers[lane] : kth;
    return kth;
}

/* The classes whose keys reach the bound. Returns how many, LANES + 1 if there are more than LANES.
 */
INLINE int list_classes(const ints *row, int vectors, int bound, int *classes)
{
    int vectors_of_lane[LANES], reaching[LANES], many = 0, count = 0;
    ints reached = {0}; /* bit v of a lane: vector v reaches it there */
    for (int v = 0; v < vectors; ++v) reached |= (row[v] >= bound) & (1 << v);
    memcpy(vectors_of_lane, &reached, sizeof reached);
    for (int lane = 0; lane < LANES; ++lane) {
        reaching[many] = lane;
        many += vectors_of_lane[lane] != 0;
    }
    for (int i = 0; i < many; ++i) {
        for (int left = vectors_of_lane[reaching[i]]; left; left &= left - 1) {
            if (count == LANES) return LANES + 1;
            classes[count++] = __builtin_ctz(left) * LANES + reaching[i];
        }
    }
    return count;
}

/* Sorts up to LANES classes by falling score, equal ones in their order: a class's place is how
   many come before it. */
INLINE void sort_classes(const float *scores, const int *classes, int count, int *sorted)
{
    int keys[LANES] = {0}, places[LANES], bits;
    ints all = {0}, place = {0}, numbers = lane_numbers();
    for (int i = 0; i < count; ++i) {
        memcpy(&bits, scores + classes[i], sizeof bits);
        keys[i] = bits < 0 ? bits ^ 0x7fffffff : bits;
    }
    memcpy(&all, keys, sizeof all);
    for (int i = 0; i < count; ++i) place -= (keys[i] > all) | ((keys[i] == all) & (numbers > i));
    memcpy(places, &place, sizeof place);
    for (int i = 0; i < count; ++i) sorted[places[i]] = classes[i];
}

/* The k largest scores of a short row, by counting how many are larger instead of sorting: first
   among the maxima of its columns (a lane of all its vectors each), the k-th of which is a bound
   from below, then among those that reach it. Returns -1 if a score is NaN or +inf, 0 with nothing
   written if too many reach it, else 1. */
LOOP int find_top_of_short_row(const float *scores, int classes, int label, int k, int *top,
                               float *top_scores)
{
    ints row[SHORT_ROW], most;
    int reaching[LANES] = {0}, sorted[LANES];
    if (load_row(scores, classes, label, row, &most)) return -1;
    int bound = kth_lane(most, k);
    if (bound == (int)(BITS_MINUS_INF ^ 0x7fffffff)) return 0;
    int count = list_classes(row, (classes + LANES - 1) / LANES, bound, reaching);
    if (count > LANES) return 0;
    sort_classes(scores, reaching, count, sorted);
    for (int i = 0; i < k; ++i) {
        top[i] = sorted[k - 1 - i];
        top_scores[i] = scores[top[i]];
    }
    return 1;
}

LOOPS(selection_loops) = {LANES, find_lane_maxima, find_top_of_short_row};
