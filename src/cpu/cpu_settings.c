/* Which of BLAS, Winograd, threads and instruction sets a step uses. */
#define _GNU_SOURCE
#include "cpu_settings.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#ifndef BLAS
#define BLAS 0
#endif
#ifndef WINOGRAD
#define WINOGRAD 1
#endif

#define MOST_THREADS 256

cpu_settings cpu;

static int on(const char *name, int built)
{
    const char *value = getenv(name);
    return built && !(value && !strcmp(value, "0"));
}

static int threads_wanted(void)
{
    const char *value = getenv("OMP_NUM_THREADS");
    int wanted = value ? atoi(value) : 0;
    if (wanted < 1) {
        cpu_set_t cores;
        wanted = sched_getaffinity(0, sizeof cores, &cores) ? 1 : CPU_COUNT(&cores);
    }
    return wanted > MOST_THREADS ? MOST_THREADS : wanted;
}

static cpu_instruction_set instructions_of_this_machine(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return CPU_AVX512;
    if (avx2) return CPU_AVX2;
#endif
    return CPU_PORTABLE;
}

__attribute__((constructor)) static void set(void)
{
    cpu.blas = on("BLAS", BLAS);
    cpu.winograd = on("WINOGRAD", WINOGRAD);
    cpu.threads = threads_wanted();
    cpu.instructions = instructions_of_this_machine();
}
