/* Compiles a file of vector loops once for each instruction set, and chooses one at run time.

   Expects LOOPS_FILE, which ends with the definition of `static const LOOPS_TYPE SIMD_NAME(loops)`.
 */

#if defined(__x86_64__) && defined(__GNUC__)
#define SIMD_NAME(name) name##_avx512
#define SIMD_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma")))
#define SIMD_BYTES 64
#include "smooth_topk_vectors.h"

#define SIMD_NAME(name) name##_avx2
#define SIMD_TARGET __attribute__((target("avx2,fma")))
#define SIMD_BYTES 32
#include "smooth_topk_vectors.h"
#endif

#define SIMD_NAME(name) name##_portable
#define SIMD_TARGET
#define SIMD_BYTES 16
#include "smooth_topk_vectors.h"

/* SMOOTH_TOPK_LOOPS: the tests' way to ask for those that this machine would not take. */
static const LOOPS_TYPE *loops_of_this_machine(void)
{
#ifdef SMOOTH_TOPK_LOOPS
    return &SMOOTH_TOPK_LOOPS;
#elif defined(__x86_64__) && defined(__GNUC__)
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return avx512 ? &loops_avx512 : avx2 ? &loops_avx2 : &loops_portable;
#else
    return &loops_portable;
#endif
}
