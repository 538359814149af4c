#ifndef DELTA_WRITERS_H
#define DELTA_WRITERS_H

#include "darknet.h"

/* Whether the delta of layer number `target` need not be 0 before the backward pass: the layer that
   is the first to write to it, the last in the network, writes all of it and adds nothing. False
   where the CPU's own loops are not used (cpu_fast() is 0). */
int delta_is_overwritten(const network *net, int target);

/* The same, and whether the layer of net->index is that first layer. */
int writes_first(const network *net, int target);

/* The same about net->delta. */
int overwrites_delta(const network *net);

/* Whether a [shortcut], layer number `index`, adds two layers of one size, not one to itself. */
int adds_whole_layers(const layer *shortcut, int index);

#endif
