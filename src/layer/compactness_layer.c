/* The glue between Darknet and the compactness loss: truth rows tell the targets, gradients are
 * added to the layer below. */
#include "compactness_layer.h"

#include "allocate.h"
#include "blas.h"
#include "compactness.h"
#include "cuda.h"
#include "loss_options.h"

#include <stdio.h>
#include <string.h>

#define WEIGHT_RANGE "a finite number, weight >= 0"

static compactness_layer make_compactness_layer(int batch, int inputs, float weight)
{
    compactness_layer l = {0};
    size_t count = (size_t)batch * (size_t)inputs;
    fprintf(stderr, "compactness  weight = %g  %4d features\n", (double)weight, inputs);
    l.type = COMPACTNESS;
    l.batch = batch;
    l.inputs = l.outputs = inputs;
    l.scale = weight;
    l.output = allocate(count, sizeof(float));
    l.delta = allocate(count, sizeof(float));
    l.mean = allocate((size_t)inputs, sizeof(float));
    l.indexes = allocate((size_t)batch, sizeof(int)); /* 1: an image without a label */
    l.cost = allocate(1, sizeof(float));
    l.forward = forward_compactness_layer;
    l.backward = backward_compactness_layer;
#ifdef GPU
    l.forward_gpu = forward_compactness_layer_gpu;
    l.backward_gpu = backward_compactness_layer_gpu;
    l.output_gpu = cuda_make_array(l.output, count);
    l.delta_gpu = cuda_make_array(l.delta, count);
#endif
    return l;
}

compactness_layer parse_compactness(const char *filename, int line, list *options, int batch,
                                    int inputs, int w, int h, int c)
{
    const loss_section section = {"compactness", options};
    set_loss_place(filename, line);
    float weight = (float)loss_number_option(&section, "weight", 0.1, WEIGHT_RANGE);
    if (!(weight >= 0))
        refuse_loss_option(section.name, "weight=%s: out of range; must be " WEIGHT_RANGE,
                           loss_option_text(&section, "weight"));
    compactness_layer l = make_compactness_layer(batch, inputs, weight);
    l.w = l.out_w = w;
    l.h = l.out_h = h;
    l.c = l.out_c = c;
    set_loss_place(NULL, 0);
    return l;
}

static int has_label(const float *truth, int count)
{
    for (int i = 0; i < count; ++i)
        if (truth[i] != 0 && truth[i] != SECRET_NUM) return 1;
    return 0;
}

/* `features`: the input, on the host. */
static void find_cost(const compactness_layer l, const network *net, const float *features)
{
    int targets = 0;
    *l.cost = 0;
    if (!net->truth) return;
    for (int b = 0; b < l.batch; ++b) {
        l.indexes[b] = !has_label(net->truth + (size_t)b * (size_t)net->truths, net->truths);
        targets += l.indexes[b];
    }
    float loss = compactness_loss(l.batch, l.inputs, features, l.indexes, l.mean);
    *l.cost = l.scale * (float)targets * loss;
}

/* sum += delta's part: minus the gradient of the cost. */
static void add_own_delta(const compactness_layer l, const float *features, float *sum)
{
    int targets = 0;
    for (int b = 0; b < l.batch; ++b) targets += l.indexes[b];
    add_compactness_gradient(l.batch, l.inputs, features, l.indexes, l.mean,
                             -l.scale * (float)targets, sum);
}

void forward_compactness_layer(const compactness_layer l, network net)
{
    memcpy(l.output, net.input, (size_t)l.batch * (size_t)l.inputs * sizeof *l.output);
    find_cost(l, &net, net.input);
}

void backward_compactness_layer(const compactness_layer l, network net)
{
    if (!net.delta) return;
    axpy_cpu(l.batch * l.inputs, 1, l.delta, 1, net.delta, 1);
    if (net.truth) add_own_delta(l, l.output, net.delta);
}

#ifdef GPU

void forward_compactness_layer_gpu(const compactness_layer l, network net)
{
    copy_gpu(l.batch * l.inputs, net.input_gpu, 1, l.output_gpu, 1);
    if (net.truth) cuda_pull_array(net.input_gpu, l.output, (size_t)l.batch * (size_t)l.inputs);
    find_cost(l, &net, l.output);
}

/* delta_gpu is added twice: as it came, and as its own part. */
void backward_compactness_layer_gpu(const compactness_layer l, network net)
{
    size_t count = (size_t)l.batch * (size_t)l.inputs;
    if (!net.delta_gpu) return;
    axpy_gpu((int)count, 1, l.delta_gpu, 1, net.delta_gpu, 1);
    if (!net.truth) return;
    memset(l.delta, 0, count * sizeof *l.delta);
    add_own_delta(l, l.output, l.delta);
    cuda_push_array(l.delta_gpu, l.delta, count);
    axpy_gpu((int)count, 1, l.delta_gpu, 1, net.delta_gpu, 1);
}

#endif
