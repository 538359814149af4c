/* Compiles the vector loops of LOOPS_FILE once for each instruction set.

   LOOPS_FILE is written with the types and functions of vectors.h. Its functions begin with LOOP,
   or with INLINE where they are expanded in others; it renames each of them once at its top, by
   SIMD_NAME, because all instances are in one file: sum_row becomes sum_row_avx2 and so on. A
   renamed x is afterwards SIMD_CHOOSE(x, set): the address of the instance for an instruction set.
   The words stay renamed, so the including file must not use them. */

#include "instruction_set.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>

#define SIMD_NAME(name) name##_avx512
#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define SIMD_BYTES 64
#include "vectors.h"

#define SIMD_NAME(name) name##_avx2
#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#include "vectors.h"

#define SIMD_CHOOSE(name, set) \
    ((set) == SIMD_AVX512 ? &name##_avx512 : (set) == SIMD_AVX2 ? &name##_avx2 : &name##_portable)
#else
#define SIMD_CHOOSE(name, set) ((void)(set), &name##_portable)
#endif

#define SIMD_NAME(name) name##_portable
#define SIMD_TARGET
#define SIMD_BYTES 16
#include "vectors.h"
