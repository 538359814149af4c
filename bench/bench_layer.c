/* Times the [smooth_topk] layer, forward and backward, beside what it is to be compared with:
   Darknet's [softmax] layer; for a row of soft labels the row of one label; for several k each k
   alone. Then its two outputs, forward without truth. One thread; a Markdown table on stdout,
   nanoseconds a class. `wanted` is the ratio asked for.

   Layers that are compared take turns, round after round; what is printed are medians, the ratio
   that of a round. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "darknet.h"
#include "network.h"
#include "smooth_topk_layer.h"
#include "softmax_layer.h"

enum { ROUNDS = 31, MOST_TERMS = 2 };

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
        if (net.truth) l.backward(l, net);
    }
    return (cpu_time() - start) / repeats;
}

typedef enum { SOFTMAX_LAYER, HARD_ROW, SUM_OF_TERMS, PLAIN_OUTPUT } reference;
static const char *const reference_names[] = {"softmax", "a row of one label", "its terms alone",
                                              "output=softmax"};

typedef struct {
    int classes, k[MOST_TERMS]; /* 0: no such term */
    float smoothing;
    smooth_topk_algorithm algorithm;
    reference against;
    double wanted; /* 0: nothing was asked for */
} comparison;

static int batch_size(int classes)
{
    return classes >= 10000 ? 4 : classes >= 1000 ? 32 : 256;
}

static layer make_ours(const comparison *c, int first, int count, float smoothing, int membership_k)
{
    smooth_topk_term terms[MOST_TERMS];
    float scales[MOST_TERMS];
    for (int j = 0; j < count; ++j) {
        smooth_topk_params params = {c->k[first + j], 1, 1, c->algorithm};
        terms[j].params = params;
        terms[j].weight = 1;
        scales[j] = (float)params.k;
    }
    smooth_topk_options options = {.count = count,
                                   .terms = terms,
                                   .scales = scales,
                                   .temperature = 1,
                                   .smoothing = smoothing,
                                   .membership_k = membership_k};
    return make_smooth_topk_layer(batch_size(c->classes), c->classes, &options);
}

/* Returns how many layers the reference is. */
static int make_references(const comparison *c, int terms, layer *references)
{
    int several = c->against == SUM_OF_TERMS;
    if (c->against == SOFTMAX_LAYER) {
        references[0] = make_softmax_layer(batch_size(c->classes), c->classes, 1);
        references[0].temperature = 1;
        return 1;
    }
    for (int j = 0; j < (several ? terms : 1); ++j)
        references[j] = make_ours(c, j, several ? 1 : terms, 0, 0);
    return several ? terms : 1;
}

static void compare(const comparison *c)
{
    double times[2][ROUNDS], ratios[ROUNDS];
    int batch = batch_size(c->classes), count = batch * c->classes, repeats = 1 + 400000 / count;
    int terms = 1 + (c->k[1] > 0), is_output = c->against == PLAIN_OUTPUT;
    layer ours = make_ours(c, 0, terms, c->smoothing, is_output ? c->k[0] : 0);
    layer references[MOST_TERMS];
    int reference_count = make_references(c, terms, references);
    network net = {.train = !is_output};
    float *truth = calloc(count, sizeof(float));
    net.input = calloc(count, sizeof(float));
    net.truth = is_output ? NULL : truth;
    net.delta = calloc(count, sizeof(float));
    srand(1);
    for (int i = 0; i < count; ++i) net.input[i] = 2 * rand_normal();
    for (int b = 0; b < batch; ++b) truth[(size_t)b * c->classes + rand() % c->classes] = 1;
    for (int round = -1; round < ROUNDS; ++round) { /* the first one warms up */
        double of_reference = 0, of_ours = time_layer(ours, net, repeats);
        for (int j = 0; j < reference_count; ++j)
            of_reference += time_layer(references[j], net, repeats);
        if (round < 0) continue;
        times[0][round] = of_ours;
        times[1][round] = of_reference;
        ratios[round] = of_ours / of_reference;
    }
    printf("| %d | %d%s%.0d | %s%s | %.2f | %s | %.2f | %.2f | ", c->classes, c->k[0],
           terms > 1 ? "," : "", c->k[1],
           is_output                         ? "output=membership"
           : c->algorithm == SMOOTH_TOPK_LOG ? "log"
                                             : "pivot",
           c->smoothing > 0 ? ", label_smooth_eps=0.1" : "", 1e9 * median(times[0]) / count,
           reference_names[c->against], 1e9 * median(times[1]) / count, median(ratios));
    if (c->wanted > 0)
        printf("%.4g |\n", c->wanted);
    else
        puts("- |");
    fflush(stdout);
    free(net.input), free(truth), free(net.delta);
    free_layer(ours);
    for (int j = 0; j < reference_count; ++j) free_layer(references[j]);
}

int main(void)
{
    static const comparison all[] = {
        {100, {5}, 0, SMOOTH_TOPK_PIVOT, SOFTMAX_LAYER, 1.0},
        {1000, {5}, 0, SMOOTH_TOPK_PIVOT, SOFTMAX_LAYER, 0.4},
        {21841, {5}, 0, SMOOTH_TOPK_PIVOT, SOFTMAX_LAYER, 0.3},
        {100, {20}, 0, SMOOTH_TOPK_PIVOT, SOFTMAX_LAYER, 2},
        {1000, {100}, 0, SMOOTH_TOPK_PIVOT, SOFTMAX_LAYER, 2},
        {21841, {100}, 0, SMOOTH_TOPK_PIVOT, SOFTMAX_LAYER, 0.7},
        {100, {5}, 0, SMOOTH_TOPK_LOG, SOFTMAX_LAYER, 10},
        {1000, {5}, 0, SMOOTH_TOPK_LOG, SOFTMAX_LAYER, 10},
        {21841, {5}, 0, SMOOTH_TOPK_LOG, SOFTMAX_LAYER, 10},
        {100, {5}, 0.1f, SMOOTH_TOPK_PIVOT, HARD_ROW, 3},
        {1000, {5}, 0.1f, SMOOTH_TOPK_PIVOT, HARD_ROW, 3},
        {21841, {5}, 0.1f, SMOOTH_TOPK_PIVOT, HARD_ROW, 3},
        {100, {1, 5}, 0, SMOOTH_TOPK_PIVOT, SUM_OF_TERMS, 1},
        {1000, {1, 5}, 0, SMOOTH_TOPK_PIVOT, SUM_OF_TERMS, 1},
        {21841, {1, 5}, 0, SMOOTH_TOPK_PIVOT, SUM_OF_TERMS, 1},
        {100, {5, 20}, 0, SMOOTH_TOPK_PIVOT, SUM_OF_TERMS, 1},
        {1000, {5, 20}, 0, SMOOTH_TOPK_PIVOT, SUM_OF_TERMS, 1},
        {21841, {5, 20}, 0, SMOOTH_TOPK_PIVOT, SUM_OF_TERMS, 1},
        {1000, {1, 5}, 0, SMOOTH_TOPK_LOG, SUM_OF_TERMS, 1},
        {100, {5}, 0, SMOOTH_TOPK_PIVOT, PLAIN_OUTPUT, 0},
        {1000, {5}, 0, SMOOTH_TOPK_PIVOT, PLAIN_OUTPUT, 0},
        {21841, {5}, 0, SMOOTH_TOPK_PIVOT, PLAIN_OUTPUT, 0},
    };
    gpu_index = -1;
    puts("| classes | k | algorithm | ns a class | against | ns a class | ratio | wanted |");
    puts("|--:|:--|:--|--:|:--|--:|--:|--:|");
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) compare(all + i);
    return 0;
}
