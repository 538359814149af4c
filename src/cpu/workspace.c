/* The memory that the layers of a network work in. */
#define _DEFAULT_SOURCE /* madvise */
#include "workspace.h"

#include "allocate.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Whole pages, also those that begin before the block or end after it: then blocks side by side
   can share a large one. */
static void prefer_large_pages(const void *block, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), first = (uintptr_t)block / page * page;
    uintptr_t end = ((uintptr_t)block + bytes + page - 1) / page * page;
    if (block && bytes >= page) madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)block, (void)bytes;
#endif
}

float *allocate_workspace(const network *net, size_t bytes)
{
    float *block = allocate(1, bytes);
    prefer_large_pages(block, bytes);
    for (int i = 0; i < net->n; ++i) {
        const layer *l = net->layers + i;
        size_t outputs = (size_t)l->batch * l->outputs * sizeof(float);
        prefer_large_pages(l->output, outputs);
        prefer_large_pages(l->delta, outputs);
        prefer_large_pages(l->x, outputs);
    }
    return block;
}
