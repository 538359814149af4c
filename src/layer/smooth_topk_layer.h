/* Darknet's [smooth_topk] and [topk_loss] layers: a top-k loss on the scores that come in, softmax
 * probabilities out. */
#ifndef SMOOTH_TOPK_LAYER_H
#define SMOOTH_TOPK_LAYER_H

#include "layer.h"
#include "list.h"
#include "network.h"

#include "loss_threshold.h"
#include "smooth_topk_options.h"

typedef layer smooth_topk_layer;

/* What the layer keeps beside Darknet's own fields; its buffers are made once. */
typedef struct smooth_topk_state smooth_topk_state;

/* The layer of a section that begins in `line` of the .cfg `filename`, its options checked: a bad
   one ends the program with exit code 1 and a message that names file, line, section, option, value
   and range. inputs is the number of classes. The names of options are the table's in
   src/checks/cfg_options.c. */
smooth_topk_layer parse_smooth_topk(const char *filename, int line, list *options, int batch,
                                    int inputs);

/* The same for a [topk_loss] section, one of the losses of topk_losses.h (topk_loss_options.h). On
   a GPU its loss is computed on the CPU: scores come, deltas go. */
smooth_topk_layer parse_topk_loss(const char *filename, int line, list *options, int batch,
                                  int inputs);

/* batch x inputs scores -> batch x inputs probabilities. Copies the options; ends the program as
   parse_smooth_topk does. */
smooth_topk_layer make_smooth_topk_layer(int batch, int inputs, const smooth_topk_options *options);

/* class_margins=auto and class_weights=auto: whether the layer needs the counts of the training
   list before it sees a truth, and their number for each class, >= 0. */
int smooth_topk_asks_for_counts(const smooth_topk_layer l);
void set_smooth_topk_class_counts(const smooth_topk_layer l, const int *counts);

/* What class_margins= and class_weights= have for each class; NULL where not given. */
const float *smooth_topk_class_margins(const smooth_topk_layer l);
const float *smooth_topk_class_weights(const smooth_topk_layer l);

/* hardest=, a fraction: the threshold, NULL without that option; and the copy of its sums in the
   memory of the GPU, NULL without a GPU. */
loss_threshold *smooth_topk_threshold(const layer *l);
float *smooth_topk_threshold_sums_gpu(const layer *l);

/* 1 if the output is output=membership's. */
int smooth_topk_puts_out_memberships(const smooth_topk_layer l);

/* Output: softmax(scores / temperature), or, with output=membership, m_i(k) of the scores /
   temperature for the largest k of the section (smooth_topk_membership.h). In training (net.train
   and net.truth) it is not written: nothing reads it, and it would cost a third of the layer.

   Cost, with net.truth, rows of `inputs` floats t_i: the sum over the batch of
   sum_i t_i sum_j weight_j scale_j L_j(scores, i), with label smoothing and class numbers as in
   smooth_topk_truth.h. delta: minus its gradient. A row of zeros is ignored; a row with a NaN has a
   cost and a delta of NaN.

   hardest=m: only the m samples of a subdivision with the largest losses count, each times
   subdivision size / m. hardest=, a fraction: those above a threshold, which moves in training
   (net.train); see loss_threshold.h. */
void forward_smooth_topk_layer(const smooth_topk_layer l, network net);
void backward_smooth_topk_layer(const smooth_topk_layer l, network net);

/* hardest=, a fraction: a batch has ended, and the threshold moves. */
void update_smooth_topk_layer(const smooth_topk_layer l, update_args unused);
void free_smooth_topk_state(smooth_topk_state *state);

#ifdef GPU
void forward_smooth_topk_layer_gpu(const smooth_topk_layer l, network net);
void backward_smooth_topk_layer_gpu(const smooth_topk_layer l, network net);

/* A training step of a network that ends with this layer: its cost is fetched by
   finish_smooth_topk_cost, when the backward pass is queued, so that the GPU need not wait for the
   host between forward and backward. Its output is not fetched: in training it is not written. */
int smooth_topk_cost_comes_later(const network *net);
void finish_smooth_topk_cost(network *net);
#endif

#endif
