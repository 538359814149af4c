#ifndef CONVOLUTION_H
#define CONVOLUTION_H

#include <stddef.h>

/* A convolution of a batch of images; all >= 1, but pad >= 0. channels and filters are multiples of
   groups, out_x = (x + 2 pad - size) / stride + 1. */
typedef struct {
    int batch, channels, height, width;
    int filters, groups, size, stride, pad;
    int out_height, out_width;
} convolution_shape;

/* Floats of workspace that the functions below need, for this batch or a smaller one. */
size_t convolution_workspace(const convolution_shape *shape);

/* output = the convolution of input with weights, without bias.
   input: batch x channels x height x width; weights: filters x channels/groups x size x size;
   output: batch x filters x out_height x out_width. */
void convolution_forward(const convolution_shape *shape, const float *weights, const float *input,
                         float *output, float *workspace);

/* Adds the gradients: to weight_updates, and to input_delta unless it is NULL. Where `overwrite` is
   set, input_delta is written and what was there does not matter. */
void convolution_backward(const convolution_shape *shape, const float *weights, const float *input,
                          const float *delta, float *weight_updates, float *input_delta,
                          int overwrite, float *workspace);

/* Both by Winograd's method, where winograd_fits: size 3, stride 1, pad <= 2, one group, and enough
   channels and filters that the products are worth it. */
int winograd_fits(const convolution_shape *shape);
size_t winograd_workspace(const convolution_shape *shape);
void winograd_forward(const convolution_shape *shape, const float *weights, const float *input,
                      float *output, float *workspace);
void winograd_backward(const convolution_shape *shape, const float *weights, const float *input,
                       const float *delta, float *weight_updates, float *input_delta, int overwrite,
                       float *workspace);

#endif
