/* The loss of rows of truth, as a layer of a network has them: several terms, class margins and
   weights, label smoothing. */
#ifndef SMOOTH_TOPK_TRUTH_H
#define SMOOTH_TOPK_TRUTH_H

#include "smooth_topk.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is to be minimized. With w_i the weight of class i, m_i its margin, t_i the truth of a row:

       loss = scale sum_i t'_i sum_j weight_j L(scores, i; k_j, tau_j, m_i alpha_j),
       t'_i = (1 - smoothing) w_i t_i + smoothing / (classes - 1) sum_{l != i} w_l t_l. */
typedef struct {
    const smooth_topk_term *terms;
    int count;                  /* of terms, >= 1 */
    float scale;                /* > 0 and finite */
    float smoothing;            /* 0 <= smoothing < 1; 0: none */
    const float *class_margins; /* classes factors on every alpha, >= 0 and finite; NULL: all 1 */
    const float *class_weights; /* classes factors on loss and gradient, >= 0, finite; NULL: 1 */
} smooth_topk_objective;

/* Loss and minus its gradient for a batch of rows of truth.

   scores, truth   batch x classes. A row of zeros is ignored (loss 0, gradient 0), even where its
                   scores are NaN; a NaN or an infinity in the truth makes its row's loss and
                   gradient NaN, as one in the scores does.
   loss            batch
   delta           batch x classes; must not overlap scores or truth
   workspace       at least the _workspace_size below for one thread; threads as in smooth_topk.h

   A row of one label costs one evaluation of the loss. Any other costs about three, whatever the
   number of labels; but with tau = 0 or algorithm LOG one a label. Returns 0 or an error of
   smooth_topk.h. */
int smooth_topk_truth_cpu(const smooth_topk_objective *objective, int batch, int classes,
                          const float *scores, const float *truth, float *loss, float *delta,
                          void *workspace, size_t workspace_size);
size_t smooth_topk_truth_workspace_size(const smooth_topk_objective *objective, int threads,
                                        int classes);

#ifdef __cplusplus
}
#endif

#endif
