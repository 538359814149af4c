/* Labels: those of rows of truth, and whether all are in range. */
#ifndef SMOOTH_TOPK_LABELS_CUH
#define SMOOTH_TOPK_LABELS_CUH

#include "smooth_topk_cuda.cuh"

#include <limits.h>

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

typedef struct {
    int entries, first, bad; /* of the row; bad: a NaN or an infinity */
    float partial[WARP];
} label_shared;

/* A row of truth: one label and its weight, none, or several. */
static __global__ void label_kernel(gpu_batch batch, int *labels, float *weights)
{
    DYNAMIC_SHARED(label_shared, shared);
    const float *row = batch.truth + (size_t)blockIdx.x * batch.classes;
    float sum = 0;
    if (threadIdx.x == 0) {
        shared->entries = shared->bad = 0;
        shared->first = INT_MAX;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < batch.classes; i += blockDim.x) {
        unsigned bits = float_bits(row[i]);
        if (bits << 1 == 0) continue;
        if ((bits & BITS_PLUS_INF) == BITS_PLUS_INF) atomicAdd(&shared->bad, 1);
        atomicAdd(&shared->entries, 1);
        atomicMin(&shared->first, i);
        sum += batch.class_weights ? batch.class_weights[i] * row[i] : row[i];
    }
    sum = block_sum(sum, shared->partial);
    if (threadIdx.x != 0) return;
    int is_soft = shared->entries > 1 || batch.smoothing > 0;
    labels[blockIdx.x] = shared->entries == 0 ? -1
                         : shared->bad        ? LABEL_BAD
                         : is_soft            ? LABEL_SOFT
                                              : shared->first;
    weights[blockIdx.x] = sum;
}

/* *bad = 1 if a label is neither a class nor -1. */
static __global__ void check_kernel(const int *labels, int batch, int classes, int *bad)
{
    for (int b = blockIdx.x * blockDim.x + threadIdx.x; b < batch; b += gridDim.x * blockDim.x)
        if (labels[b] < -1 || labels[b] >= classes) *bad = 1;
}

/* -------------------------------------------------------------------------------------------------
   kernel launchers
   -------------------------------------------------------------------------------------------------
 */

static int launch_labels(const gpu_batch *batch, int *labels, float *weights, cudaStream_t stream)
{
    return failed(launch(label_kernel, batch->samples, ROW_THREADS, sizeof(label_shared), stream,
                         *batch, labels, weights));
}

#define MOST_CHECK_BLOCKS 256

/* SMOOTH_TOPK_ERROR_LABEL if one is out of range; waits for the answer. */
static int check_labels(const int *labels, int batch, int classes, int *bad, cudaStream_t stream)
{
    int found = 0;
    if (cudaMemsetAsync(bad, 0, sizeof(int), stream) != cudaSuccess) return SMOOTH_TOPK_ERROR_CUDA;
    if (launch(check_kernel, min_int((batch - 1) / ROW_THREADS + 1, MOST_CHECK_BLOCKS), ROW_THREADS,
               0, stream, labels, batch, classes, bad) != cudaSuccess ||
        cudaMemcpyAsync(&found, bad, sizeof(int), cudaMemcpyDeviceToHost, stream) != cudaSuccess ||
        cudaStreamSynchronize(stream) != cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    return found ? SMOOTH_TOPK_ERROR_LABEL : SMOOTH_TOPK_OK;
}

#endif
