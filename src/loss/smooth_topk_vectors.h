/* Vectors of one instruction set, how they are loaded and stored, and the loops of LOOPS_FILE.

   Expects SIMD_NAME(function), SIMD_TARGET (a function attribute) and SIMD_BYTES (of a vector
   register). Vectors are the compiler's own (GCC, clang), so one text serves x86, ARM and the rest.
   smooth_topk_instruction_sets.h includes it once for each set. */

typedef float SIMD_NAME(floats) __attribute__((vector_size(SIMD_BYTES)));
typedef int SIMD_NAME(ints) __attribute__((vector_size(SIMD_BYTES)));
typedef double SIMD_NAME(doubles) __attribute__((vector_size(SIMD_BYTES)));
typedef float SIMD_NAME(half_floats) __attribute__((vector_size(SIMD_BYTES / 2)));

#define floats SIMD_NAME(floats)
#define ints SIMD_NAME(ints)
#define doubles SIMD_NAME(doubles)
#define half_floats SIMD_NAME(half_floats)

#define LANES ((int)(SIMD_BYTES / sizeof(float)))
#define HALF (LANES / 2)
#define INLINE static inline __attribute__((always_inline)) SIMD_TARGET

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

INLINE doubles SIMD_NAME(load_as_doubles)(const float *from)
{
    half_floats x;
    memcpy(&x, from, sizeof x);
    return __builtin_convertvector(x, doubles);
}

/* The first lanes of a vector, where a row ends: `rest` stays in the others. */
INLINE floats SIMD_NAME(load_some)(const float *from, int count, floats rest)
{
    if (count >= LANES) return SIMD_NAME(load)(from);
    memcpy(&rest, from, count * sizeof(float));
    return rest;
}

INLINE void SIMD_NAME(store_some)(float *to, floats x, int count)
{
    if (count >= LANES)
        SIMD_NAME(store)(to, x);
    else
        memcpy(to, &x, count * sizeof(float));
}

/* The same for HALF of them, as doubles; 0 stays in the others. */
INLINE doubles SIMD_NAME(load_some_as_doubles)(const float *from, int count)
{
    if (count >= HALF) return SIMD_NAME(load_as_doubles)(from);
    float part[SIMD_BYTES / sizeof(float)];
    SIMD_NAME(store)(part, SIMD_NAME(load_some)(from, count, (floats){0}));
    return SIMD_NAME(load_as_doubles)(part);
}

INLINE void SIMD_NAME(store_some_as_floats)(float *to, doubles x, int count)
{
    half_floats result = __builtin_convertvector(x, half_floats);
    floats padded = {0};
    if (count >= HALF) {
        memcpy(to, &result, sizeof result);
    } else {
        memcpy(&padded, &result, sizeof result);
        SIMD_NAME(store_some)(to, padded, count);
    }
}

/* Lane l of the result is lane l + by of x, after the last one the first. */
INLINE doubles SIMD_NAME(rotate)(doubles x, const int by)
{
#ifdef __clang__
    doubles rotated = {0};
    for (int lane = 0; lane < HALF; ++lane) rotated[lane] = x[(lane + by) % HALF];
    return rotated;
#else
    long long __attribute__((vector_size(SIMD_BYTES))) from = {0};
    for (int lane = 0; lane < HALF; ++lane) from[lane] = (lane + by) % HALF;
    return __builtin_shuffle(x, from);
#endif
}

INLINE floats SIMD_NAME(select)(ints mask, floats yes, floats no)
{
    return (floats)(((ints)yes & mask) | ((ints)no & ~mask));
}

INLINE int SIMD_NAME(any)(ints mask)
{
    long long parts[SIMD_BYTES / sizeof(long long)], all = 0;
    memcpy(parts, &mask, sizeof parts);
    for (size_t i = 0; i < SIMD_BYTES / sizeof(long long); ++i) all |= parts[i];
    return all != 0;
}

#include LOOPS_FILE

#undef floats
#undef ints
#undef doubles
#undef half_floats
#undef LANES
#undef HALF
#undef INLINE
#undef SIMD_NAME
#undef SIMD_TARGET
#undef SIMD_BYTES
