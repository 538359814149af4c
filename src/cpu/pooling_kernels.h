/* Max-pooling of a plane: compiled once for every instruction set (src/simd). */

#define larger_of_pairs SIMD_NAME(larger_of_pairs)
#define maxpool_2x2 SIMD_NAME(maxpool_2x2)
#define spread_row SIMD_NAME(spread_row)
#define spread_2x2 SIMD_NAME(spread_2x2)

/* The larger of each two of 2 * count neighbours from `in`, and its index; `places` is where the
   first of each is. */
INLINE floats larger_of_pairs(const float *in, int count, ints places, ints *index)
{
    floats none = {0}, a = load_some(in, 2 * count, none), b = none;
    if (2 * count > LANES) b = load_some(in + LANES, 2 * count - LANES, none);
    floats left = EVEN(a, b), right = ODD(a, b);
    ints mask = right > left;
    *index = places - mask;
    return SELECT(mask, right, left);
}

/* 2x2 windows of stride 2 of a plane of even height and width, the most frequent. Of equal numbers
   the first wins, as in the general loop. */
LOOP void maxpool_2x2(const float *in, int first, int height, int width, float *out, int *indexes)
{
    int half = width / 2;
    ints twice = 2 * lane_numbers();
    for (int i = 0; i < height / 2; ++i) {
        for (int j = 0; j < half; j += LANES) {
            int count = half - j < LANES ? half - j : LANES;
            ints above, below, start = twice + (first + 2 * j);
            floats x = larger_of_pairs(in + 2 * j, count, start, &above);
            floats y = larger_of_pairs(in + width + 2 * j, count, start + width, &below);
            ints mask = y > x;
            store_some(out + j, SELECT(mask, y, x), count);
            store_some((void *)(indexes + j), (floats)SELECT(mask, below, above), count);
        }
        in += 2 * width, first += 2 * width, out += half, indexes += half;
    }
}

/* A delta goes where its index is, of the two places from its lane of `places` on; 0 to the other.
 */
INLINE void spread_row(floats delta, ints index, ints places, int count, float *row)
{
    floats left = (floats)((ints)delta & (index == places));
    floats right = (floats)((ints)delta & (index == places + 1));
    store_some(row, PAIRS_LOW(left, right), 2 * count);
    if (2 * count > LANES) store_some(row + LANES, PAIRS_HIGH(left, right), 2 * count - LANES);
}

/* The way back: all of the plane is written. */
LOOP void spread_2x2(const float *delta, const int *indexes, int first, int height, int width,
                     float *plane)
{
    int half = width / 2;
    ints twice = 2 * lane_numbers();
    for (int i = 0; i < height / 2; ++i) {
        for (int j = 0; j < half; j += LANES) {
            int count = half - j < LANES ? half - j : LANES;
            floats d = load_some(delta + j, count, (floats){0});
            ints index = (ints)load_some((const void *)(indexes + j), count, (floats){0});
            ints start = twice + (first + 2 * j);
            spread_row(d, index, start, count, plane + 2 * j);
            spread_row(d, index, start + width, count, plane + width + 2 * j);
        }
        plane += 2 * width, first += 2 * width, delta += half, indexes += half;
    }
}
