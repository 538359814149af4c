/* Times the [smooth_topk] layer beside Darknet's [softmax] layer, forward and backward with its
   output, one thread: CSV on stdout, classes,k,label_smooth_eps,softmax_ns,layer_ns,ratio
   (nanoseconds a class).

   The two take turns, round after round; what is printed are medians, the ratio that of a round. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "darknet.h"
#include "network.h"
#include "smooth_topk_layer.h"
#include "softmax_layer.h"

enum { ROUNDS = 31 };

static double cpu_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

static double time_layer(layer l, network net, int repeats)
{
    double start = cpu_time();
    for (int i = 0; i < repeats; ++i) {
        l.forward(l, net);
        l.backward(l, net);
    }
    return (cpu_time() - start) / repeats;
}

static void time_layers(int classes, int k, int batch, float smoothing)
{
    double times[2][ROUNDS], ratios[ROUNDS];
    int count = batch * classes, repeats = 1 + 400000 / count;
    smooth_topk_term term = {{k, 1, 1, SMOOTH_TOPK_PIVOT}, 1};
    float scale = (float)k;
    smooth_topk_options options = {
        .count = 1, .terms = &term, .scales = &scale, .temperature = 1, .smoothing = smoothing};
    layer ours = make_smooth_topk_layer(batch, classes, &options);
    layer softmax = make_softmax_layer(batch, classes, 1);
    network net = {.train = 1};
    softmax.temperature = 1;
    net.input = calloc(count, sizeof(float));
    net.truth = calloc(count, sizeof(float));
    net.delta = calloc(count, sizeof(float));
    srand(1);
    for (int i = 0; i < count; ++i) net.input[i] = 2 * rand_normal();
    for (int b = 0; b < batch; ++b) net.truth[(size_t)b * classes + rand() % classes] = 1;
    for (int round = -1; round < ROUNDS; ++round) { /* the first one warms up */
        double of_softmax = time_layer(softmax, net, repeats),
               of_ours = time_layer(ours, net, repeats);
        if (round < 0) continue;
        times[0][round] = of_softmax;
        times[1][round] = of_ours;
        ratios[round] = of_ours / of_softmax;
    }
    printf("%d,%d,%g,%.2f,%.2f,%.2f\n", classes, k, smoothing, 1e9 * median(times[0]) / count,
           1e9 * median(times[1]) / count, median(ratios));
    free(net.input), free(net.truth), free(net.delta);
    free_layer(ours), free_layer(softmax);
}

int main(void)
{
    gpu_index = -1;
    puts("classes,k,label_smooth_eps,softmax_ns,layer_ns,ratio");
    time_layers(100, 5, 256, 0);
    time_layers(1000, 5, 32, 0);
    time_layers(21841, 5, 4, 0);
    time_layers(100, 5, 256, 0.1f);
    time_layers(1000, 5, 32, 0.1f);
    time_layers(21841, 5, 4, 0.1f);
    time_layers(100, 20, 256, 0);
    time_layers(1000, 100, 32, 0);
    time_layers(21841, 100, 4, 0);
    return 0;
}
