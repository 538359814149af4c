/* The transpose of LANES vectors; for files of loops (vectors.h). */

#define transpose SIMD_NAME(transpose)

/* Of two vectors, in each part of 16 bytes: the pairs a[i], b[i] of its lower or upper half. And
   the even or odd parts, a's before b's. Each is one instruction of x86. */
#undef PAIRS_IN_PARTS_LOW
#undef PAIRS_IN_PARTS_HIGH
#undef EVEN_PARTS
#undef ODD_PARTS
#if SIMD_BYTES == 64
#define PAIRS_IN_PARTS_LOW(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define PAIRS_IN_PARTS_HIGH(a, b) \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define EVEN_PARTS(a, b) \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD_PARTS(a, b) \
    __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
#elif SIMD_BYTES == 32
#define PAIRS_IN_PARTS_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define PAIRS_IN_PARTS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define EVEN_PARTS(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define ODD_PARTS(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#else
#define PAIRS_IN_PARTS_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define PAIRS_IN_PARTS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define EVEN_PARTS(a, b) (a)
#define ODD_PARTS(a, b) (b)
#endif

/* rows[i][j] and rows[j][i] change places: squares of 4 x 4 numbers in themselves, by two perfect
   shuffles of their rows, then each as a whole. */
INLINE void transpose(floats *rows)
{
    floats other[LANES];
#pragma GCC unroll 2
    for (int step = 0; step < 2; ++step) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; ++i) {
            int first = i / 2 * 4, place = i % 2; /* the first of four rows */
            floats a = rows[first + place], b = rows[first + place + 2];
            other[first + 2 * place] = PAIRS_IN_PARTS_LOW(a, b);
            other[first + 2 * place + 1] = PAIRS_IN_PARTS_HIGH(a, b);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i) rows[i] = other[i];
    }
#pragma GCC unroll 2
    for (int parts = LANES / 4; parts > 1; parts /= 2) {
#pragma GCC unroll 8
        for (int i = 0; i < LANES / 2; ++i) {
            int pair = i / 4 * 8 + i % 4; /* vectors i % 4 of two squares that follow each other */
            other[i] = EVEN_PARTS(rows[pair], rows[pair + 4]);
            other[LANES / 2 + i] = ODD_PARTS(rows[pair], rows[pair + 4]);
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i) rows[i] = other[i];
    }
}
