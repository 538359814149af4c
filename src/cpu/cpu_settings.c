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

cpu_settings cpu;

static int on(const char *name, int built)
{
    const char *value = getenv(name);
    return built && !(value && !strcmp(value, "0"));
}

int cores_allowed(void)
{
    cpu_set_t allowed;
    return sched_getaffinity(0, sizeof allowed, &allowed) ? 1 : CPU_COUNT(&allowed);
}

static int threads_wanted(void)
{
    const char *value = getenv("OMP_NUM_THREADS");
    int wanted = value && atoi(value) > 0 ? atoi(value) : cores_allowed();
    return wanted < MOST_THREADS ? wanted : MOST_THREADS;
}

static cpu_instruction_set instructions_of_this_machine(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return CPU_PORTABLE + avx2 + avx512; /* each contains the one before */
#else
    return CPU_PORTABLE;
#endif
}

__attribute__((constructor)) static void set(void)
{
    cpu.blas = on("BLAS", BLAS);
    cpu.winograd = on("WINOGRAD", WINOGRAD);
    cpu.threads = threads_wanted();
    cpu.instructions = instructions_of_this_machine();
}
