/* [route], which puts outputs one after the other, and [shortcut], which adds two. */
#include "joining.h"

#include "cpu_threads.h"
#include "delta_writers.h"
#include "elementwise.h"
#include "shortcut_layer.h"

#include <stddef.h>
#include <string.h>

typedef struct {
    const layer *l;
    const network *net;
} route;

static void forward_image(void *argument, int image, int slot)
{
    const route *r = argument;
    float *out = r->l->output + (ptrdiff_t)image * r->l->outputs;
    (void)slot;
    for (int i = 0; i < r->l->n; out += r->l->input_sizes[i++]) {
        ptrdiff_t size = r->l->input_sizes[i];
        const float *input = r->net->layers[r->l->input_layers[i]].output;
        memcpy(out, input + image * size, size * sizeof(float));
    }
}

void forward_route_cpu(layer l, network net)
{
    route r = {&l, &net};
    parallel_for(l.batch, forward_image, &r);
}

/* Whether the route's input number i is one that it has had before. */
static int is_repeated(const layer *l, int i)
{
    for (int j = 0; j < i; ++j)
        if (l->input_layers[j] == l->input_layers[i]) return 1;
    return 0;
}

static void backward_image(void *argument, int image, int slot)
{
    const route *r = argument;
    const layer *l = r->l;
    const float *delta = l->delta + (ptrdiff_t)image * l->outputs;
    (void)slot;
    for (int i = 0; i < l->n; delta += l->input_sizes[i++]) {
        ptrdiff_t size = l->input_sizes[i];
        float *target = r->net->layers[l->input_layers[i]].delta + image * size;
        if (writes_first(r->net, l->input_layers[i]) && !is_repeated(l, i))
            memcpy(target, delta, size * sizeof(float));
        else
            for (int j = 0; j < size; ++j) target[j] += delta[j];
    }
}

void backward_route_cpu(layer l, network net)
{
    route r = {&l, &net};
    parallel_for(l.batch, backward_image, &r);
}

void forward_shortcut_cpu(layer l, network net)
{
    if (adds_whole_layers(&l, net.index))
        add_arrays(l.outputs * l.batch, net.input, l.alpha, net.layers[l.index].output, l.beta,
                   l.activation, l.output);
    else
        forward_shortcut_layer(l, net);
}

void backward_shortcut_cpu(layer l, network net)
{
    if (adds_whole_layers(&l, net.index)) {
        const delta_target targets[2] = {
            {net.delta, l.alpha, writes_first(&net, net.index - 1)},
            {net.layers[l.index].delta, l.beta, writes_first(&net, l.index)}};
        spread_delta(l.outputs * l.batch, l.output, l.activation, l.delta, targets);
    } else
        backward_shortcut_layer(l, net);
}
