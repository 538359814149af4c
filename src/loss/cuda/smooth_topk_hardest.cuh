/* Only the hardest samples of a batch count: the others' loss and gradient become 0. */
#ifndef SMOOTH_TOPK_HARDEST_CUH
#define SMOOTH_TOPK_HARDEST_CUH

#include "smooth_topk_cuda.cuh"
#include "smooth_topk_hardest.h"

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* A thread a sample: factors[b] = batch / hardest if fewer than `hardest` samples are harder, of
   equal ones the first, else 0. */
static __global__ void hardest_kernel(const float *loss, int batch, int hardest, float *factors)
{
    for (int b = blockIdx.x * blockDim.x + threadIdx.x; b < batch; b += gridDim.x * blockDim.x) {
        int harder = 0;
        for (int other = 0; other < batch; ++other)
            harder += other < b ? !smooth_topk_is_harder(loss[b], loss[other])
                                : smooth_topk_is_harder(loss[other], loss[b]);
        factors[b] = harder < hardest ? (float)batch / (float)hardest : 0;
    }
}

/* A block a sample. A NaN that does not count becomes 0 too. */
static __global__ void scale_kernel(const float *factors, int classes, float *loss, float *delta)
{
    float factor = factors[blockIdx.x], *row = delta + (size_t)blockIdx.x * classes;
    for (int i = threadIdx.x; i < classes; i += blockDim.x)
        row[i] = factor == 0 ? 0 : factor * row[i];
    if (threadIdx.x == 0) loss[blockIdx.x] = factor == 0 ? 0 : factor * loss[blockIdx.x];
}

/* -------------------------------------------------------------------------------------------------
   kernel launchers
   -------------------------------------------------------------------------------------------------
 */

static int launch_hardest(int hardest, int batch, int classes, float *loss, float *delta,
                          float *factors, cudaStream_t stream)
{
    if (launch(hardest_kernel, (batch - 1) / WARP + 1, WARP, 0, stream, (const float *)loss, batch,
               hardest, factors) != cudaSuccess)
        return SMOOTH_TOPK_ERROR_CUDA;
    return failed(launch(scale_kernel, batch, ROW_THREADS, 0, stream, (const float *)factors,
                         classes, loss, delta));
}

#endif
