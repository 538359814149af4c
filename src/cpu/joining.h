#ifndef JOINING_H
#define JOINING_H

#include "darknet.h"

/* Upstream's functions of [route] and [shortcut] on all threads; each array is read and written
   once, and deltas are written in place of added to where delta_writers.h says so. A [shortcut] of
   two sizes, or of the layer before it with itself, is left to upstream's. */
void forward_route_cpu(layer l, network net);
void backward_route_cpu(layer l, network net);
void forward_shortcut_cpu(layer l, network net);
void backward_shortcut_cpu(layer l, network net);

#endif
