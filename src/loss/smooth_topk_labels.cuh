/* Labels: those of rows of truth, and whether all are in range. */
#ifndef SMOOTH_TOPK_LABELS_CUH
#define SMOOTH_TOPK_LABELS_CUH

#include "smooth_topk_cuda.cuh"

#include <limits.h>

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* A row of truth: one label and its weight, none, or several. */
static __global__ void label_kernel(const float *truth, int classes, int *labels, float *weights)
{
    DYNAMIC_SHARED(int, found); /* how many labels the row has, and the first of them */
    const float *row = truth + (size_t)blockIdx.x * classes;
    if (threadIdx.x == 0) {
        found[0] = 0;
        found[1] = INT_MAX;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < classes; i += blockDim.x) {
        if (row[i] == 0) continue;
        atomicAdd(&found[0], 1);
        atomicMin(&found[1], i);
    }
    __syncthreads();
    if (threadIdx.x != 0) return;
    labels[blockIdx.x] = found[0] == 0 ? -1 : found[0] == 1 ? found[1] : LABEL_SOFT;
    weights[blockIdx.x] = found[0] == 1 ? row[found[1]] : 0;
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

static int launch_labels(const float *truth, int samples, int classes, int *labels, float *weights,
                         cudaStream_t stream)
{
    return failed(launch(label_kernel, samples, ROW_THREADS, 2 * sizeof(int), stream, truth,
                         classes, labels, weights));
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
