/* Which layer is the first to write to another's delta. */
#include "delta_writers.h"

#include "cpu_settings.h"
#include "route_layer.h"
#include "shortcut_layer.h"

int adds_whole_layers(const layer *l, int index)
{
    return l->w == l->out_w && l->h == l->out_h && l->c == l->out_c && l->index != index - 1;
}

/* Layers whose delta is an array of their own that they do not write to. */
static int has_plain_delta(const layer *l)
{
    return l->type == CONVOLUTIONAL || l->type == MAXPOOL || l->type == BATCHNORM ||
           l->type == SHORTCUT || l->type == ROUTE;
}

static int is_input(const layer *l, int target)
{
    if (l->type == SHORTCUT) return l->index == target;
    for (int i = 0; l->type == ROUTE && i < l->n; ++i)
        if (l->input_layers[i] == target) return 1;
    return 0;
}

/* Number of the layer that writes to the target's delta first. */
static int first_writer(const network *net, int target)
{
    int i = net->n - 1;
    while (i > target + 1 && !is_input(net->layers + i, target)) --i;
    return i;
}

/* Whether a layer's backward pass, in src/cpu, can write to all of the target's delta without
   adding. Upstream's of [route] and [shortcut], which a network may have, cannot. */
static int can_overwrite(const network *net, int writer, int target)
{
    const layer *l = net->layers + writer;
    if (l->type == ROUTE) return l->backward != backward_route_layer && is_input(l, target);
    if (l->type == SHORTCUT)
        return l->backward != backward_shortcut_layer && adds_whole_layers(l, writer);
    return l->type == CONVOLUTIONAL || l->type == MAXPOOL;
}

/* Number of the layer that writes first to the target's delta, without adding; -1 for none. */
static int find_overwriter(const network *net, int target)
{
    if (!cpu_fast() || target < 0 || target + 1 >= net->n) return -1;
    const layer *l = net->layers + target;
    if (!has_plain_delta(l) || l[1].delta == l->delta) return -1;
    int writer = first_writer(net, target);
    return can_overwrite(net, writer, target) ? writer : -1;
}

int delta_is_overwritten(const network *net, int target)
{
    return find_overwriter(net, target) >= 0;
}

int writes_first(const network *net, int target)
{
    return find_overwriter(net, target) == net->index;
}

int overwrites_delta(const network *net)
{
    int target = net->index - 1;
    return target >= 0 && net->delta == net->layers[target].delta && writes_first(net, target);
}
