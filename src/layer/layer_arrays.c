/* The arrays of a layer that are trained or kept with it, by the layer's type. */
#include "layer_arrays.h"

#include "smooth_topk_layer.h"

#ifdef GPU
#define ON_GPU(array) array##_gpu
#else
#define ON_GPU(array) NULL
#endif

static int add_statistics(const layer *l, size_t count, layer_array *arrays)
{
#ifdef GPU
    float *mean_gpu = l->rolling_mean_gpu, *variance_gpu = l->rolling_variance_gpu;
#else
    float *mean_gpu = NULL, *variance_gpu = NULL;
#endif
    arrays[0] = (layer_array){LAYER_STATISTICS, l, l->rolling_mean, NULL, mean_gpu, NULL, count};
    arrays[1] =
        (layer_array){LAYER_STATISTICS, l, l->rolling_variance, NULL, variance_gpu, NULL, count};
    return 2;
}

/* `outputs` biases and scales; scales only where the layer has them. */
static int add_trained(const layer *l, size_t weights, size_t outputs, layer_array *arrays)
{
    int count = 2;
    layer_array *scales = arrays + 2;
    arrays[0] = (layer_array){LAYER_WEIGHTS, l, l->weights, l->weight_updates, NULL, NULL, weights};
    arrays[1] = (layer_array){LAYER_BIASES, l, l->biases, l->bias_updates, NULL, NULL, outputs};
    *scales = (layer_array){LAYER_SCALES, l, l->scales, l->scale_updates, NULL, NULL, outputs};
#ifdef GPU
    arrays[0].values_gpu = l->weights_gpu, arrays[0].gradient_gpu = l->weight_updates_gpu;
    arrays[1].values_gpu = l->biases_gpu, arrays[1].gradient_gpu = l->bias_updates_gpu;
    scales->values_gpu = l->scales_gpu, scales->gradient_gpu = l->scale_updates_gpu;
#endif
    if (l->batch_normalize || l->scales) ++count;
    if (l->batch_normalize) count += add_statistics(l, outputs, arrays + count);
    return count;
}

/* A recurrent layer has its parts as members that are pointers; others have none. */
static int add_parts(const layer *l, layer_array *arrays)
{
    layer *const parts[] = {l->input_layer, l->self_layer, l->output_layer, l->wi, l->wf, l->wo,
                            l->wg,          l->ui,         l->uf,           l->uo, l->ug, l->wz,
                            l->wr,          l->wh,         l->uz,           l->ur, l->uh};
    int count = 0;
    for (size_t p = 0; p < sizeof parts / sizeof *parts; ++p)
        if (parts[p]) count += arrays_of_layer(parts[p], arrays + count);
    return count;
}

/* The sums by which the threshold of hardest=, a fraction, moves. */
static int add_threshold(const layer *l, layer_array *arrays)
{
    loss_threshold *threshold = smooth_topk_threshold(l);
    if (!threshold) return 0;
    float *sums = threshold->sums, *sums_gpu = smooth_topk_threshold_sums_gpu(l);
    *arrays = (layer_array){LAYER_BATCH_SUMS, l, sums, sums, sums_gpu, sums_gpu, THRESHOLD_SUMS};
    return 1;
}

int arrays_of_layer(const layer *l, layer_array *arrays)
{
    size_t outputs = (size_t)l->outputs;
    switch (l->type) {
    case CONVOLUTIONAL:
    case DECONVOLUTIONAL:
        return add_trained(l, (size_t)l->nweights, (size_t)l->n, arrays);
    case CONNECTED:
        return add_trained(l, (size_t)l->inputs * outputs, outputs, arrays);
    case LOCAL:
        return add_trained(l,
                           (size_t)l->size * (size_t)l->size * (size_t)l->c * (size_t)l->n *
                               (size_t)l->out_w * (size_t)l->out_h,
                           outputs, arrays);
    case BATCHNORM:
        arrays[0] =
            (layer_array){LAYER_SCALES, l, l->scales, NULL, ON_GPU(l->scales), NULL, (size_t)l->c};
        return 1 + add_statistics(l, (size_t)l->c, arrays + 1);
    case SMOOTH_TOPK:
        return add_threshold(l, arrays);
    default:
        return add_parts(l, arrays);
    }
}
