/* Vectors of one instruction set, how they are loaded, stored and shuffled, and the loops of
   CPU_KERNELS. cpu_simd.h includes it once for each set, with SIMD_NAME, SIMD_TARGET and
   SIMD_BYTES; it undefines them. (src/loss has its own, smooth_topk_vectors.h: a library by
   itself.) */

typedef float floats __attribute__((vector_size(SIMD_BYTES)));
typedef int ints __attribute__((vector_size(SIMD_BYTES)));

/* Two vectors as one of twice the length: its pairs a[i], b[i] of the lower or upper half, and its
   numbers at even or odd places. */
#if SIMD_BYTES == 64
#define PAIRS_LOW(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define PAIRS_HIGH(a, b) \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EVEN(a, b) \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) \
    __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#elif SIMD_BYTES == 32
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#else
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#endif

INLINE floats SIMD_NAME(load)(const float *from)
{
    floats x;
    memcpy(&x, from, sizeof x);
    return x;
}

INLINE void SIMD_NAME(store)(float *to, floats x)
{
    memcpy(to, &x, sizeof x);
}

/* mask ? yes : no, lane by lane; a mask is what a comparison of vectors gives. */
INLINE ints SIMD_NAME(choose)(ints mask, ints yes, ints no)
{
    return (yes & mask) | (no & ~mask);
}

INLINE floats SIMD_NAME(choose_floats)(ints mask, floats yes, floats no)
{
    return (floats)SIMD_NAME(choose)(mask, (ints)yes, (ints)no);
}

#include CPU_KERNELS

#undef PAIRS_LOW
#undef PAIRS_HIGH
#undef EVEN
#undef ODD
#undef SIMD_NAME
#undef SIMD_TARGET
#undef SIMD_BYTES
