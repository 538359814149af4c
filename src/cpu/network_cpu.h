#ifndef NETWORK_CPU_H
#define NETWORK_CPU_H

#include "darknet.h"

#include <stddef.h>

/* Gives a network whose layers are made, and which will run on the CPU, the loops of joining.h for
   its [route] and [shortcut] layers, but not where upstream's own are asked for (cpu_fast() is 0).
   Returns `bytes` bytes of zeros, at least 1, that all its layers work in; freed by free. */
float *prepare_network_cpu(network *net, size_t bytes);

#endif
