/* Which of BLAS, Winograd, threads and instruction sets a step uses. */
#define _GNU_SOURCE
#include "cpu_settings.h"

#include "blas_memory.h"

#include <sched.h>
#include <stdio.h>
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

__attribute__((constructor)) static void set(void)
{
    cpu.winograd = on("WINOGRAD", WINOGRAD);
    cpu.threads = threads_wanted();
    cpu.blas = on("BLAS", BLAS);
    if (cpu.blas && !blas_has_memory(cpu.threads)) {
        cpu.blas = 0;
        fprintf(
            stderr,
            "There is no memory for OpenBLAS, %d MB for each of %d threads: products are made by "
            "plain loops, which are slower (OMP_NUM_THREADS=1 needs less)\n",
            (int)(BLAS_BLOCK >> 20), cpu.threads);
    }
#if defined(__x86_64__)
    __builtin_cpu_init(); /* not sure to be done before main */
#endif
    cpu.instructions = best_instruction_set();
}
