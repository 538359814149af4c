/* The vector loops of smooth_topk_softmax.c, once for each instruction set. */
#include "smooth_topk_exp_simd.h"

/* Vectors that a lane adds up in float before they go on in double. */
#define CHUNK 64

/* The largest score. Returns NaN if one is NaN or +inf. */
SIMD_TARGET static float SIMD_NAME(maximum)(const float *scores, int count)
{
    floats most = float_of(BITS_MINUS_INF) - (floats){0};
    ints bad = {0};
    int i = 0, any = 0;
    float maximum = float_of(BITS_MINUS_INF);
    for (; i + LANES <= count; i += LANES) {
        ints bits;
        memcpy(&bits, scores + i, sizeof bits);
        ints larger = (floats)bits > most;
        bad |= ((bits & 0x7fffffff) > 0x7f800000) | (bits == 0x7f800000);
        most = (floats)((bits & larger) | ((ints)most & ~larger));
    }
    for (int lane = 0; lane < LANES; ++lane) {
        any |= bad[lane];
        if (most[lane] > maximum) maximum = most[lane];
    }
    for (; i < count; ++i) {
        any |= smooth_topk_is_nan_or_plus_inf(bits_of(scores[i]));
        if (scores[i] > maximum) maximum = scores[i];
    }
    return any ? float_of(BITS_NAN) : maximum;
}

/* output = exp((score - most) / t); returns the sum. */
SIMD_TARGET static double SIMD_NAME(exponentials)(const float *scores, int count, float most,
                                                  float rate, float *output)
{
    floats mosts = most - (floats){0}, rates = rate - (floats){0};
    double sum = 0;
    for (int begin = 0; begin < count; begin += CHUNK * LANES) {
        int end = min_int(count, begin + CHUNK * LANES), i = begin;
        floats sums = {0};
        for (; i + LANES <= end; i += LANES) {
            floats x = SIMD_NAME(exponential)(SIMD_NAME(load)(scores + i), mosts, rates);
            SIMD_NAME(store)(output + i, x);
            sums += x;
        }
        if (i < end) {
            float part[SIMD_BYTES / sizeof(float)] = {0};
            memcpy(part, scores + i, (end - i) * sizeof(float));
            SIMD_NAME(store)(part, SIMD_NAME(exponential)(SIMD_NAME(load)(part), mosts, rates));
            memcpy(output + i, part, (end - i) * sizeof(float));
            for (; i < end; ++i) sum += output[i];
        }
        for (int lane = 0; lane < LANES; ++lane) sum += sums[lane];
    }
    return sum;
}

SIMD_TARGET static void SIMD_NAME(scale)(float *row, int count, float factor)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES)
        SIMD_NAME(store)(row + i, SIMD_NAME(load)(row + i) * factor);
    for (; i < count; ++i) row[i] *= factor;
}

static const softmax_loops SIMD_NAME(loops) = {SIMD_NAME(maximum), SIMD_NAME(exponentials),
                                               SIMD_NAME(scale)};

#undef CHUNK
