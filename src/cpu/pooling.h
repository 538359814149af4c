#ifndef POOLING_H
#define POOLING_H

#include "darknet.h"

/* [maxpool], forward and backward, on all threads: the same numbers as upstream's loops. An output
   whose window holds NaN alone has no index, and no gradient. Each returns 0 and does nothing where
   cpu_fast() is 0. */
int forward_maxpool_cpu(layer l, network net);
int backward_maxpool_cpu(layer l, network net);

#endif
