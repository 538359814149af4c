/* Includes CPU_KERNELS, a file of vector loops, once for each instruction set that is chosen at run
   time.

   In CPU_KERNELS SIMD_NAME(x) names a function, SIMD_TARGET is its attribute, SIMD_BYTES the size
   of a vector register, `floats` and `ints` vectors of LANES numbers. Vectors are the compiler's
   own (GCC, clang). CPU_CHOOSE(x) is the address of the instance of x for this machine,
   CPU_CHOOSE_OF(x, set) that for another instruction set. */

#include "cpu_settings.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline)) SIMD_TARGET
#define LANES ((int)(SIMD_BYTES / sizeof(float)))
#define floats SIMD_NAME(floats)
#define ints SIMD_NAME(ints)

#if defined(__x86_64__)
#define SIMD_NAME(name) name##_avx512
#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define SIMD_BYTES 64
#include "cpu_vectors.h"

#define SIMD_NAME(name) name##_avx2
#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#include "cpu_vectors.h"

#define CPU_CHOOSE_OF(name, set) \
    ((set) == CPU_AVX512 ? &name##_avx512 : (set) == CPU_AVX2 ? &name##_avx2 : &name##_portable)
#else
#define CPU_CHOOSE_OF(name, set) ((void)(set), &name##_portable)
#endif
#define CPU_CHOOSE(name) CPU_CHOOSE_OF(name, cpu.instructions)

#define SIMD_NAME(name) name##_portable
#define SIMD_TARGET
#define SIMD_BYTES 16
#include "cpu_vectors.h"
#undef INLINE
#undef LANES
#undef floats
#undef ints
