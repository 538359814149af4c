/* Membership probabilities as a layer's output. */
#include "membership_output.h"

#include "allocate.h"
#include "cuda.h"
#include "smooth_topk_membership.h"

#include <stdlib.h>

membership_output make_membership_output(int k, int batch, int classes)
{
    membership_output m = {.k = k};
    if (!k) return m;
    m.workspace = allocate(smooth_topk_membership_workspace_size(classes, k), 1);
#ifdef GPU
    m.scores = allocate((size_t)batch * (size_t)classes, sizeof *m.scores);
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
void put_out_memberships_gpu(const membership_output *m, int batch, int classes, float temperature,
                             float *scores_gpu, float *output, float *output_gpu)
{
    size_t count = (size_t)batch * (size_t)classes;
    cuda_pull_array(scores_gpu, m->scores, count);
    put_out_memberships(m, batch, classes, temperature, m->scores, output);
    cuda_push_array(output_gpu, output, count);
}
#endif

void free_membership_output(membership_output *m)
{
    free(m->workspace);
    free(m->scores);
}
