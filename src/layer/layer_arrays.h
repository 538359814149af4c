/* The arrays of a layer that are trained or kept with it. */
#ifndef LAYER_ARRAYS_H
#define LAYER_ARRAYS_H

#include "darknet.h"

typedef enum {
    LAYER_WEIGHTS,
    LAYER_BIASES,
    LAYER_SCALES,
    LAYER_STATISTICS, /* the rolling mean or variance of normalization */
    LAYER_BATCH_SUMS, /* of the threshold of hardest=, a fraction; in no weights file */
} layer_array_kind;

typedef struct {
    layer_array_kind kind;
    const layer *owner; /* the layer, or the part of a recurrent layer */
    float *values;      /* count; NULL where the layer was made without memory */
    float *gradient;    /* count; NULL for statistics, and for the scales of a [batchnorm],
                           which upstream never trains; sums of a batch: the values */
    float *values_gpu, *gradient_gpu; /* NULL without a GPU */
    size_t count;
} layer_array;

/* The eight parts of an LSTM have five arrays each. */
enum { MOST_LAYER_ARRAYS = 40 };

/* Writes the arrays of the layer and of its parts, always in the same order; returns how many. */
int arrays_of_layer(const layer *l, layer_array *arrays);

#endif
