/* The kernels, emulated, behind the interface of smooth_topk_cpu: so the tests of the
   one are the tests of the other. */
#include "smooth_topk_gpu.cu"

extern "C" int kernels(const smooth_topk_params *params, int batch, int classes,
                       const float *scores, const int *labels, float *loss, float *grad)
{
    return smooth_topk_gpu(params, batch, classes, scores, labels, loss, grad, NULL);
}

extern "C" int kernels_workspace(const smooth_topk_params *params, int batch, int classes,
                                 const float *scores, const int *labels, float *loss, float *grad,
                                 void *workspace, size_t workspace_size)
{
    return smooth_topk_gpu_workspace(params, batch, classes, scores, labels, loss, grad, workspace,
                                     workspace_size, NULL);
}

extern "C" size_t kernels_workspace_size(const smooth_topk_params *params, int, int classes)
{
    return smooth_topk_gpu_workspace_size(params, 1, classes);
}
