/* Losses of all labels of an image at once (Lapin, Hein, Schiele, PAMI 2017). */
#ifndef MULTILABEL_LOSSES_H
#define MULTILABEL_LOSSES_H

#include "topk_loss_types.h"

int is_multilabel_loss(topk_loss_type type);

/* Loss and gradient of a row of truth t; its labels are the classes with t_i other than 0.

   TOPK_LOSS_MULTILABEL_HINGE    sum_i t_i max(0, 1 + the largest score of the other classes
                                 - the smallest score of the labels)
   TOPK_LOSS_MULTILABEL_ENTROPY  sum_i t_i (log sum_j exp(s_j) - s_i)

   scores, truth, grad   classes; grad must not overlap the others. Of equal scores the first has
   the gradient. A NaN or +inf score makes loss and gradient NaN; a class of -inf cannot be chosen,
   its gradient is 0; a label of -inf has loss +inf, and then the gradient is 0. */
void multilabel_loss_of_row(topk_loss_type type, int classes, const float *scores,
                            const float *truth, float *loss, float *grad);

#endif
