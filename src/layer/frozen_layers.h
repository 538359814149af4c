/* Layers that do not learn: stopbackward=1 freezes a layer and all before it, learning_rate=0 one
   alone, through which the gradient goes on. */
#ifndef FROZEN_LAYERS_H
#define FROZEN_LAYERS_H

#include "darknet.h"

/* Whether layer i of the network is frozen in either way: then its update is left out, and its
   numbers stay as they are, bit for bit. */
int is_frozen(const network *net, int i);

/* Before layer i goes forward: *copy, the network that is handed to it, and *l, its layer, become
   such that its statistics of normalization stay. At and before stopbackward=1 it normalizes by
   them, as in prediction; with learning_rate=0 by those of the batch. */
void begin_forward(const network *net, int i, network *copy, layer *l);

#endif
