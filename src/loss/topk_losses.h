/* The other top-k losses of the field, for comparison with the smooth one. */
#ifndef TOPK_LOSSES_H
#define TOPK_LOSSES_H

#include "topk_loss_types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The name of a type in a .cfg: entropy, truncated_entropy, ...; NULL beyond the last. */
const char *topk_loss_name(topk_loss_type type);

/* 0 or SMOOTH_TOPK_ERROR_K, _TAU, _Q, _ALGORITHM (the type) or _SIZE of smooth_topk.h. */
int topk_loss_check(const topk_loss_params *params, int classes);

/* Loss and gradient of one sample. With a_j = s_j - s_y for the classes j other than the label y,
   h_j = 1 + a_j, x_1 >= x_2 >= ... the a_j in order:

   entropy            the smallest u in 0 .. k-1 for which, U being the u largest a and M the rest,
                      Z = sum_M exp(a): max_M a <= log(Z/(k-u)). B = sum_U a + (k-u) log(Z/(k-u)),
                      L = log(1 + k exp(B/k)). This closed form of the paper's convex problem is
                      our own.
   truncated_entropy  log(1 + sum exp(a_j) without the k-1 largest)
   hinge_alpha        max(0, mean of the k largest h)
   hinge_beta         mean of the k largest max(0, h)
   calibrated_hinge   max(0, 1 + s_[k+1] - s_y), s_[k+1] the (k+1)-th largest of all scores; where
                      the label and another class could both be it, it is the other
   lml                -log p_y, p_j = sigmoid(s_j/tau + nu), nu such that sum_j p_j = k
   lapsum             the same with p_j = F(s_j/tau + nu), F the distribution function of Laplace:
                      F(x) = exp(x)/2 below 0, 1 - exp(-x)/2 from there on
   gce                (1 - p_y^q)/q, p the softmax of the scores; q -> 0 is cross-entropy
   l2svm              sum_c max(0, 1 - t_c s_c)^2, t = 1 for the label, -1 for the others
   multilabel_hinge, multilabel_entropy    max(0, 1 + largest a_j), log(1 + sum exp(a_j)): these
                      are those of multilabel_losses.h for a single label

   scores  classes, classes >= 2
   label   0 .. classes-1
   grad    classes, d loss / d scores; must not overlap scores. Its sum is 0, except for l2svm. Of
           equal scores the first counts as the larger.
   scratch topk_loss_scratch(params, classes) bytes, aligned for double

   A NaN or +inf score makes loss and gradient NaN. A class with score -inf cannot be chosen; its
   gradient is 0. If the label's score is -inf: loss +inf (gce: 1/q), gradient 0. If it is finite
   and fewer than k other scores are finite, the label is always among the k best: loss 0, gradient
   0 (but not for hinge_beta and the losses without a k). */
void topk_loss_of_label(const topk_loss_params *params, int classes, const float *scores, int label,
                        float *loss, float *grad, void *scratch);
size_t topk_loss_scratch(const topk_loss_params *params, int classes);

/* Loss and minus its gradient for a batch of rows of truth t: loss = scale sum_i t_i L(scores, i).
   scores, truth, loss, delta, workspace and errors as smooth_topk_truth_cpu of smooth_topk_truth.h;
   scale > 0 and finite. */
int topk_loss_truth_cpu(const topk_loss_params *params, float scale, int batch, int classes,
                        const float *scores, const float *truth, float *loss, float *delta,
                        void *workspace, size_t workspace_size);
size_t topk_loss_truth_workspace_size(const topk_loss_params *params, int threads, int classes);

/* The average top-m loss of a batch (Fan et al. 2017): only the m samples with the largest losses
   count, each times batch/m; the others' loss and delta become 0. Of equal losses the first counts
   as the larger, a NaN as the largest. 1 <= m; where m >= batch nothing changes.

   loss batch, delta batch x classes, order: room for batch numbers. */
void topk_loss_keep_hardest(int m, int batch, int classes, float *loss, float *delta, int *order);

#ifdef __cplusplus
}
#endif

#endif
