/* The vector loop of smooth_topk_select.c, once for each instruction set. */

/* maxima[lane] of `vectors` vectors, over the vectors; NaN is passed over. Returns whether one of
   the scores is NaN or +inf. */
SIMD_TARGET static int SIMD_NAME(lane_maxima)(const float *scores, int vectors, float *maxima)
{
    floats most = float_of(0xff800000u) - (floats){0};
    ints bad = {0};
    int any = 0;
    for (int v = 0; v < vectors; ++v) {
        ints bits;
        memcpy(&bits, scores + v * LANES, sizeof bits);
        ints larger = (floats)bits > most;
        bad |= ((bits & 0x7fffffff) > 0x7f800000) | (bits == 0x7f800000);
        most = (floats)((bits & larger) | ((ints)most & ~larger));
    }
    SIMD_NAME(store)(maxima, most);
    for (int lane = 0; lane < LANES; ++lane) any |= bad[lane];
    return any;
}

static const selection_loops SIMD_NAME(loops) = {LANES, SIMD_NAME(lane_maxima)};
