/* The memory that the layers of a network work in. */
#define _DEFAULT_SOURCE /* madvise */
#include "workspace.h"

#include "allocate.h"

#include <stdint.h>
#include <sys/mman.h>

#define LARGE_PAGE ((uintptr_t)1 << 21)

float *allocate_workspace(size_t bytes)
{
    float *block = allocate(1, bytes);
#ifdef MADV_HUGEPAGE
    uintptr_t first = ((uintptr_t)block + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    uintptr_t end = ((uintptr_t)block + bytes) / LARGE_PAGE * LARGE_PAGE;
    if (end > first) madvise((void *)first, end - first, MADV_HUGEPAGE);
#endif
    return block;
}
