/* The kernels on a GPU behind the interface of smooth_topk_cpu: so the tests of the one are the
   tests of the other. */
#include "smooth_topk_gpu.h"

#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>

static void check(cudaError_t status, const char *what)
{
    if (status == cudaSuccess) return;
    fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(status));
    exit(1);
}

/* What a call needs on the device; grows, and is kept for the next call. */
enum { SCORES, LABELS, LOSS, GRAD, WORKSPACE, BUFFERS };
static void *buffers[BUFFERS];
static size_t sizes[BUFFERS];

static void *buffer(int which, size_t bytes)
{
    if (bytes > sizes[which]) {
        check(cudaFree(buffers[which]), "cudaFree");
        check(cudaMalloc(&buffers[which], bytes), "cudaMalloc");
        sizes[which] = bytes;
    }
    return buffers[which];
}

static void *to_gpu(int which, const void *from, size_t bytes)
{
    void *to = buffer(which, bytes);
    if (from && bytes) check(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "to the GPU");
    return from ? to : NULL;
}

static void to_cpu(int which, void *to, size_t bytes)
{
    if (to && bytes)
        check(cudaMemcpy(to, buffers[which], bytes, cudaMemcpyDeviceToHost), "to the CPU");
}

static int run(const smooth_topk_params *params, int batch, int classes, const float *scores,
               const int *labels, float *loss, float *grad, void *workspace, size_t workspace_size,
               int has_workspace)
{
    size_t rows = batch > 0 ? batch : 0, size = classes > 0 ? rows * classes * sizeof(float) : 0;
    const float *scores_gpu = (const float *)to_gpu(SCORES, scores, size);
    const int *labels_gpu = (const int *)to_gpu(LABELS, labels, rows * sizeof(int));
    float *loss_gpu = (float *)to_gpu(LOSS, loss, rows * sizeof(float));
    float *grad_gpu = grad ? (float *)buffer(GRAD, size) : NULL;
    void *workspace_gpu = workspace ? buffer(WORKSPACE, workspace_size) : NULL;
    int error = has_workspace ? smooth_topk_gpu_workspace(params, batch, classes, scores_gpu,
                                                          labels_gpu, loss_gpu, grad_gpu,
                                                          workspace_gpu, workspace_size, 0)
                              : smooth_topk_gpu(params, batch, classes, scores_gpu, labels_gpu,
                                                loss_gpu, grad_gpu, 0);
    check(cudaDeviceSynchronize(), "the kernels");
    if (error) return error;
    to_cpu(LOSS, loss, rows * sizeof(float));
    to_cpu(GRAD, grad, size);
    return 0;
}

extern "C" int kernels(const smooth_topk_params *params, int batch, int classes,
                       const float *scores, const int *labels, float *loss, float *grad)
{
    return run(params, batch, classes, scores, labels, loss, grad, NULL, 0, 0);
}

extern "C" int kernels_workspace(const smooth_topk_params *params, int batch, int classes,
                                 const float *scores, const int *labels, float *loss, float *grad,
                                 void *workspace, size_t workspace_size)
{
    return run(params, batch, classes, scores, labels, loss, grad, workspace, workspace_size, 1);
}

extern "C" size_t kernels_workspace_size(const smooth_topk_params *params, int, int classes)
{
    return smooth_topk_gpu_workspace_size(params, 1, classes);
}
