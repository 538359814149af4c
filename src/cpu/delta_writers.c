/* Which layer is the first to write to another's delta. */
#include "delta_writers.h"

#include "cpu_settings.h"

/* Layers whose backward pass, in src/cpu, can write to the delta of the layer before them without
   adding. */
static int can_overwrite(const layer *l)
{
    return l->type == CONVOLUTIONAL || l->type == MAXPOOL;
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

int delta_is_overwritten(const network *net, int target)
{
    if (!cpu_fast() || target < 0 || target + 1 >= net->n) return 0;
    return has_plain_delta(net->layers + target) && can_overwrite(net->layers + target + 1) &&
           first_writer(net, target) == target + 1;
}

int overwrites_delta(const network *net)
{
    int target = net->index - 1;
    return target >= 0 && net->delta == net->layers[target].delta &&
           delta_is_overwritten(net, target);
}
