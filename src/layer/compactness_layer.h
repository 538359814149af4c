/* Darknet's [compactness] layer: passes its input through, and pulls the features of images without
 * a label together. */
#ifndef COMPACTNESS_LAYER_H
#define COMPACTNESS_LAYER_H

#include "layer.h"
#include "list.h"
#include "network.h"

typedef layer compactness_layer;

/* The layer of a section that begins in `line` of the .cfg `filename`: weight=, a finite number
   from 0 on, 0.1 where it is not given. A bad one ends the program as parse_smooth_topk does.
   `inputs` numbers of an image of w x h x c, zeros for none. */
compactness_layer parse_compactness(const char *filename, int line, list *options, int batch,
                                    int inputs, int w, int h, int c);

/* Output: the input. With net.truth, rows of net.truths numbers, the m rows of zeros (or of
   SECRET_NUM, as [softmax] has them) are images without a label: cost = weight m L, L being the
   loss of compactness.h over these, so that an image without a label counts as much as one with.
   Fewer than two such images in a batch (a subdivision): cost 0, no gradient. A NaN in one of them
   makes the cost a NaN, and with it the loss of the network. Backward adds delta and, in training,
   minus the gradient to the layer below. On a GPU the cost and the gradient are computed on the
   CPU. */
void forward_compactness_layer(const compactness_layer l, network net);
void backward_compactness_layer(const compactness_layer l, network net);

#ifdef GPU
void forward_compactness_layer_gpu(const compactness_layer l, network net);
void backward_compactness_layer_gpu(const compactness_layer l, network net);
#endif

#endif
