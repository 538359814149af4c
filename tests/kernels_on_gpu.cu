/* The kernels on a GPU behind the interfaces of smooth_topk_cpu and its kin: so the tests of the
   one are the tests of the other. */
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
enum { SCORES, LABELS, TRUTH, MARGINS, WEIGHTS, LOSS, GRAD, WORKSPACE, BUFFERS };
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

static void *to_gpu(int which, const void *source, size_t bytes)
{
    void *target = buffer(which, bytes);
    if (source && bytes)
        check(cudaMemcpy(target, source, bytes, cudaMemcpyHostToDevice), "to the GPU");
    return source ? target : NULL;
}

static void to_cpu(int which, void *target, size_t bytes)
{
    if (target && bytes)
        check(cudaMemcpy(target, buffers[which], bytes, cudaMemcpyDeviceToHost), "to the CPU");
}

static size_t byte_count(int batch, int classes)
{
    return batch > 0 && classes > 0 ? (size_t)batch * classes * sizeof(float) : 0;
}

static int finish(int error, int batch, int classes, float *loss, float *grad)
{
    check(cudaDeviceSynchronize(), "the kernels");
    if (error) return error;
    to_cpu(LOSS, loss, batch * sizeof(float));
    to_cpu(GRAD, grad, byte_count(batch, classes));
    return 0;
}

static int run(const smooth_topk_term *terms, int count, int batch, int classes,
               const float *scores, const int *labels, float *loss, float *grad, void *workspace,
               size_t workspace_size, int has_workspace)
{
    size_t rows = batch > 0 ? batch : 0, size = byte_count(batch, classes);
    const float *scores_gpu = (const float *)to_gpu(SCORES, scores, size);
    const int *labels_gpu = (const int *)to_gpu(LABELS, labels, rows * sizeof(int));
    float *loss_gpu = (float *)to_gpu(LOSS, loss, rows * sizeof(float));
    float *grad_gpu = grad ? (float *)buffer(GRAD, size) : NULL;
    void *workspace_gpu = workspace ? buffer(WORKSPACE, workspace_size) : NULL;
    int error =
        has_workspace
            ? smooth_topk_sum_gpu_workspace(terms, count, batch, classes, scores_gpu, labels_gpu,
                                            loss_gpu, grad_gpu, workspace_gpu, workspace_size, 0)
            : smooth_topk_sum_gpu(terms, count, batch, classes, scores_gpu, labels_gpu, loss_gpu,
                                  grad_gpu, 0);
    return finish(error, (int)rows, classes, loss, grad);
}

extern "C" int kernels(const smooth_topk_params *params, int batch, int classes,
                       const float *scores, const int *labels, float *loss, float *grad)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    smooth_topk_term term = {*params, 1};
    return run(&term, 1, batch, classes, scores, labels, loss, grad, NULL, 0, 0);
}

extern "C" int kernels_workspace(const smooth_topk_params *params, int batch, int classes,
                                 const float *scores, const int *labels, float *loss, float *grad,
                                 void *workspace, size_t workspace_size)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    smooth_topk_term term = {*params, 1};
    return run(&term, 1, batch, classes, scores, labels, loss, grad, workspace, workspace_size, 1);
}

extern "C" size_t kernels_workspace_size(const smooth_topk_params *params, int, int classes)
{
    return smooth_topk_gpu_workspace_size(params, 1, classes);
}

extern "C" int sum_kernels(const smooth_topk_term *terms, int count, int batch, int classes,
                           const float *scores, const int *labels, float *loss, float *grad)
{
    return run(terms, count, batch, classes, scores, labels, loss, grad, NULL, 0, 0);
}

extern "C" int sum_kernels_workspace(const smooth_topk_term *terms, int count, int batch,
                                     int classes, const float *scores, const int *labels,
                                     float *loss, float *grad, void *workspace,
                                     size_t workspace_size)
{
    return run(terms, count, batch, classes, scores, labels, loss, grad, workspace, workspace_size,
               1);
}

extern "C" size_t sum_kernels_workspace_size(const smooth_topk_term *terms, int count, int,
                                             int classes)
{
    return smooth_topk_sum_gpu_workspace_size(terms, count, 1, classes);
}

extern "C" int truth_kernels(const smooth_topk_objective *objective, int batch, int classes,
                             const float *scores, const float *truth, float *loss, float *delta,
                             void *workspace, size_t workspace_size)
{
    size_t size = byte_count(batch, classes), of_classes = byte_count(1, classes);
    smooth_topk_objective on_gpu = *objective;
    on_gpu.class_margins = (const float *)to_gpu(MARGINS, objective->class_margins, of_classes);
    on_gpu.class_weights = (const float *)to_gpu(WEIGHTS, objective->class_weights, of_classes);
    const float *scores_gpu = (const float *)to_gpu(SCORES, scores, size);
    const float *truth_gpu = (const float *)to_gpu(TRUTH, truth, size);
    float *loss_gpu = (float *)to_gpu(LOSS, loss, batch * sizeof(float));
    float *delta_gpu = delta ? (float *)buffer(GRAD, size) : NULL;
    void *workspace_gpu = workspace ? buffer(WORKSPACE, workspace_size) : NULL;
    return finish(smooth_topk_truth_gpu(&on_gpu, batch, classes, scores_gpu, truth_gpu, 1, loss_gpu,
                                        delta_gpu, NULL, workspace_gpu, workspace_size, 0),
                  batch, classes, loss, delta);
}

/* With slots for 3 samples: so they are used again. */
extern "C" size_t truth_kernels_workspace_size(const smooth_topk_objective *objective, int,
                                               int classes)
{
    size_t size = smooth_topk_truth_gpu_workspace_size(objective, 3, classes);
    return size ? size + 64 * sizeof(int) : 0;
}

/* With slots for 2 rows: so they are used again. */
extern "C" size_t membership_kernels_workspace_size(int classes, int k)
{
    return smooth_topk_membership_gpu_workspace_size(2, classes, k);
}

extern "C" void membership_kernels(int batch, int classes, int k, float temperature,
                                   const float *scores, float *output, void *)
{
    size_t size = byte_count(batch, classes), bytes = membership_kernels_workspace_size(classes, k);
    const float *scores_gpu = (const float *)to_gpu(SCORES, scores, size);
    int error = smooth_topk_membership_gpu(batch, classes, k, temperature, scores_gpu,
                                           (float *)buffer(GRAD, size), buffer(WORKSPACE, bytes),
                                           bytes, NULL);
    if (finish(error, 0, 0, NULL, NULL)) exit(1);
    to_cpu(GRAD, output, size);
}
