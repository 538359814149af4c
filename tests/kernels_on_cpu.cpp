/* The kernels, emulated, behind the interfaces of smooth_topk_cpu and its kin: so the tests of the
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

extern "C" int sum_kernels(const smooth_topk_term *terms, int count, int batch, int classes,
                           const float *scores, const int *labels, float *loss, float *grad)
{
    return smooth_topk_sum_gpu(terms, count, batch, classes, scores, labels, loss, grad, NULL);
}

extern "C" int sum_kernels_workspace(const smooth_topk_term *terms, int count, int batch,
                                     int classes, const float *scores, const int *labels,
                                     float *loss, float *grad, void *workspace,
                                     size_t workspace_size)
{
    return smooth_topk_sum_gpu_workspace(terms, count, batch, classes, scores, labels, loss, grad,
                                         workspace, workspace_size, NULL);
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
    return smooth_topk_truth_gpu(objective, batch, classes, scores, truth, 1, loss, delta, NULL,
                                 workspace, workspace_size, NULL);
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
                                   const float *scores, float *output, void *workspace)
{
    int error =
        smooth_topk_membership_gpu(batch, classes, k, temperature, scores, output, workspace,
                                   membership_kernels_workspace_size(classes, k), NULL);
    if (error) exit(1);
}
