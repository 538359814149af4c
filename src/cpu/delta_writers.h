#ifndef DELTA_WRITERS_H
#define DELTA_WRITERS_H

#include "darknet.h"

/* Whether the delta of layer number `target` need not be 0 before the backward pass: the layer that
   is the first to write to it, the last in the network, writes all of it and adds nothing. False
   where the CPU's own loops are not used (cpu_fast() is 0). */
int delta_is_overwritten(const network *net, int target);

/* The same, asked by the layer of net->index about net->delta: whether it is that first layer. */
int overwrites_delta(const network *net);

#endif
