/* Scratch memory that is cut into aligned arrays, on the host and the GPU. */
#ifndef SMOOTH_TOPK_SCRATCH_H
#define SMOOTH_TOPK_SCRATCH_H

#include "smooth_topk_compile.h"

#include <stddef.h>
#include <stdint.h>

#define ALIGNMENT 64

SMOOTH_TOPK_FUNCTION size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* The next array of `bytes` bytes; *scratch moves behind it. From NULL on where only the size of
   all arrays is asked for, which is then (uintptr_t)*scratch. */
SMOOTH_TOPK_FUNCTION void *take(char **scratch, size_t bytes)
{
    void *taken = *scratch;
    *scratch = (char *)((uintptr_t)taken + aligned(bytes));
    return taken;
}

#endif
