/* The instruction sets that vector loops are compiled for, and the choice of one of them. */
#ifndef INSTRUCTION_SET_H
#define INSTRUCTION_SET_H

/* Each contains the one before. SIMD_PORTABLE: what every machine of the architecture has. */
typedef enum { SIMD_PORTABLE, SIMD_AVX2, SIMD_AVX512 } instruction_set;

/* The best set that this machine has. The tests compile with -DINSTRUCTION_SET=SIMD_PORTABLE or
   SIMD_AVX2 to have a lesser one. */
static inline instruction_set best_instruction_set(void)
{
#if defined(INSTRUCTION_SET)
    return INSTRUCTION_SET;
#elif defined(__x86_64__) && defined(__GNUC__)
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return avx512 ? SIMD_AVX512 : avx2 ? SIMD_AVX2 : SIMD_PORTABLE;
#else
    return SIMD_PORTABLE;
#endif
}

#endif
