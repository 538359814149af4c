/* Which numbers of a layer a weights file holds. */
#ifndef LAYER_WEIGHTS_H
#define LAYER_WEIGHTS_H

#include "darknet.h"

/* How many numbers a weights file has of the layer, where numload= and dontloadscales= hold. */
size_t count_weights(layer l);

/* Bytes that a training on the CPU certainly writes to: weights, gradients, outputs. */
size_t trained_bytes(layer l, int adam);

/* 1 if all of those numbers, as they are in the computer's memory, are finite. */
int has_finite_weights(layer l);

#endif
