/* Membership probabilities as a layer's output. */
#include "membership_output.h"

#include "allocate.h"
#include "darknet.h"
#include "smooth_topk_gpu.h"
#include "smooth_topk_membership.h"

#include <stdlib.h>

membership_output make_membership_output(int k, int batch, int classes)
{
    membership_output m = {.k = k};
    if (!k) return m;
    m.workspace = allocate(smooth_topk_membership_workspace_size(classes, k), 1);
#ifdef GPU
    m.workspace_gpu_size = smooth_topk_membership_gpu_workspace_size(batch, classes, k);
    m.workspace_gpu = cuda_make_array(NULL, m.workspace_gpu_size / sizeof *m.workspace_gpu + 1);
#else
    (void)batch;
#endif
    return m;
}

void put_out_memberships(const membership_output *m, int batch, int classes, float temperature,
                         const float *scores, float *output)
{
    smooth_topk_membership_cpu(batch, classes, m->k, temperature, scores, output, m->workspace);
}

#ifdef GPU
int put_out_memberships_gpu(const membership_output *m, int batch, int classes, float temperature,
                            const float *scores_gpu, float *output_gpu)
{
    return smooth_topk_membership_gpu(batch, classes, m->k, temperature, scores_gpu, output_gpu,
                                      m->workspace_gpu, m->workspace_gpu_size, NULL);
}
#endif

void free_membership_output(membership_output *m)
{
    free(m->workspace);
#ifdef GPU
    if (m->workspace_gpu) cuda_free(m->workspace_gpu);
#endif
}
