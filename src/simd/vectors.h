/* Vectors of one instruction set: their types, how they are loaded, stored, chosen from and
   shuffled; then the loops of LOOPS_FILE.

   each_instruction_set.h includes it once for each set, with SIMD_NAME, SIMD_TARGET (an attribute
   of functions) and SIMD_BYTES (of a vector register); they are undefined at its end.
   Vectors are the compiler's own (GCC, clang), so one text serves x86, ARM and the rest. */

#define floats SIMD_NAME(floats)
#define ints SIMD_NAME(ints)
#define doubles SIMD_NAME(doubles)
#define longs SIMD_NAME(longs)
#define half_floats SIMD_NAME(half_floats)
#define load SIMD_NAME(load)
#define store SIMD_NAME(store)
#define load_some SIMD_NAME(load_some)
#define store_some SIMD_NAME(store_some)
#define load_doubles SIMD_NAME(load_doubles)
#define store_doubles SIMD_NAME(store_doubles)
#define load_as_doubles SIMD_NAME(load_as_doubles)
#define load_some_as_doubles SIMD_NAME(load_some_as_doubles)
#define store_some_as_floats SIMD_NAME(store_some_as_floats)
#define any_lane SIMD_NAME(any_lane)
#define is_nan_or_plus_inf SIMD_NAME(is_nan_or_plus_inf)
#define rotate SIMD_NAME(rotate)
#define sum_lanes SIMD_NAME(sum_lanes)
#define lane_numbers SIMD_NAME(lane_numbers)

#define INLINE static inline __attribute__((always_inline)) SIMD_TARGET
#define LOOP static SIMD_TARGET

/* What a file of loops ends with: `LOOPS(type) = {...}`, the table of them. */
#define LOOPS(type) static const type SIMD_NAME(loops)

typedef float floats __attribute__((vector_size(SIMD_BYTES)));
typedef int ints __attribute__((vector_size(SIMD_BYTES)));
typedef double doubles __attribute__((vector_size(SIMD_BYTES)));
typedef long long longs __attribute__((vector_size(SIMD_BYTES)));
typedef float half_floats __attribute__((vector_size(SIMD_BYTES / 2)));

/* Numbers in a vector: LANES floats or ints, HALF doubles. */
#define LANES ((int)(SIMD_BYTES / sizeof(float)))
#define HALF (LANES / 2)

/* A vector with x in every lane. */
#define FLOATS(x) ((x) - (floats){0})
#define DOUBLES(x) ((x) - (doubles){0})

/* mask ? yes : no, lane by lane, of vectors of one type; a mask is what a comparison of vectors
   gives. With + gcc makes one instruction of it, with | three. */
#define SELECT(mask, yes, no) \
    ((__typeof__(yes))((((ints)(mask)) & (ints)(yes)) + (~(ints)(mask) & (ints)(no))))

/* The larger and the smaller of two vectors' numbers, lane by lane; of the second where one is NaN.
   An instruction that gcc does not find. */
#undef LARGER
#undef SMALLER
#undef LARGER_DOUBLES
#ifdef __x86_64__
#undef INTRINSIC
#if SIMD_BYTES == 64
#define INTRINSIC(name) _mm512_##name
#elif SIMD_BYTES == 32
#define INTRINSIC(name) _mm256_##name
#else
#define INTRINSIC(name) _mm_##name
#endif
#define LARGER(a, b) ((floats)INTRINSIC(max_ps)(a, b))
#define SMALLER(a, b) ((floats)INTRINSIC(min_ps)(a, b))
#define LARGER_DOUBLES(a, b) ((doubles)INTRINSIC(max_pd)(a, b))
#else
#define LARGER(a, b) SELECT((a) > (b), a, b)
#define SMALLER(a, b) SELECT((a) < (b), a, b)
#define LARGER_DOUBLES(a, b) LARGER(a, b)
#endif

/* Half of a vector. Two vectors as one of twice the length: its pairs a[i], b[i] of the lower or
   upper half, and its numbers at even or odd places. */
#undef PAIRS_LOW
#undef PAIRS_HIGH
#undef EVEN
#undef ODD
#undef LOWER_HALF
#undef UPPER_HALF
#if SIMD_BYTES == 64
#define LOWER_HALF(a) __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7)
#define UPPER_HALF(a) __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15)
#define PAIRS_LOW(a, b) \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define PAIRS_HIGH(a, b) \
    __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define EVEN(a, b) \
    __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30)
#define ODD(a, b) \
    __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31)
#elif SIMD_BYTES == 32
#define LOWER_HALF(a) __builtin_shufflevector(a, a, 0, 1, 2, 3)
#define UPPER_HALF(a) __builtin_shufflevector(a, a, 4, 5, 6, 7)
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15)
#else
#define LOWER_HALF(a) __builtin_shufflevector(a, a, 0, 1)
#define UPPER_HALF(a) __builtin_shufflevector(a, a, 2, 3)
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 3, 5, 7)
#endif

INLINE floats load(const float *source)
{
    floats x;
    memcpy(&x, source, sizeof x);
    return x;
}

INLINE void store(float *target, floats x)
{
    memcpy(target, &x, sizeof x);
}

/* 0, 1, 2, ... */
INLINE ints lane_numbers(void)
{
    ints numbers = {0};
    for (int lane = 0; lane < LANES; ++lane) numbers[lane] = lane;
    return numbers;
}

/* The first `count` lanes, where a row ends; `rest` stays in the others. x86 has an instruction for
   it, where memcpy with a length that is not constant is a call. */
INLINE floats load_some(const float *source, int count, floats rest)
{
    if (count >= LANES) return load(source);
#if SIMD_BYTES == 64
    rest = (floats)_mm512_mask_loadu_ps((__m512)rest, (__mmask16)((1u << count) - 1), source);
#elif SIMD_BYTES == 32
    ints mask = lane_numbers() < count;
    rest = SELECT(mask, (floats)_mm256_maskload_ps(source, (__m256i)mask), rest);
#else
    memcpy(&rest, source, count * sizeof(float));
#endif
    return rest;
}

/* AVX2's own masked store is slow on AMD's processors; in parts of 4, 2 and 1 it is not. */
INLINE void store_some(float *target, floats x, int count)
{
    if (count >= LANES) {
        store(target, x);
        return;
    }
#if SIMD_BYTES == 64
    _mm512_mask_storeu_ps(target, (__mmask16)((1u << count) - 1), (__m512)x);
#elif SIMD_BYTES == 32
    __m128 part = _mm256_castps256_ps128((__m256)x);
    if (count & 4) {
        _mm_storeu_ps(target, part);
        target += 4;
        part = _mm256_extractf128_ps((__m256)x, 1);
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)target, part);
        target += 2;
        part = _mm_movehl_ps(part, part);
    }
    if (count & 1) _mm_store_ss(target, part);
#else
    memcpy(target, &x, count * sizeof(float));
#endif
}

INLINE doubles load_doubles(const double *source)
{
    doubles x;
    memcpy(&x, source, sizeof x);
    return x;
}

INLINE void store_doubles(double *target, doubles x)
{
    memcpy(target, &x, sizeof x);
}

/* HALF floats as doubles. */
INLINE doubles load_as_doubles(const float *source)
{
    half_floats x;
    memcpy(&x, source, sizeof x);
    return __builtin_convertvector(x, doubles);
}

/* The first `count` of them; 0 stays in the others. */
INLINE doubles load_some_as_doubles(const float *source, int count)
{
    if (count >= HALF) return load_as_doubles(source);
    float part[LANES];
    store(part, load_some(source, count, (floats){0}));
    return load_as_doubles(part);
}

INLINE void store_some_as_floats(float *target, doubles x, int count)
{
    half_floats result = __builtin_convertvector(x, half_floats);
    floats padded = {0};
    if (count >= HALF) {
        memcpy(target, &result, sizeof result);
    } else {
        memcpy(&padded, &result, sizeof result);
        store_some(target, padded, count);
    }
}

/* Whether the mask is set in one of its lanes. */
INLINE int any_lane(ints mask)
{
    long long parts[SIMD_BYTES / sizeof(long long)], all = 0;
    memcpy(parts, &mask, sizeof parts);
    for (size_t i = 0; i < SIMD_BYTES / sizeof(long long); ++i) all |= parts[i];
    return all != 0;
}

/* The mask of the lanes that are NaN or +inf, from the bits of floats. */
INLINE ints is_nan_or_plus_inf(ints bits)
{
    return ((bits & 0x7fffffff) > 0x7f800000) | (bits == 0x7f800000);
}

/* Lane l of the result is lane l + distance of x, after the last one the first. */
INLINE doubles rotate(doubles x, const int distance)
{
#ifdef __clang__
    doubles rotated = {0};
    for (int lane = 0; lane < HALF; ++lane) rotated[lane] = x[(lane + distance) % HALF];
    return rotated;
#else
    longs source = {0};
    for (int lane = 0; lane < HALF; ++lane) source[lane] = (lane + distance) % HALF;
    return __builtin_shuffle(x, source);
#endif
}

/* The sum of all lanes, in double. */
INLINE double sum_lanes(floats x)
{
    float both[LANES];
    store(both, x);
    doubles part = load_as_doubles(both) + load_as_doubles(both + HALF);
    for (int half = HALF / 2; half > 0; half /= 2) part += rotate(part, half);
    return part[0];
}

#include LOOPS_FILE

#undef SIMD_NAME
#undef SIMD_TARGET
#undef SIMD_BYTES
