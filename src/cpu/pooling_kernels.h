/* Max-pooling of a plane: compiled once for every instruction set (src/simd). */

#define larger_of_pairs SIMD_NAME(larger_of_pairs)
#define maxpool_2x2 SIMD_NAME(maxpool_2x2)

/* The larger of each two neighbours from `in`, and its index; `places` is where the first of each
 * is. */
INLINE floats larger_of_pairs(const float *in, ints places, ints *index)
{
    floats a = load(in), b = load(in + LANES);
    floats left = EVEN(a, b), right = ODD(a, b);
    ints mask = right > left;
    *index = places - mask;
    return SELECT(mask, right, left);
}

/* 2x2 windows of stride 2 of a plane of even height and width, the most frequent. Of equal numbers
   the first wins, as in the general loop. A row's last vector may overlap the one before; rows
   shorter than a vector are taken number by number. */
LOOP void maxpool_2x2(const float *in, int first, int height, int width, float *out, int *indexes)
{
    int half = width / 2, vectors = half < LANES ? 0 : half;
    ints twice = 2 * lane_numbers();
    for (int i = 0; i < height / 2; ++i) {
        for (int j = 0; j < vectors; j += LANES) {
            if (j > half - LANES) j = half - LANES;
            ints above, below, start = twice + (first + 2 * j);
            floats x = larger_of_pairs(in + 2 * j, start, &above);
            floats y = larger_of_pairs(in + width + 2 * j, start + width, &below);
            ints mask = y > x;
            store(out + j, SELECT(mask, y, x));
            above = SELECT(mask, below, above);
            memcpy(indexes + j, &above, sizeof above);
        }
        for (int j = vectors; j < half; ++j) {
            int best = 2 * j;
            if (in[2 * j + 1] > in[best]) best = 2 * j + 1;
            if (in[width + 2 * j] > in[best]) best = width + 2 * j;
            if (in[width + 2 * j + 1] > in[best]) best = width + 2 * j + 1;
            out[j] = in[best];
            indexes[j] = first + best;
        }
        in += 2 * width, first += 2 * width, out += half, indexes += half;
    }
}
