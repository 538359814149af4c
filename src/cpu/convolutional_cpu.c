/* Darknet's layers on convolution.h and normalization.h. */
#include "convolutional_cpu.h"

#include "convolution.h"
#include "convolutional_layer.h"
#include "cpu_settings.h"
#include "delta_writers.h"
#include "normalization.h"

#include <string.h>

static convolution_shape layer_shape(layer l)
{
    convolution_shape s = {l.batch, l.c,      l.h,   l.w,     l.n,    l.groups,
                           l.size,  l.stride, l.pad, l.out_h, l.out_w};
    return s;
}

static normalization_shape channel_shape(layer l)
{
    normalization_shape s = {l.batch, l.out_c, l.out_h * l.out_w};
    return s;
}

size_t convolutional_workspace_cpu(layer l, size_t upstream)
{
#ifdef GPU
    if (gpu_index >= 0) return upstream;
#endif
    if (!cpu_fast()) return upstream;
    convolution_shape s = layer_shape(l);
    return convolution_workspace(&s) * sizeof(float);
}

static void roll(int n, const float *now, float *rolling)
{
    for (int i = 0; i < n; ++i) rolling[i] = .99f * rolling[i] + .01f * now[i];
}

/* xnor: weights and input of one size each, as upstream's forward pass makes them. */
static void make_binary(layer *l, network *net)
{
    binarize_weights(l->weights, l->n, l->nweights / l->n, l->binary_weights);
    for (int i = 0; i < l->batch * l->inputs; ++i) l->binary_input[i] = net->input[i] > 0 ? 1 : -1;
    l->weights = l->binary_weights;
    net->input = l->binary_input;
}

int forward_convolutional_cpu(layer l, network net)
{
    if (!cpu_fast()) return 0;
    convolution_shape shape = layer_shape(l);
    normalization_shape channels = channel_shape(l);
    if (l.xnor) make_binary(&l, &net);
    int normalize = l.batch_normalize && net.train;
    /* The backward pass wants x, and there is one too where a command asks for the gradient with
     * respect to an image. */
    float *output = l.batch_normalize && (net.train || net.delta) ? l.x : l.output;
    convolution_forward(&shape, l.weights, net.input, output, net.workspace);
    if (normalize) {
        normalize_forward(&channels, l.x, l.output, l.mean, l.variance, l.scales, l.biases,
                          l.activation);
        roll(l.out_c, l.mean, l.rolling_mean);
        roll(l.out_c, l.variance, l.rolling_variance);
    } else if (l.batch_normalize)
        apply_statistics(&channels, output, l.output, l.rolling_mean, l.rolling_variance, l.scales,
                         l.biases, l.activation);
    else
        apply_statistics(&channels, output, output, 0, 0, 0, l.biases, l.activation);
    return 1;
}

int backward_convolutional_cpu(layer l, network net)
{
    if (!cpu_fast()) return 0;
    convolution_shape shape = layer_shape(l);
    normalization_shape channels = channel_shape(l);
    if (l.batch_normalize)
        normalize_backward(&channels, l.x, l.output, l.delta, net.train ? l.mean : l.rolling_mean,
                           net.train ? l.variance : l.rolling_variance, l.scales, l.biases,
                           l.scale_updates, l.bias_updates, l.activation);
    else
        bias_backward(&channels, l.output, l.delta, l.bias_updates, l.activation);
    convolution_backward(&shape, l.weights, net.input, l.delta, l.weight_updates, net.delta,
                         overwrites_delta(&net), net.workspace);
    return 1;
}

int forward_batchnorm_cpu(layer l, network net)
{
    if (!cpu_fast()) return 0;
    normalization_shape channels = channel_shape(l);
    const float *x = net.input;
    if (l.type != BATCHNORM) {
        memcpy(l.x, l.output, (size_t)l.batch * l.outputs * sizeof(float));
        x = l.x;
    }
    if (net.train) {
        normalize_forward(&channels, x, l.output, l.mean, l.variance, l.scales, l.biases, LINEAR);
        roll(l.out_c, l.mean, l.rolling_mean);
        roll(l.out_c, l.variance, l.rolling_variance);
    } else
        apply_statistics(&channels, x, l.output, l.rolling_mean, l.rolling_variance, l.scales,
                         l.biases, LINEAR);
    return 1;
}

int backward_batchnorm_cpu(layer l, network net)
{
    if (!cpu_fast()) return 0;
    normalization_shape channels = channel_shape(l);
    normalize_backward(&channels, l.type == BATCHNORM ? net.input : l.x, l.output, l.delta,
                       net.train ? l.mean : l.rolling_mean,
                       net.train ? l.variance : l.rolling_variance, l.scales, l.biases,
                       l.scale_updates, l.bias_updates, LINEAR);
    if (l.type == BATCHNORM && net.delta)
        for (int i = 0; i < l.batch * l.outputs; ++i) net.delta[i] += l.delta[i];
    return 1;
}
