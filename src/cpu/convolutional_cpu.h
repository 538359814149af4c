#ifndef CONVOLUTIONAL_CPU_H
#define CONVOLUTIONAL_CPU_H

#include "elementwise.h"

/* What upstream's layers ask for first. Each but the last returns 0 and does nothing where
   upstream's own arithmetic is asked for (cpu_fast() is 0), else 1. */

/* [convolutional], with batch normalization or bias and the activation. */
int forward_convolutional_cpu(layer l, network net);
int backward_convolutional_cpu(layer l, network net);

/* [batchnorm], and the normalization inside other layers than [convolutional]. */
int forward_batchnorm_cpu(layer l, network net);
int backward_batchnorm_cpu(layer l, network net);

/* Bytes of net.workspace for a convolutional layer; upstream's is what it needs itself. */
size_t convolutional_workspace_cpu(layer l, size_t upstream);

#endif
