/* The memory that OpenBLAS works in. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "blas_memory.h"

/* OpenBLAS's own, absent from other libraries: a block of memory for one product, and the way to
   give it back, after which it stays for the next product. */
extern void *blas_memory_alloc(int place) __attribute__((weak));
extern void blas_memory_free(void *block) __attribute__((weak));

int blas_has_memory(int threads)
{
    enum { MOST_BLOCKS = 64 };
    void *blocks[MOST_BLOCKS];
    int count = 0, enough = 1;
    if (!blas_memory_alloc || !blas_memory_free) return 1;
    if (threads > MOST_BLOCKS) threads = MOST_BLOCKS;
    for (; count < threads && enough; count += enough) {
        enough = has_blas_block(1);
        if (enough) blocks[count] = blas_memory_alloc(0);
    }
    while (count-- > 0) blas_memory_free(blocks[count]);
    return enough;
}
