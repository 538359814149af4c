/* The smooth top-k loss of Berrada, Zisserman and Kumar (ICLR 2018, arXiv 1802.07595) and its
   gradient. */
#ifndef SMOOTH_TOPK_H
#define SMOOTH_TOPK_H

#include <stddef.h>

#define SMOOTH_TOPK_VERSION "1.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/* How the elementary symmetric polynomials are computed. Both are exact and take O(k) a class.
   PIVOT: linear space, scaled by the k-th largest score; about as fast as a softmax.
   LOG:   the paper's divide and conquer with every number kept as its logarithm; the reference. */
typedef enum { SMOOTH_TOPK_PIVOT, SMOOTH_TOPK_LOG } smooth_topk_algorithm;

typedef struct {
    int k;       /* guesses, 1 <= k < classes */
    float tau;   /* temperature, >= 0 and finite; 0 is the hard hinge */
    float alpha; /* margin, >= 0 and finite */
    smooth_topk_algorithm algorithm;
} smooth_topk_params;

enum {
    SMOOTH_TOPK_OK,
    SMOOTH_TOPK_ERROR_K,
    SMOOTH_TOPK_ERROR_TAU,
    SMOOTH_TOPK_ERROR_ALPHA,
    SMOOTH_TOPK_ERROR_ALGORITHM,
    SMOOTH_TOPK_ERROR_SIZE,
    SMOOTH_TOPK_ERROR_LABEL,
    SMOOTH_TOPK_ERROR_MEMORY,
    SMOOTH_TOPK_ERROR_CUDA, /* the GPU's alone */
    SMOOTH_TOPK_ERROR_WEIGHT,
    SMOOTH_TOPK_ERROR_Q /* of [topk_loss] type=gce */
};

/* Loss and gradient of a batch (equations 10 and 11 of the paper).

   With z_i = s_i/(k tau), e_i = exp(z_i), sigma_j the j-th elementary symmetric polynomial of the
   e_i of all classes but the label y, m_i(j) = d log sigma_j / d z_i and

   - q      = alpha/tau + log(sigma_k) - log(sigma_{k-1}) - z_y:
   - loss   = tau log(1 + exp(alpha/tau) sigma_k / (e_y sigma_{k-1})) = tau log(1 + exp(q))
   - d/ds_y = -sigmoid(q)/k
   - d/ds_i = sigmoid(q)/k (m_i(k) - m_i(k-1))

   For tau = 0, loss = max(0, alpha + (s_[k] - s_y)/k) with a subgradient of it, s_[k] the k-th
   largest score but the label's.

   scores  batch x classes, row-major; classes >= 2
   labels  batch; 0 .. classes-1, or -1: ignore the sample (loss 0, gradient 0)
   loss    batch; never averaged
   grad    batch x classes, d loss[b] / d scores[b, :]; may be NULL. Must not overlap scores.

   A NaN or +inf score makes the loss and gradient of its own sample NaN, of no other. A class with
   score -inf cannot be chosen; its gradient is 0. If the label's score is -inf: loss +inf, gradient
   0. If it is finite and fewer than k other scores are finite, the label is always among the k
   best: loss 0, gradient 0.

   Returns 0 or one of the errors above; on an error nothing is written. Allocates its scratch
   memory once a call; smooth_topk_cpu_workspace does not. Safe to call from several threads. */
int smooth_topk_cpu(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels, float *loss, float *grad);

/* The same with scratch memory of the caller. Built with OpenMP, as many threads share the batch as
   the workspace has room for. workspace_size is in bytes; below smooth_topk_workspace_size(params,
   1, classes) the call returns SMOOTH_TOPK_ERROR_MEMORY. */
int smooth_topk_cpu_workspace(const smooth_topk_params *params, int batch, int classes,
                              const float *scores, const int *labels, float *loss, float *grad,
                              void *workspace, size_t workspace_size);

/* Bytes of scratch that let `threads` threads work at once; threads = 0: as many as OpenMP would
   start. O(classes + k log k) a thread. 0 if the parameters are refused. */
size_t smooth_topk_workspace_size(const smooth_topk_params *params, int threads, int classes);

/* 0, or the error that smooth_topk_cpu would return for these parameters. */
int smooth_topk_check(const smooth_topk_params *params, int classes);

/* The loss for several k at once, so that one network is good at top-1 and at top-5:
   loss[b] = sum_j weight_j L_j, and the gradient of that. Weights are not divided by their sum. */
typedef struct {
    smooth_topk_params params;
    float weight; /* > 0 and finite */
} smooth_topk_term;

/* As smooth_topk_cpu, for count >= 1 terms, each with its own k, tau, alpha and algorithm. One term
   of weight 1 gives the bits of smooth_topk_cpu. The loss is NaN or +inf where, by the rules above,
   that of a term is. */
int smooth_topk_sum_cpu(const smooth_topk_term *terms, int count, int batch, int classes,
                        const float *scores, const int *labels, float *loss, float *grad);

/* The same with scratch memory of the caller, and its checks, as for smooth_topk_cpu. */
int smooth_topk_sum_cpu_workspace(const smooth_topk_term *terms, int count, int batch, int classes,
                                  const float *scores, const int *labels, float *loss, float *grad,
                                  void *workspace, size_t workspace_size);
size_t smooth_topk_sum_workspace_size(const smooth_topk_term *terms, int count, int threads,
                                      int classes);
int smooth_topk_sum_check(const smooth_topk_term *terms, int count, int classes);

/* One line without a full stop that names the parameter and its range; never NULL. */
const char *smooth_topk_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif
