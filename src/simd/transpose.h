/* The transpose of LANES vectors; for files of loops (vectors.h). */

#define transpose SIMD_NAME(transpose)

/* rows[i][j] and rows[j][i] change places, by log2(LANES) perfect shuffles. */
INLINE void transpose(floats *rows)
{
    floats other[LANES];
#pragma GCC unroll 4
    for (int step = 1; step < LANES; step *= 4) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; ++i) {
            other[2 * i] = PAIRS_LOW(rows[i], rows[i + LANES / 2]);
            other[2 * i + 1] = PAIRS_HIGH(rows[i], rows[i + LANES / 2]);
        }
        if (2 * step >= LANES) {
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) rows[i] = other[i];
            break;
        }
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; ++i) {
            rows[2 * i] = PAIRS_LOW(other[i], other[i + LANES / 2]);
            rows[2 * i + 1] = PAIRS_HIGH(other[i], other[i + LANES / 2]);
        }
    }
}
