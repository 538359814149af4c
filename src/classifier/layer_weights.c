/* The arrays of a layer that a weights file holds, by the layer's type. */
#include "layer_weights.h"

#include "finite.h"

typedef struct {
    size_t count;
    int finite;
} sum;

static void add(sum *s, const float *values, size_t n)
{
    s->count += n;
    s->finite = s->finite && (!values || all_finite(values, n));
}

static void add_normalization(sum *s, const layer *l, size_t n)
{
    add(s, l->scales, n);
    add(s, l->rolling_mean, n);
    add(s, l->rolling_variance, n);
}

static void add_connected(sum *s, const layer *l)
{
    size_t n = (size_t)l->outputs;
    add(s, l->biases, n);
    add(s, l->weights, n * (size_t)l->inputs);
    if (l->batch_normalize && !l->dontloadscales) add_normalization(s, l, n);
}

static void add_convolutional(sum *s, const layer *l)
{
    size_t n = (size_t)(l->numload ? l->numload : l->n);
    int groups = l->groups ? l->groups : 1;
    add(s, l->biases, n);
    if (l->batch_normalize && !l->dontloadscales) add_normalization(s, l, n);
    add(s, l->weights, (size_t)(l->c / groups) * n * (size_t)l->size * (size_t)l->size);
}

static void add_local(sum *s, const layer *l)
{
    add(s, l->biases, (size_t)l->outputs);
    add(s, l->weights,
        (size_t)l->size * (size_t)l->size * (size_t)l->c * (size_t)l->n * (size_t)l->out_w *
            (size_t)l->out_h);
}

static sum look_at(const layer *l)
{
    sum s = {0, 1};
    layer *const lstm[] = {l->wi, l->wf, l->wo, l->wg, l->ui, l->uf, l->uo, l->ug};
    layer *const gru[] = {l->wz, l->wr, l->wh, l->uz, l->ur, l->uh};
    layer *const rnn[] = {l->input_layer, l->self_layer, l->output_layer};
    switch (l->type) {
    case CONVOLUTIONAL:
    case DECONVOLUTIONAL:
        add_convolutional(&s, l);
        break;
    case CONNECTED:
        add_connected(&s, l);
        break;
    case BATCHNORM:
        add_normalization(&s, l, (size_t)l->c);
        break;
    case LOCAL:
        add_local(&s, l);
        break;
    case CRNN:
        for (int i = 0; i < 3; ++i) add_convolutional(&s, rnn[i]);
        break;
    case RNN:
        for (int i = 0; i < 3; ++i) add_connected(&s, rnn[i]);
        break;
    case LSTM:
        for (int i = 0; i < 8; ++i) add_connected(&s, lstm[i]);
        break;
    case GRU:
        for (int i = 0; i < 6; ++i) add_connected(&s, gru[i]);
        break;
    default:
        break;
    }
    return s;
}

size_t count_weights(layer l)
{
    return look_at(&l).count;
}

int has_finite_weights(layer l)
{
    return look_at(&l).finite;
}

size_t trained_bytes(layer l, int adam)
{
    size_t outputs = (size_t)l.outputs * (size_t)l.batch;
    size_t numbers = count_weights(l) * (adam ? 4 : 2);
    if (l.output && l.type != DROPOUT) numbers += outputs * (l.batch_normalize ? 2 : 1);
    if (l.delta && l.type != DROPOUT) numbers += outputs;
    return numbers * sizeof(float);
}
