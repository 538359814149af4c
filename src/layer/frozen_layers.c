/* Layers that do not learn. */
#include "frozen_layers.h"

static int stops_gradient(const network *net, int i)
{
    while (i < net->n && !net->layers[i].stopbackward) ++i;
    return i < net->n;
}

int is_frozen(const network *net, int i)
{
    return net->layers[i].learning_rate_scale == 0 || stops_gradient(net, i);
}

static int has_statistics(const layer *l)
{
    return l->batch_normalize || l->type == BATCHNORM || l->type == RNN || l->type == LSTM ||
           l->type == GRU || l->type == CRNN;
}

void begin_forward(const network *net, int i, network *copy, layer *l)
{
    copy->train = net->train;
    if (!net->train || !has_statistics(l)) return;
    if (stops_gradient(net, i)) {
        copy->train = 0;
    } else if (l->learning_rate_scale == 0) {
        /* The rolling statistics are written to arrays that the backward pass fills anew. */
        l->rolling_mean = l->mean_delta;
        l->rolling_variance = l->variance_delta;
#ifdef GPU
        l->rolling_mean_gpu = l->mean_delta_gpu;
        l->rolling_variance_gpu = l->variance_delta_gpu;
#endif
    }
}
