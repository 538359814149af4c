/* Darknet's [compactness] layer: passes its input through, and pulls the features of images without
 * a label together. */
#ifndef COMPACTNESS_LAYER_H
#define COMPACTNESS_LAYER_H

#include "layer.h"
#include "list.h"
#include "network.h"

typedef layer compactness_layer;

/* The layer of a section that begins in `line` of the .cfg `filename`. Its option is weight=, a
   finite number >= 0, by default 0.1; another value ends the program as parse_smooth_topk does.
   The input is w x h x c = `inputs` numbers, or, without a shape, w = h = c = 0. */
compactness_layer parse_compactness(const char *filename, int line, list *options, int batch,
                                    int inputs, int w, int h, int c);

/* The output is the input. net.truth has rows of net.truths numbers; rows of zeros (or of
   SECRET_NUM, as [softmax] has them) are images without a label. With m of them in a batch (a
   subdivision), cost = weight m L, L being the loss of compactness.h: so an image without a label
   counts as much as one with a label. With m < 2 cost and gradient are 0. A NaN in the features of
   such an image makes the cost, and so the loss of the network, NaN. Backward adds delta and, in
   training, minus the gradient to the layer below. On a GPU cost and gradient are computed on the
   CPU. */
void forward_compactness_layer(const compactness_layer l, network net);
void backward_compactness_layer(const compactness_layer l, network net);

#ifdef GPU
void forward_compactness_layer_gpu(const compactness_layer l, network net);
void backward_compactness_layer_gpu(const compactness_layer l, network net);
#endif

#endif
