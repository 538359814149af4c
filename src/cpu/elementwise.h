#ifndef ELEMENTWISE_H
#define ELEMENTWISE_H

#include "darknet.h"

/* Loops over long arrays, on all threads. Each returns 0 and does nothing where upstream's own loop
   is asked for (cpu_fast() is 0); else 1. */

/* x = activation(x), and delta *= its gradient where the activation is x. */
int activate_array_cpu(float *x, int n, ACTIVATION activation);
int gradient_array_cpu(const float *x, int n, ACTIVATION activation, float *delta);

/* weight_updates -= decay weights; weights += rate weight_updates; weight_updates *= momentum.
   decay and rate as upstream's update functions have them: decay * batch, learning_rate / batch. */
int update_weights_cpu(int n, float decay, float rate, float momentum, float *weights,
                       float *weight_updates);

/* delta of a layer = 0 before its forward pass; when the network only predicts it is left alone. */
int clear_delta_cpu(layer l, network net);

#endif
