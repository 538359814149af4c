/* Stands in for the GPU and cuDNN (LD_PRELOAD), to test on any machine what Darknet asks of them.
 *
 * Kernels do nothing, memory is the host's. A convolution succeeds only with the one algorithm that
 * a caller may take: the fastest is above the limit, the next is marked as failed, the third turns
 * out to be unsupported. The fourth needs more workspace for one image than for a batch; that much
 * must have been allocated. With MOCK_CUDNN_TOO_LARGE set there is only the first. */
#include <cudnn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOO_LARGE, FAILED, UNSUPPORTED, RIGHT, ALGORITHMS };

struct cudnnTensorStruct {
    int n;
};
struct cudnnFilterStruct {
    int n;
};
struct cudnnConvolutionStruct {
    int math, groups;
};

static struct {
    void *start;
    size_t size;
} memory[4096];
static int convolutions;

__attribute__((destructor)) static void report(void)
{
    fprintf(stderr, "mock: %d convolutions\n", convolutions);
}

static size_t workspace_bytes(int algorithm, int n)
{
    if (algorithm == TOO_LARGE) return 3000000000u;
    if (algorithm == RIGHT) return n == 1 ? 4000000 : 1000000;
    return 0;
}

static size_t allocated(const void *start)
{
    for (int i = 0; i < 4096; ++i)
        if (memory[i].start == start) return memory[i].size;
    return 0;
}

static cudnnStatus_t workspace_size(int algorithm, int n, size_t *size)
{
    *size = workspace_bytes(algorithm, n);
    return algorithm == UNSUPPORTED ? CUDNN_STATUS_NOT_SUPPORTED : CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t convolve(int algorithm, int n, const void *workspace, size_t size,
                              cudnnConvolutionDescriptor_t convolution)
{
    size_t wanted = workspace_bytes(algorithm, n);
    if (algorithm != RIGHT || convolution->groups < 1) return CUDNN_STATUS_EXECUTION_FAILED;
#if CUDNN_MAJOR >= 8
    if (convolution->math != CUDNN_FMA_MATH) return CUDNN_STATUS_EXECUTION_FAILED;
#endif
    if (size < wanted || allocated(workspace) < wanted) return CUDNN_STATUS_BAD_PARAM;
    convolutions++;
    return CUDNN_STATUS_SUCCESS;
}

/* The CUDA runtime. */
cudaError_t cudaSetDevice(int device)
{
    return device == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}
cudaError_t cudaGetDevice(int *device)
{
    *device = 0;
    return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
    (void)attribute, (void)device;
    *value = 48 << 10; /* bytes of shared memory: the one that is asked for */
    return cudaSuccess;
}
cudaError_t cudaGetLastError(void)
{
    return cudaSuccess;
}
cudaError_t cudaPeekAtLastError(void)
{
    return cudaSuccess;
}
cudaError_t cudaMalloc(void **start, size_t size)
{
    for (int i = 0; i < 4096; ++i) {
        if (memory[i].start) continue;
        *start = memory[i].start = calloc(1, size);
        memory[i].size = size;
        return cudaSuccess;
    }
    return cudaErrorMemoryAllocation;
}
cudaError_t cudaFree(void *start)
{
    for (int i = 0; start && i < 4096; ++i) {
        if (memory[i].start != start) continue;
        memory[i].start = NULL;
        free(start);
        return cudaSuccess;
    }
    return start ? cudaErrorInvalidValue : cudaSuccess;
}
cudaError_t cudaMemcpy(void *target, const void *source, size_t size, enum cudaMemcpyKind kind)
{
    (void)kind;
    memcpy(target, source, size);
    return cudaSuccess;
}
/* What a kernel's <<<>>> becomes: the first up to CUDA 12, the others from then on. */
cudaError_t cudaLaunchKernel(const void *kernel, dim3 grid, dim3 block, void **arguments,
                             size_t shared, cudaStream_t stream)
{
    (void)kernel, (void)grid, (void)block, (void)arguments, (void)shared, (void)stream;
    return cudaSuccess;
}
int __cudaGetKernel(void)
{
    return 0;
}
int __cudaLaunchKernel(void)
{
    return 0;
}
int cublasCreate_v2(void)
{
    return 0;
}
int cublasSgemm_v2(void)
{
    return 0;
}

/* cuDNN. */
cudnnStatus_t cudnnCreate(cudnnHandle_t *handle)
{
    *handle = NULL;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *tensor)
{
    *tensor = calloc(1, sizeof(**tensor));
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *filter)
{
    *filter = calloc(1, sizeof(**filter));
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *convolution)
{
    *convolution = calloc(1, sizeof(**convolution));
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t tensor, cudnnTensorFormat_t format,
                                         cudnnDataType_t type, int n, int c, int h, int w)
{
    (void)format, (void)type, (void)c, (void)h, (void)w;
    if (!tensor) return CUDNN_STATUS_BAD_PARAM;
    tensor->n = n;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t filter, cudnnDataType_t type,
                                         cudnnTensorFormat_t format, int k, int c, int h, int w)
{
    (void)format, (void)type, (void)c, (void)h, (void)w;
    if (!filter) return CUDNN_STATUS_BAD_PARAM;
    filter->n = k;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t convolution, int pad_h,
                                              int pad_w, int stride_h, int stride_w, int dilation_h,
                                              int dilation_w, cudnnConvolutionMode_t mode,
                                              cudnnDataType_t type)
{
    (void)pad_h, (void)pad_w, (void)stride_h, (void)stride_w, (void)dilation_h, (void)dilation_w,
        (void)mode, (void)type;
    return convolution ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_BAD_PARAM;
}
cudnnStatus_t cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t convolution, int groups)
{
    convolution->groups = groups;
    return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t convolution,
                                          cudnnMathType_t math)
{
    convolution->math = math;
    return CUDNN_STATUS_SUCCESS;
}

#define PASS(pass, kind, from_t, with_t, to_t)                                                     \
    cudnnStatus_t cudnnGetConvolution##pass##Algorithm_v7(                                         \
        cudnnHandle_t handle, const from_t source, const with_t factor,                            \
        const cudnnConvolutionDescriptor_t convolution, const to_t target, const int wanted,       \
        int *found, cudnnConvolution##kind##AlgoPerf_t *proposals)                                 \
    {                                                                                              \
        (void)handle, (void)source, (void)factor, (void)convolution, (void)target;                 \
        *found = 0;                                                                                \
        for (int i = 0; i < (getenv("MOCK_CUDNN_TOO_LARGE") ? FAILED : ALGORITHMS) && i < wanted;  \
             ++i) {                                                                                \
            proposals[i].algo = (cudnnConvolution##kind##Algo_t)i;                                 \
            proposals[i].status = i == FAILED ? CUDNN_STATUS_NOT_SUPPORTED : CUDNN_STATUS_SUCCESS; \
            ++*found;                                                                              \
        }                                                                                          \
        return CUDNN_STATUS_SUCCESS;                                                               \
    }                                                                                              \
    cudnnStatus_t cudnnGetConvolution##pass##WorkspaceSize(                                        \
        cudnnHandle_t handle, const from_t source, const with_t factor,                            \
        const cudnnConvolutionDescriptor_t convolution, const to_t target,                         \
        cudnnConvolution##kind##Algo_t algorithm, size_t *size)                                    \
    {                                                                                              \
        (void)handle, (void)source, (void)factor, (void)convolution, (void)target;                 \
        return workspace_size(algorithm, batch_of_##pass(source, factor), size);                   \
    }
#define batch_of_Forward(source, factor) (source)->n
#define batch_of_BackwardData(source, factor) (factor)->n
#define batch_of_BackwardFilter(source, factor) (source)->n
PASS(Forward, Fwd, cudnnTensorDescriptor_t, cudnnFilterDescriptor_t, cudnnTensorDescriptor_t)
PASS(BackwardData, BwdData, cudnnFilterDescriptor_t, cudnnTensorDescriptor_t,
     cudnnTensorDescriptor_t)
PASS(BackwardFilter, BwdFilter, cudnnTensorDescriptor_t, cudnnTensorDescriptor_t,
     cudnnFilterDescriptor_t)

cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha,
                                      const cudnnTensorDescriptor_t x, const void *x_data,
                                      const cudnnFilterDescriptor_t w, const void *w_data,
                                      const cudnnConvolutionDescriptor_t convolution,
                                      cudnnConvolutionFwdAlgo_t algorithm, void *workspace,
                                      size_t size, const void *beta,
                                      const cudnnTensorDescriptor_t y, void *y_data)
{
    (void)handle, (void)alpha, (void)x_data, (void)w, (void)w_data, (void)beta, (void)y,
        (void)y_data;
    return convolve(algorithm, x->n, workspace, size, convolution);
}
cudnnStatus_t cudnnConvolutionBackwardData(cudnnHandle_t handle, const void *alpha,
                                           const cudnnFilterDescriptor_t w, const void *w_data,
                                           const cudnnTensorDescriptor_t y, const void *y_data,
                                           const cudnnConvolutionDescriptor_t convolution,
                                           cudnnConvolutionBwdDataAlgo_t algorithm, void *workspace,
                                           size_t size, const void *beta,
                                           const cudnnTensorDescriptor_t x, void *x_data)
{
    (void)handle, (void)alpha, (void)w, (void)w_data, (void)y_data, (void)beta, (void)x,
        (void)x_data;
    return convolve(algorithm, y->n, workspace, size, convolution);
}
cudnnStatus_t cudnnConvolutionBackwardFilter(cudnnHandle_t handle, const void *alpha,
                                             const cudnnTensorDescriptor_t x, const void *x_data,
                                             const cudnnTensorDescriptor_t y, const void *y_data,
                                             const cudnnConvolutionDescriptor_t convolution,
                                             cudnnConvolutionBwdFilterAlgo_t algorithm,
                                             void *workspace, size_t size, const void *beta,
                                             const cudnnFilterDescriptor_t w, void *w_data)
{
    (void)handle, (void)alpha, (void)x_data, (void)y, (void)y_data, (void)beta, (void)w,
        (void)w_data;
    return convolve(algorithm, x->n, workspace, size, convolution);
}
/* Named in assembly, to spare their long parameter lists. */
int batch_normalization(void) __asm__("cudnnBatchNormalizationForwardTraining");
int batch_normalization(void)
{
    return 0;
}
int batch_normalization_backward(void) __asm__("cudnnBatchNormalizationBackward");
int batch_normalization_backward(void)
{
    return 0;
}
