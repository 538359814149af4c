/* The memory that OpenBLAS works in: a block for each of its threads. */
#ifndef BLAS_MEMORY_H
#define BLAS_MEMORY_H

#include <stddef.h>
#include <sys/mman.h>

#define BLAS_BLOCK ((size_t)128 << 20) /* bytes */

/* Whether the system would give so many blocks, and a little for the rest of the program. */
static inline int has_blas_block(int count)
{
    size_t bytes = (size_t)count * BLAS_BLOCK + (BLAS_BLOCK >> 3);
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return 0;
    munmap(block, bytes);
    return 1;
}

/* Whether the BLAS library has memory to work in on so many threads at once; takes it for good.
   OpenBLAS asks the system for 128 MB a thread, and would ask for ever where there is less. Called
   before the first product. */
int blas_has_memory(int threads);

#endif
