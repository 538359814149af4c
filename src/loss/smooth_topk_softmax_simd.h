/* The vector loops of smooth_topk_softmax.c, once for each instruction set. */
#include "smooth_topk_exp_simd.h"
#include "smooth_topk_names_simd.h"

#define find_maximum SIMD_NAME(find_maximum)
#define scale_row SIMD_NAME(scale_row)

/* Vectors that a lane adds up in float before they go on in double. */
#define CHUNK 64

/* The largest score. Returns NaN if one is NaN or +inf. */
LOOP float find_maximum(const float *scores, int count)
{
    floats most = FLOATS(float_from_bits(BITS_MINUS_INF));
    ints bad = {0};
    int i = 0, any = 0;
    float maximum = float_from_bits(BITS_MINUS_INF);
    for (; i + LANES <= count; i += LANES) {
        ints bits;
        memcpy(&bits, scores + i, sizeof bits);
        ints larger = (floats)bits > most;
        bad |= is_nan_or_plus_inf(bits);
        most = SELECT(larger, (floats)bits, most);
    }
    for (int lane = 0; lane < LANES; ++lane) {
        any |= bad[lane];
        if (most[lane] > maximum) maximum = most[lane];
    }
    for (; i < count; ++i) {
        any |= smooth_topk_is_nan_or_plus_inf(float_bits(scores[i]));
        if (scores[i] > maximum) maximum = scores[i];
    }
    return any ? float_from_bits(BITS_NAN) : maximum;
}

/* output = exp((score - most) / t); returns the sum. */
LOOP double compute_exponentials(const float *scores, int count, float most, float rate,
                                 float *output)
{
    floats mosts = FLOATS(most), rates = FLOATS(rate);
    double sum = 0;
    for (int begin = 0; begin < count; begin += CHUNK * LANES) {
        int end = min_int(count, begin + CHUNK * LANES), i = begin;
        floats sums = {0};
        for (; i + LANES <= end; i += LANES) {
            floats x = exponential(load(scores + i), mosts, rates);
            store(output + i, x);
            sums += x;
        }
        if (i < end) {
            floats x = load_some(scores + i, end - i, (floats){0});
            store_some(output + i, exponential(x, mosts, rates), end - i);
            for (; i < end; ++i) sum += output[i];
        }
        for (int lane = 0; lane < LANES; ++lane) sum += sums[lane];
    }
    return sum;
}

LOOP void scale_row(float *row, int count, float factor)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES) store(row + i, load(row + i) * factor);
    for (; i < count; ++i) row[i] *= factor;
}

LOOPS(softmax_loops) = {find_maximum, compute_exponentials, scale_row};

#undef CHUNK
