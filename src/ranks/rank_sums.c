/* Sums of gradients over the ranks, while the layers below still go backward. */
#include "rank_sums.h"

#include "allocate.h"
#include "frozen_layers.h"
#include "layer_arrays.h"
#include "rank_backend.h"
#include "rank_messages.h"
#include "rank_place.h"
#include "rank_wait.h"
#include "utils.h"

#include <string.h>

/* Arrays smaller than this, in bytes, are summed together in one message at the end of the batch;
   a larger one has a message of its own as soon as its gradient is complete. */
enum { SMALL_ARRAY = 1 << 16 };

typedef struct {
    float *weights, *sum; /* what rank 0 gives to all; what is summed, NULL for none */
    float *weights_gpu, *sum_gpu;
    size_t count;
    int layer;
    int mean;     /* 1: the mean over the ranks is taken, not the sum */
    size_t place; /* of a small array in `small` */
} shared_array;

static shared_array *arrays;  /* in the order of the layers */
static int array_count, next; /* arrays[next - 1] is the next that is sent */
static const rank_backend *backend;
static float *small; /* the backend's */
static size_t small_count;
static sum_costs costs;
static double prepared; /* when */

/* What is trained is summed; rolling statistics become their mean over the ranks. */
static void add_layer(int i, const layer *l)
{
    layer_array own[MOST_LAYER_ARRAYS];
    int count = arrays_of_layer(l, own);
    arrays = reallocate(arrays, (size_t)(array_count + count), sizeof *arrays);
    for (int j = 0; j < count; ++j) {
        const layer_array *a = own + j;
        int mean = a->kind == LAYER_STATISTICS;
        if (!a->values) continue;
        arrays[array_count++] =
            (shared_array){a->values,     mean ? a->values : a->gradient,
                           a->values_gpu, mean ? a->values_gpu : a->gradient_gpu,
                           a->count,      i,
                           mean,          0};
    }
}

static void copy_weights(const shared_array *a)
{
    copy_from_first_rank(a->weights, a->count * sizeof(float));
#ifdef GPU
    if (a->weights_gpu && gpu_index >= 0) cuda_push_array(a->weights_gpu, a->weights, a->count);
#endif
}

static int is_small(const shared_array *a)
{
    return a->count * sizeof(float) < SMALL_ARRAY;
}

int sums_are_missing(void)
{
    return backend && backend->is_missing && backend->is_missing();
}

void prepare_sums(network *net)
{
    if (rank_count() == 1) return;
    for (int i = 0; i < net->n; ++i) add_layer(i, net->layers + i);
    for (int i = 0; i < array_count; ++i) {
        shared_array *a = arrays + i;
        copy_weights(a);
        if (is_frozen(net, a->layer)) a->sum = a->sum_gpu = NULL;
        if (a->sum) costs.bytes += a->count * sizeof(float);
        if (!a->sum || !is_small(a)) continue;
        a->place = small_count;
        small_count += a->count;
    }
    backend = connect_gpus();
    if (!backend) backend = &mpi_backend;
    small = backend->allocate(small_count);
    ask_for_missing_sums(sums_are_missing);
    next = array_count;
    prepared = what_time_is_it_now();
}

/* Where the backend finds the numbers of an array, and where it leaves them. */
static float *array_values(const shared_array *a)
{
    return backend->on_gpu ? a->sum_gpu : a->sum;
}

static void begin_array(const shared_array *a)
{
    if (!a->sum) return;
#ifdef GPU
    if (!backend->on_gpu && a->sum_gpu && gpu_index >= 0)
        cuda_pull_array(a->sum_gpu, a->sum, a->count);
#endif
    if (is_small(a))
        backend->copy(small + a->place, array_values(a), a->count);
    else
        backend->begin(array_values(a), a->count);
}

void begin_sum(network *net, int i)
{
    if (rank_count() == 1) return;
    watch_for_signal();
    if (*net->seen / (size_t)net->batch % (size_t)net->subdivisions) return;
    while (next > 0 && arrays[next - 1].layer >= i) begin_array(arrays + --next);
    backend->progress();
}

static void end_array(const shared_array *a)
{
    if (!a->sum) return;
    if (is_small(a)) backend->copy(array_values(a), small + a->place, a->count);
    if (a->mean) backend->multiply(array_values(a), 1 / (float)rank_count(), a->count);
#ifdef GPU
    if (!backend->on_gpu && a->sum_gpu && gpu_index >= 0)
        cuda_push_array(a->sum_gpu, a->sum, a->count);
#endif
}

/* Layers below one with stopbackward= were not begun: they have the momentum of decay. */
void finish_sums(network *net)
{
    if (rank_count() == 1) return;
    begin_sum(net, 0);
    backend->begin(small, small_count);
    costs.waited += backend->finish();
    next = array_count;
    for (int i = 0; i < array_count; ++i) end_array(arrays + i);
}

void divide_momentum(void)
{
    if (this_rank() == 0) return;
    for (int i = 0; i < array_count; ++i) {
        const shared_array *a = arrays + i;
        if (!a->sum || a->mean) continue;
        memset(a->sum, 0, a->count * sizeof(float));
#ifdef GPU
        if (a->sum_gpu && gpu_index >= 0) fill_gpu((int)a->count, 0, a->sum_gpu, 1);
#endif
    }
}

void tell_costs_of_sums(void)
{
    if (rank_count() == 1) return;
    printf("%d ranks, sums of %.2f MB by %s; rank 0 waited for them %.1f %% of the time\n",
           rank_count(), (double)costs.bytes * 1e-6, backend->name,
           100 * costs.waited / (what_time_is_it_now() - prepared + 1e-9));
}

sum_costs costs_of_sums(void)
{
    return costs;
}
