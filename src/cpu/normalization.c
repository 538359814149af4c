/* Batch normalization and biases, with the activation in the same pass. */
#include "normalization.h"

#include "activations.h"
#include "cpu_settings.h"
#include "cpu_threads.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Where a channel's numbers are: `size` in each of `count` images, `apart` floats from one to the
   next. */
typedef struct {
    int count, size;
    ptrdiff_t apart;
} channel_planes;

typedef struct {
    void (*moments)(const channel_planes *p, const float *x, float shift, double *sums);
    void (*affine)(const channel_planes *p, const float *x, float *y, float mean, float scale,
                   float bias, float slope);
    void (*gradient_moments)(const channel_planes *p, const float *x, float *delta, float mean,
                             float scale, float bias, float slope, double *sums);
    void (*combine)(const channel_planes *p, const float *x, float *delta, float mean,
                    float by_delta, float by_x, float constant);
} normalization_kernels;

#define LOOPS_FILE "normalization_kernels.h"
#include "each_instruction_set.h"

typedef struct {
    const normalization_shape *shape;
    const normalization_kernels *kernels;
    const float *x, *scales, *biases, *given_mean, *given_variance;
    float *y, *delta, *mean, *variance, *scale_updates, *bias_updates;
    float slope; /* of the activation below 0: 1 for linear */
} normalization;

/* Whether the activation is a slope for negative numbers, and which. */
static int find_slope(ACTIVATION activation, float *slope)
{
    *slope = activation == LEAKY ? .1f : activation == RELU ? 0 : 1;
    return activation == LEAKY || activation == RELU || activation == LINEAR;
}

static channel_planes find_planes(const normalization *n)
{
    const normalization_shape *s = n->shape;
    return (channel_planes){s->batch, s->size, (ptrdiff_t)s->channels * s->size};
}

/* One pass: the sums are of distances from the mean of the first image, so that nothing cancels. */
static void moments_of_channel(normalization *n, const channel_planes *planes, int channel)
{
    const float *x = n->x + (ptrdiff_t)channel * planes->size;
    channel_planes first = *planes;
    double sums[2] = {0}, count = (double)planes->count * planes->size;
    first.count = 1;
    n->kernels->moments(&first, x, 0, sums);
    float shift = sums[0] / planes->size;
    sums[0] = sums[1] = 0;
    n->kernels->moments(planes, x, shift, sums);
    n->mean[channel] = shift + sums[0] / count;
    n->variance[channel] = (sums[1] - sums[0] * sums[0] / count) / (count - 1);
}

/* The factor of x - mean in y; 1 without normalization. */
static float scale_of_channel(const normalization *n, int channel)
{
    if (!n->given_mean) return 1;
    return n->scales[channel] / (sqrtf(n->given_variance[channel]) + .000001f);
}

static void forward_channel(void *argument, int channel, int slot)
{
    normalization *n = argument;
    channel_planes planes = find_planes(n);
    ptrdiff_t first = (ptrdiff_t)channel * planes.size;
    (void)slot;
    if (n->mean) moments_of_channel(n, &planes, channel);
    n->kernels->affine(&planes, n->x + first, n->y + first,
                       n->given_mean ? n->given_mean[channel] : 0, scale_of_channel(n, channel),
                       n->biases[channel], n->slope);
}

static void run_forward(normalization *n, ACTIVATION activation)
{
    int done = find_slope(activation, &n->slope);
    n->kernels = SIMD_CHOOSE(loops, cpu.instructions);
    parallel_for(n->shape->channels, forward_channel, n);
    if (!done)
        activate_array(n->y, n->shape->batch * n->shape->channels * n->shape->size, activation);
}

void normalize_forward(const normalization_shape *shape, const float *x, float *y, float *mean,
                       float *variance, const float *scales, const float *biases,
                       ACTIVATION activation)
{
    normalization n = {.shape = shape, .x = x, .y = y, .mean = mean, .variance = variance};
    n.given_mean = mean;
    n.given_variance = variance;
    n.scales = scales;
    n.biases = biases;
    run_forward(&n, activation);
}

void apply_statistics(const normalization_shape *shape, const float *x, float *y, const float *mean,
                      const float *variance, const float *scales, const float *biases,
                      ACTIVATION activation)
{
    normalization n = {.shape = shape, .x = x, .y = y, .given_mean = mean};
    n.given_variance = variance;
    n.scales = scales;
    n.biases = biases;
    run_forward(&n, activation);
}

static void backward_channel(void *argument, int channel, int slot)
{
    normalization *n = argument;
    channel_planes planes = find_planes(n);
    const float *x = n->x + (ptrdiff_t)channel * planes.size;
    float *delta = n->delta + (ptrdiff_t)channel * planes.size;
    float mean = n->given_mean ? n->given_mean[channel] : 0;
    double sums[2] = {0}, count = (double)planes.count * planes.size;
    (void)slot;
    n->kernels->gradient_moments(&planes, x, delta, mean, scale_of_channel(n, channel),
                                 n->biases ? n->biases[channel] : 0, n->slope, sums);
    n->bias_updates[channel] += sums[0];
    if (!n->given_mean) return;
    double variance = n->given_variance[channel], scale = n->scales[channel];
    double rate = 1 / sqrt(variance + .00001f);
    n->scale_updates[channel] += sums[1] / (sqrt(variance) + .000001f);
    n->kernels->combine(&planes, x, delta, mean, scale * rate,
                        -scale * sums[1] * rate * rate * rate / count,
                        -scale * sums[0] * rate / count);
}

static void run_backward(normalization *n, ACTIVATION activation)
{
    if (!find_slope(activation, &n->slope))
        gradient_array(n->y, n->shape->batch * n->shape->channels * n->shape->size, activation,
                       n->delta);
    n->kernels = SIMD_CHOOSE(loops, cpu.instructions);
    parallel_for(n->shape->channels, backward_channel, n);
}

void normalize_backward(const normalization_shape *shape, const float *x, const float *y,
                        float *delta, const float *mean, const float *variance, const float *scales,
                        const float *biases, float *scale_updates, float *bias_updates,
                        ACTIVATION activation)
{
    normalization n = {.shape = shape, .x = x, .y = (float *)y, .delta = delta, .scales = scales};
    n.biases = biases;
    n.given_mean = mean;
    n.given_variance = variance;
    n.scale_updates = scale_updates;
    n.bias_updates = bias_updates;
    run_backward(&n, activation);
}

void bias_backward(const normalization_shape *shape, const float *y, float *delta,
                   float *bias_updates, ACTIVATION activation)
{
    normalization n = {.shape = shape, .x = y, .y = (float *)y, .delta = delta};
    n.bias_updates = bias_updates;
    run_backward(&n, activation);
}
