#ifndef NORMALIZATION_H
#define NORMALIZATION_H

#include "darknet.h"

/* Batch normalization of upstream's formulas, a channel of the whole batch at a time, in the cache
   between the passes over it; the activation in the same pass where it is leaky, relu or linear.

   x, y, delta: batch x channels x size. y may be x. */
typedef struct {
    int batch, channels, size;
} normalization_shape;

/* y = activation(scales (x - mean) / (sqrt(variance) + 1e-6) + biases); mean and variance (divided
   by batch size - 1) of each channel of x are written. */
void normalize_forward(const normalization_shape *shape, const float *x, float *y, float *mean,
                       float *variance, const float *scales, const float *biases,
                       ACTIVATION activation);

/* The same with a mean and variance that are given: scales, mean and variance may all be NULL, for
   y = activation(x + biases). */
void normalize_with(const normalization_shape *shape, const float *x, float *y, const float *mean,
                    const float *variance, const float *scales, const float *biases,
                    ACTIVATION activation);

/* From delta by y to delta by x, in place; adds to scale_updates and bias_updates. y is what
   normalize_forward wrote, for the activation. */
void normalize_backward(const normalization_shape *shape, const float *x, const float *y,
                        float *delta, const float *mean, const float *variance, const float *scales,
                        float *scale_updates, float *bias_updates, ACTIVATION activation);

/* delta by y = activation(x + biases) to delta by x, in place; adds to bias_updates. */
void bias_backward(const normalization_shape *shape, const float *y, float *delta,
                   float *bias_updates, ACTIVATION activation);

#endif
