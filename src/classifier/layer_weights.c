/* Which numbers of a layer a weights file holds. */
#include "layer_weights.h"

#include "finite.h"
#include "layer_arrays.h"

typedef struct {
    size_t count;
    int finite;
} sum;

/* How many numbers of the array a weights file has. */
static size_t saved_numbers(const layer_array *array)
{
    const layer *owner = array->owner;
    if (array->kind == LAYER_BATCH_SUMS) return 0;
    int of_normalization = array->kind == LAYER_SCALES || array->kind == LAYER_STATISTICS;
    if (of_normalization && owner->type != BATCHNORM &&
        (!owner->batch_normalize || owner->dontloadscales))
        return 0;
    /* A convolution's arrays are as many equal parts as it has filters. */
    if (owner->numload && (owner->type == CONVOLUTIONAL || owner->type == DECONVOLUTIONAL))
        return array->count / (size_t)owner->n * (size_t)owner->numload;
    return array->count;
}

static sum sum_weights(const layer *l)
{
    sum s = {0, 1};
    layer_array arrays[MOST_LAYER_ARRAYS];
    int count = arrays_of_layer(l, arrays);
    for (int i = 0; i < count; ++i) {
        size_t numbers = saved_numbers(arrays + i);
        s.count += numbers;
        s.finite = s.finite && (!arrays[i].values || all_finite(arrays[i].values, numbers));
    }
    return s;
}

size_t count_weights(layer l)
{
    return sum_weights(&l).count;
}

int has_finite_weights(layer l)
{
    return sum_weights(&l).finite;
}

size_t trained_bytes(layer l, int adam)
{
    size_t outputs = (size_t)l.outputs * (size_t)l.batch;
    size_t numbers = count_weights(l) * (adam ? 4 : 2);
    if (l.output && l.type != DROPOUT) numbers += outputs * (l.batch_normalize ? 2 : 1);
    if (l.delta && l.type != DROPOUT) numbers += outputs;
    return numbers * sizeof(float);
}
