/* Stands in for the GPU, CUDA and NCCL, to test on any machine in which order they are asked.
 *
 * Memory is the host's, sums are MPI's. What is asked of a stream waits in a queue.
 * MOCK_LATE=darknet lets the default stream do nothing before it must (an event is waited for, or
 * the host waits) and the others all that they may at once; MOCK_LATE=nccl the other way round. So
 * where an order is not asked for, numbers come out wrong.
 *
 * MOCK_SHARED=1: all ranks have one GPU. Of rank 1: MOCK_REFUSED=1: NCCL does not begin;
 * MOCK_ERROR=1: after the first sum it meets an error. MOCK_HANGS=1: sums do not end. MOCK_ALONE=1:
 * NCCL waits for ranks in vain. */
#ifndef MOCK_GPU_H
#define MOCK_GPU_H

#include <stddef.h>

/* Asks the default stream for kernel(values, count, number). */
void launch(void (*kernel)(float *values, size_t count, int number), float *values, size_t count,
            int number);

/* Sums that were asked for. */
int sums_begun(void);

#endif
