/* The softmax of the scores at a temperature: the output of a layer. Reads a row twice and writes
   it once; pivot_kernel and any_kernel do the same on the way. */
#ifndef SMOOTH_TOPK_SOFTMAX_CUH
#define SMOOTH_TOPK_SOFTMAX_CUH

#include "smooth_topk_cuda.cuh"

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* output = softmax(row / temperature); most: the largest of the row; partial: as in team_sum. */
static __device__ void softmax_row(team members, const float *row, int classes, float most,
                                   float temperature, float *output, float *partial)
{
    float sum = 0;
    for (int i = members.thread; i < classes; i += members.threads)
        sum += expf((row[i] - most) / temperature);
    float scale = 1 / team_sum(members, sum, partial);
    for (int i = members.thread; i < classes; i += members.threads)
        output[i] = expf((row[i] - most) / temperature) * scale;
}

static __global__ void softmax_kernel(gpu_batch batch)
{
    DYNAMIC_SHARED(float, partial);
    const float *scores = batch.scores + (size_t)blockIdx.x * batch.classes;
    float most = minus_inf();
    for (int i = threadIdx.x; i < batch.classes; i += blockDim.x) most = fmaxf(most, scores[i]);
    most = block_max(most, partial);
    softmax_row(whole_block(), scores, batch.classes, most, batch.temperature,
                batch.output + (size_t)blockIdx.x * batch.classes, partial + WARP);
}

/* -------------------------------------------------------------------------------------------------
   kernel launchers
   -------------------------------------------------------------------------------------------------
 */

static int launch_softmax(const gpu_batch *batch, cudaStream_t stream)
{
    return failed(launch(softmax_kernel, batch->samples, ROW_THREADS, 2 * WARP * sizeof(float),
                         stream, *batch));
}

#endif
