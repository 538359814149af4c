/* Times the loss, forward and backward, beside Darknet's own softmax and cross-entropy, one thread.

   usage: bench loss | step CFG... | sample FILE

   - loss: CSV on stdout, classes,k,algorithm,ns_per_class,ratio_to_softmax,scratch_bytes
   - step: CSV on stdout, network,ms_per_step,ms_in_last_layer,share
   - sample: one batch with our losses and gradients, for the peer to be compared with

   Everything of a row is timed in turn, round after round; what is printed is the median. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blas.h"
#include "darknet.h"
#include "network.h"
#include "parser.h"
#include "smooth_topk.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, count, sizeof *values, ascending);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static void *allocate(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (!memory) {
        fprintf(stderr, "bench: out of memory (%zu bytes)\n", bytes);
        exit(1);
    }
    return memory;
}

/* A batch as the last layer of a network sees it. */
typedef struct {
    int batch, classes;
    float *scores, *truth, *output, *delta, *error, *loss;
    int *labels;
} samples;

static samples make_samples(int batch, int classes)
{
    size_t size = (size_t)batch * classes * sizeof(float);
    samples s = {batch,
                 classes,
                 allocate(size),
                 allocate(size),
                 allocate(size),
                 allocate(size),
                 allocate(size),
                 allocate(batch * sizeof(float)),
                 allocate(batch * sizeof(int))};
    srand(1);
    for (int i = 0; i < batch * classes; ++i) { /* normal, by the sum of twelve */
        float sum = -6;
        for (int j = 0; j < 12; ++j) sum += (float)rand() / RAND_MAX;
        s.scores[i] = 2 * sum;
    }
    for (int b = 0; b < batch; ++b) {
        s.labels[b] = rand() % classes;
        s.truth[(size_t)b * classes + s.labels[b]] = 1;
    }
    return s;
}

static void free_samples(samples s)
{
    free(s.scores), free(s.truth), free(s.output), free(s.delta), free(s.error), free(s.loss),
        free(s.labels);
}

/* What forward_softmax_layer does. */
static void softmax_and_cross_entropy(samples *s)
{
    int n = s->classes, size = s->batch * n;
    softmax_cpu(s->scores, n, s->batch, n, 1, 0, 1, 1, s->output);
    softmax_x_ent_cpu(size, s->output, s->truth, s->delta, s->error);
    s->loss[0] = sum_array(s->error, size);
}

static void time_losses(int classes, int k)
{
    enum { MOST_ROUNDS = 41 };
    static double times[3][MOST_ROUNDS];
    int batch = classes >= 10000 ? 4 : classes >= 1000 ? 32 : 256;
    int rounds = 11;
    samples s = make_samples(batch, classes);
    smooth_topk_params params[2] = {{k, 1, 1, SMOOTH_TOPK_PIVOT}, {k, 1, 1, SMOOTH_TOPK_LOG}};
    size_t size[2];
    void *workspace[2];
    for (int a = 0; a < 2; ++a) {
        size[a] = smooth_topk_workspace_size(&params[a], 1, classes);
        workspace[a] = allocate(size[a]);
    }
    if (isatty(2)) fprintf(stderr, "\rbench: %d classes, k = %d   ", classes, k);
    for (int round = -1; round < rounds; ++round) { /* the first one warms up */
        for (int which = 0; which < 3; ++which) {
            /* Long enough to be timed: about a millisecond at least. */
            int repeats = which == 2 ? 1 : 1 + 200000 / (batch * classes);
            double start = now();
            for (int i = 0; i < repeats; ++i) {
                if (which == 0)
                    softmax_and_cross_entropy(&s);
                else
                    smooth_topk_cpu_workspace(&params[which - 1], batch, classes, s.scores,
                                              s.labels, s.loss, s.delta, workspace[which - 1],
                                              size[which - 1]);
            }
            if (round >= 0) times[which][round] = (now() - start) / repeats;
        }
    }
    static const char *const names[] = {"softmax", "pivot", "log"};
    double softmax = median(times[0], rounds);
    for (int which = 0; which < 3; ++which) {
        double time = which ? median(times[which], rounds) : softmax;
        printf("%d,%d,%s,%.4f,%.4f,%zu\n", classes, k, names[which],
               1e9 * time / ((double)batch * classes), time / softmax, which ? size[which - 1] : 0);
    }
    fflush(stdout);
    for (int a = 0; a < 2; ++a) free(workspace[a]);
    free_samples(s);
}

static void bench_losses(void)
{
    static const int class_counts[] = {100, 1000, 21841}, ks[] = {1, 5, 10, 20, 100};
    printf("classes,k,algorithm,ns_per_class,ratio_to_softmax,scratch_bytes\n");
    for (int c = 0; c < 3; ++c)
        for (int i = 0; i < 5; ++i)
            if (ks[i] < class_counts[c]) time_losses(class_counts[c], ks[i]);
    if (isatty(2)) fprintf(stderr, "\r%40s\r", "");
}

/* Whole training steps on random images, and the forward and backward of the last layer within
 * them. */
static void bench_step(const char *cfg)
{
    enum { ROUNDS = 15 };
    double step[ROUNDS], layer_time[ROUNDS];
    srand(1);
    network *net = parse_network_cfg((char *)cfg);
    int last = net->n - 1, images = net->batch * net->subdivisions;
    data d = {0};
    d.X = make_matrix(images, net->inputs);
    d.y = make_matrix(images, net->truths);
    for (int i = 0; i < images; ++i) {
        for (int j = 0; j < net->inputs; ++j) d.X.vals[i][j] = (float)rand() / RAND_MAX;
        d.y.vals[i][rand() % net->truths] = 1;
    }
    for (int round = -1; round < ROUNDS; ++round) {
        double start = now();
        train_network(net, d);
        double end = now();
        network state = *net;
        layer l = net->layers[last];
        state.input = net->layers[last - 1].output;
        state.delta = net->layers[last - 1].delta;
        double layer_start = now();
        for (int i = 0; i < 20; ++i) {
            l.forward(l, state);
            l.backward(l, state);
        }
        if (round < 0) continue;
        step[round] = end - start;
        layer_time[round] = (now() - layer_start) / 20 * net->subdivisions;
    }
    double of_step = median(step, ROUNDS), of_layer = median(layer_time, ROUNDS);
    printf("%s,%.3f,%.4f,%.5f\n", cfg, 1e3 * of_step, 1e3 * of_layer, of_layer / of_step);
}

/* ints: batch, classes, k; floats: tau, alpha, scores, losses, gradients; ints: labels. */
static void write_sample(const char *name)
{
    samples s = make_samples(256, 1000);
    smooth_topk_params params = {5, 1, 1, SMOOTH_TOPK_PIVOT};
    int head[3] = {s.batch, s.classes, params.k};
    float temperature[2] = {params.tau, params.alpha};
    size_t size = (size_t)s.batch * s.classes;
    FILE *file = fopen(name, "wb");
    smooth_topk_cpu(&params, s.batch, s.classes, s.scores, s.labels, s.loss, s.delta);
    if (!file || fwrite(head, sizeof head, 1, file) != 1 ||
        fwrite(temperature, sizeof temperature, 1, file) != 1 ||
        fwrite(s.scores, sizeof(float), size, file) != size ||
        fwrite(s.loss, sizeof(float), s.batch, file) != (size_t)s.batch ||
        fwrite(s.delta, sizeof(float), size, file) != size ||
        fwrite(s.labels, sizeof(int), s.batch, file) != (size_t)s.batch || fclose(file)) {
        fprintf(stderr, "bench: %s could not be written\n", name);
        exit(1);
    }
    free_samples(s);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "loss")) {
        bench_losses();
    } else if (argc > 2 && !strcmp(argv[1], "step")) {
        printf("network,ms_per_step,ms_in_last_layer,share\n");
        for (int i = 2; i < argc; ++i) bench_step(argv[i]);
    } else if (argc == 3 && !strcmp(argv[1], "sample")) {
        write_sample(argv[2]);
    } else {
        fprintf(stderr, "usage: %s loss | step CFG... | sample FILE\n", argv[0]);
        return 1;
    }
    return 0;
}
