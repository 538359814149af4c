/* What the files of src/cpu were built with, what the environment switches off, and what the
   machine has. Set before main; only tests and benchmarks write it, and only between two networks.
 */
#ifndef CPU_SETTINGS_H
#define CPU_SETTINGS_H

#include "instruction_set.h"

#define MOST_THREADS 256

typedef struct {
    int blas; /* products by the BLAS library. Off: built with BLAS=0, or BLAS=0 in the environment
               */
    int winograd; /* 3x3 convolutions of stride 1 by Winograd's method. Off: WINOGRAD=0, likewise */
    int threads;  /* of a step, >= 1: the cores this process may use, or OMP_NUM_THREADS if smaller
                     or larger */
    instruction_set instructions;
} cpu_settings;

extern cpu_settings cpu;

/* The cores on which this process may run; 1 where that cannot be known. */
int cores_allowed(void);

/* Without BLAS and Winograd everything is upstream's own arithmetic, bit for bit, and none of the
   loops and threads of src/cpu is used. The exception: 1x1 convolutions with a stride or padding,
   which upstream computes from the wrong pixels. */
static inline int cpu_fast(void)
{
    return cpu.blas || cpu.winograd;
}

#endif
