/* The update of a layer's weights, biases and scales after a batch, on the CPU. */
#include "layer_update.h"

#include "blas.h"
#include "cpu_settings.h"
#include "elementwise.h"

#include <math.h>

/* What is learned: `count` numbers, their gradients and, with Adam, their moments. */
typedef struct {
    int count;
    float *values, *updates, *mean, *variance;
} learned;

static adam_step make_adam_step(const update_args *a, float rate)
{
    adam_step s = {.B1 = a->B1, .B2 = a->B2, .eps = a->eps, .rate = rate};
    s.decay = a->decay * (float)a->batch;
    s.mean_share = (float)(1 - pow(a->B1, a->t));
    s.variance_share = (float)(1 - pow(a->B2, a->t));
    return s;
}

static void update_with_momentum(const learned *part, const update_args *a, float rate)
{
    axpy_cpu(part->count, rate / (float)a->batch, part->updates, 1, part->values, 1);
    scal_cpu(part->count, a->momentum, part->updates, 1);
}

int update_layer_cpu(layer l, update_args a)
{
    int filters = l.type != CONNECTED, clipped = l.clip != 0 && l.type == CONVOLUTIONAL;
    if (!a.adam && !clipped && (!cpu_fast() || l.type == DECONVOLUTIONAL)) return 0;
    float rate = a.learning_rate * l.learning_rate_scale;
    int outputs = filters ? l.n : l.outputs;
    const learned weights = {filters ? l.nweights : l.inputs * l.outputs, l.weights,
                             l.weight_updates, l.m, l.v};
    const learned biases = {outputs, l.biases, l.bias_updates, l.bias_m, l.bias_v};
    const learned scales = {l.scale_updates ? outputs : 0, l.scales, l.scale_updates, l.scale_m,
                            l.scale_v};
    const learned *const parts[] = {&biases, &scales, &weights};
    if (a.adam) {
        adam_step s = make_adam_step(&a, rate);
        for (int i = 0; i < 3; ++i)
            update_by_adam(parts[i]->count, &s, parts[i]->values, parts[i]->updates, parts[i]->mean,
                           parts[i]->variance);
    } else {
        update_with_momentum(&biases, &a, rate);
        update_with_momentum(&scales, &a, rate);
        update_weights(weights.count, a.decay * (float)a.batch, rate / (float)a.batch, a.momentum,
                       weights.values, weights.updates);
    }
    if (clipped) clip_numbers(weights.count, l.clip, weights.values);
    return 1;
}
