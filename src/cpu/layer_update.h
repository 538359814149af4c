#ifndef LAYER_UPDATE_H
#define LAYER_UPDATE_H

#include "darknet.h"

/* The update of a [convolutional], [deconvolutional] or [connected] layer, as upstream's GPU code
   has it: with momentum, or by Adam ([net] adam=1; decay then holds for biases and scales too), and
   with [net] clip= the weights of a [convolutional] cut to -clip..clip. Returns 0 and does nothing
   where upstream's own loop does the same: momentum without clip=, and cpu_fast() is 0 or the layer
   a [deconvolutional]. */
int update_layer_cpu(layer l, update_args a);

#endif
