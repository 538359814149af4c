/* Trains a network of which only the gradients are there, on the GPU of mock_gpu.h, and compares
 * what each rank ends with with what one process has. All numbers are exact, with 1, 2 or 4 ranks.
 *
 * usage: mpirun -np N sums         MOCK_HANGS=1 MOCK_STOPS=1: whether a stop signal waits for sums
 * that do not come */
#include "mock_gpu.h"
#include "rank_backend.h"
#include "rank_messages.h"
#include "rank_wait.h"
#include "ranks.h"
#include "smooth_topk_layer.h"
#include "stop_signal.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCHES = 4, PASSES = 2, LAYERS = 4, MOST_ARRAYS = 16 };

typedef struct {
    float *weights, *sum;
    size_t count;
    int layer, mean;
} array;

/* No layer here has hardest=. */
loss_threshold *smooth_topk_threshold(const layer *l)
{
    (void)l;
    return NULL;
}

float *smooth_topk_threshold_sums_gpu(const layer *l)
{
    (void)l;
    return NULL;
}

static array arrays[MOST_ARRAYS];
static int array_count;
static layer layers[LAYERS];

/* The gradient of number i in an array, by a rank in the pass of a batch. */
static float gradient(int array, int rank, int pass, size_t i)
{
    return (float)((7 * rank + 5 * pass + 3 * array + (int)i) % 11 - 5);
}

static void backward(float *values, size_t count, int number)
{
    const int array = number / (BATCHES * PASSES), pass = number % (BATCHES * PASSES);
    const float kept = arrays[array].mean ? .5f : 1;
    for (size_t i = 0; i < count; ++i)
        values[i] = kept * values[i] + gradient(array, this_rank(), pass, i);
}

static void update(float *sum, size_t count, int array)
{
    for (size_t i = 0; i < count; ++i) {
        arrays[array].weights[i] += sum[i];
        sum[i] *= .5f; /* momentum */
    }
}

static float expected(int array, size_t i)
{
    float weight = 1, sum = 0;
    for (int pass = 0; pass < BATCHES * PASSES; pass += PASSES) {
        if (arrays[array].mean) {
            float mean = 0;
            for (int r = 0; r < rank_count(); ++r) {
                float value = weight;
                for (int p = pass; p < pass + PASSES; ++p)
                    value = .5f * value + gradient(array, r, p, i);
                mean += value;
            }
            weight = mean / (float)rank_count();
            continue;
        }
        for (int r = 0; r < rank_count(); ++r)
            for (int p = pass; p < pass + PASSES; ++p) sum += gradient(array, r, p, i);
        weight += sum;
        sum *= .5f;
    }
    return weight;
}

/* On the host and on the GPU; other ranks' weights are not those to begin with. */
static void make(int layer, size_t count, float **weights, float **weights_gpu, float **sum,
                 float **sum_gpu)
{
    *weights = calloc(count, sizeof(float));
    for (size_t i = 0; i < count; ++i) (*weights)[i] = (float)(1 + this_rank());
    *weights_gpu = cuda_make_array(*weights, count);
    if (sum) *sum = calloc(count, sizeof(float));
    if (sum) *sum_gpu = cuda_make_array(NULL, count);
    arrays[array_count++] =
        (array){*weights_gpu, sum ? *sum_gpu : *weights_gpu, count, layer, !sum};
}

static void make_trained(int i, int count, int outputs)
{
    layer *l = layers + i;
    make(i, (size_t)count, &l->weights, &l->weights_gpu, &l->weight_updates,
         &l->weight_updates_gpu);
    make(i, (size_t)outputs, &l->biases, &l->biases_gpu, &l->bias_updates, &l->bias_updates_gpu);
    if (!l->batch_normalize) return;
    make(i, (size_t)outputs, &l->scales, &l->scales_gpu, &l->scale_updates, &l->scale_updates_gpu);
    make(i, (size_t)outputs, &l->rolling_mean, &l->rolling_mean_gpu, NULL, NULL);
    make(i, (size_t)outputs, &l->rolling_variance, &l->rolling_variance_gpu, NULL, NULL);
}

/* Two layers have arrays that travel alone. */
static void make_layers(void)
{
    layers[0] = (layer){.type = CONVOLUTIONAL, .batch_normalize = 1, .nweights = 20000, .n = 10};
    layers[1] = (layer){.type = MAXPOOL};
    layers[2] = (layer){.type = CONVOLUTIONAL, .batch_normalize = 1, .nweights = 100, .n = 5};
    layers[3] = (layer){.type = CONNECTED, .inputs = 100, .outputs = 200};
    for (int i = 0; i < LAYERS; ++i) layers[i].learning_rate_scale = 1;
    make_trained(0, 20000, 10);
    make_trained(2, 100, 5);
    make_trained(3, 100 * 200, 200);
}

static void check(int good, const char *what)
{
    if (good) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void train_pass(network *net, int pass, int by_nccl)
{
    const int before = sums_begun(), last = pass % PASSES == PASSES - 1;
    ++*net->seen;
    for (int i = net->n - 1; i >= 0; --i) {
        for (int a = 0; a < array_count; ++a)
            if (arrays[a].layer == i)
                launch(backward, arrays[a].sum, arrays[a].count, a * BATCHES * PASSES + pass);
        begin_sum(net, i);
        if (by_nccl) check(sums_begun() == before + (last ? 1 + !i : 0), "a sum that is not due");
    }
    if (!last) return;
    finish_sums(net);
    if (by_nccl) check(sums_begun() == before + 3, "not two large sums and a small one");
    for (int a = 0; a < array_count; ++a)
        if (!arrays[a].mean) launch(update, arrays[a].sum, arrays[a].count, a);
    divide_momentum();
}

static void check_weights(void)
{
    for (int a = 0; a < array_count; ++a) {
        float *weights = malloc(arrays[a].count * sizeof *weights);
        cuda_pull_array(arrays[a].weights, weights, arrays[a].count);
        for (size_t i = 0; i < arrays[a].count; ++i) {
            if (weights[i] == expected(a, i)) continue;
            fprintf(stderr, "array %d, number %zu: %g, not %g\n", a, i, weights[i], expected(a, i));
            exit(1);
        }
        free(weights);
    }
}

static void save(void *unused)
{
    (void)unused;
    check(0, "saves weights that wait for sums");
}

/* What save_when_alone saves would wait for ever. */
static void stop_in_sum(void)
{
    catch_stop_signals(this_rank() != 0);
    save_when_alone(save, NULL);
    raise(SIGTERM);
    for (int i = 0; i < 20; ++i, usleep(50000)) watch_for_signal();
    check(sums_are_missing(), "sums that hang are not missing");
    leave_together();
    printf("does not save\n");
    exit(0);
}

int main(void)
{
    rank_files files = {0};
    size_t seen = 0;
    network net = {
        .n = LAYERS, .layers = layers, .batch = 1, .subdivisions = PASSES, .seen = &seen};
    start_ranks();
    meet_ranks(&files);
    make_layers();
    prepare_sums(&net);
    for (int pass = 0; pass < BATCHES * PASSES; ++pass) {
        train_pass(&net, pass, rank_count() > 1 && !getenv("MOCK_SHARED"));
        if (getenv("MOCK_HANGS") && getenv("MOCK_STOPS") && pass == PASSES - 1) stop_in_sum();
    }
    check_weights();
    check(!sums_are_missing(), "sums are missing");
    tell_costs_of_sums();
    leave_together();
    return 0;
}
