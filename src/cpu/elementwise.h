#ifndef ELEMENTWISE_H
#define ELEMENTWISE_H

#include "darknet.h"

/* Loops over long arrays, on all threads. Those that return a number return 0 and do nothing where
   upstream's own loop is asked for (cpu_fast() is 0); else 1. */

/* x = activation(x), and delta *= its gradient where the activation is x. */
int activate_array_cpu(float *x, int n, ACTIVATION activation);
int gradient_array_cpu(const float *x, int n, ACTIVATION activation, float *delta);

/* y = activation(by_a a + by_b b), all of n numbers. */
void add_arrays(int n, const float *a, float by_a, const float *b, float by_b,
                ACTIVATION activation, float *y);

/* delta *= the activation's gradient where the activation is y; then each of the two targets gets
   factor delta: its array is written, or added to. */
typedef struct {
    float *array, factor;
    int overwrite;
} delta_target;
void spread_delta(int n, const float *y, ACTIVATION activation, float *delta,
                  const delta_target targets[2]);

/* weight_updates -= decay weights; weights += rate weight_updates; weight_updates *= momentum.
   decay and rate as upstream's update functions have them: decay * batch, learning_rate / batch. */
void update_weights(int n, float decay, float rate, float momentum, float *weights,
                    float *weight_updates);

/* Adam's step number t, all for gradients of a sum over the batch: weight_updates -= decay weights;
   mean and variance, the moments, move by 1 - B1 and 1 - B2 towards it and its square; weights +=
   rate (mean / mean_share) / (sqrt(variance / variance_share) + eps), the shares being 1 - B1^t and
   1 - B2^t; weight_updates = 0. */
typedef struct {
    float B1, B2, eps, rate, decay, mean_share, variance_share;
} adam_step;
void update_by_adam(int n, const adam_step *step, float *weights, float *weight_updates,
                    float *mean, float *variance);

/* x = x cut to -most..most, most > 0. */
void clip_numbers(int n, float most, float *x);

/* delta of layer number net.index = 0 before its forward pass. It is left alone where the network
   only predicts, and where it is overwritten (delta_writers.h). */
int clear_delta_cpu(layer l, network net);

#endif
