/* A network's input and truth in pinned memory, which the GPU reads directly. */
#ifndef PINNED_BATCH_H
#define PINNED_BATCH_H

#include "darknet.h"

#ifdef GPU
/* Pins net->input and net->truth, both there; where the system has no memory to pin they stay as
   they are, and only copies take longer. */
void pin_batch(network *net);
/* Before they are freed. */
void unpin_batch(network *net);
#else
static inline void unpin_batch(network *net)
{
    (void)net;
}
#endif

#endif
