/* output=membership of [smooth_topk]: the layer puts out the probability of each class to be among
 * the k, in place of the softmax. */
#ifndef MEMBERSHIP_OUTPUT_H
#define MEMBERSHIP_OUTPUT_H

#include <stddef.h>

typedef struct {
    int k; /* 0: the output is the softmax; then the rest is of no account */
    void *workspace;
#ifdef GPU
    float *workspace_gpu;
    size_t workspace_gpu_size; /* bytes */
#endif
} membership_output;

/* Buffers for batches of `batch` rows. */
membership_output make_membership_output(int k, int batch, int classes);

/* output[b, i] = m_i(k) of the scores / temperature (smooth_topk_membership.h). */
void put_out_memberships(const membership_output *m, int batch, int classes, float temperature,
                         const float *scores, float *output);

#ifdef GPU
/* The same with pointers of the GPU. Returns 0 or an error of smooth_topk.h. */
int put_out_memberships_gpu(const membership_output *m, int batch, int classes, float temperature,
                            const float *scores_gpu, float *output_gpu);
#endif

void free_membership_output(membership_output *m);

#endif
