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
void apply_statistics(const normalization_shape *shape, const float *x, float *y, const float *mean,
                      const float *variance, const float *scales, const float *biases,
                      ACTIVATION activation);

/* The gradient with respect to y becomes the gradient with respect to x, in place in delta; adds to
   scale_updates and bias_updates. y is what normalize_forward wrote; only an activation that is not
   leaky, relu or linear reads it. biases may be NULL: all 0. */
void normalize_backward(const normalization_shape *shape, const float *x, const float *y,
                        float *delta, const float *mean, const float *variance, const float *scales,
                        const float *biases, float *scale_updates, float *bias_updates,
                        ACTIVATION activation);

/* The gradient with respect to y = activation(x + biases) becomes that with respect to x, in place
   in delta; adds to bias_updates. */
void bias_backward(const normalization_shape *shape, const float *y, float *delta,
                   float *bias_updates, ACTIVATION activation);

#endif
