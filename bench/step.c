/* Times training steps of a network on random images; linked with this Darknet and with upstream's.

   CPU_MOST=avx2 in the environment: as a machine without AVX-512 (ours alone).

   usage: step CFG STEPS          a line a step: process CPU time and wall time in milliseconds;
   last the most memory that was in use, in megabytes step CFG dump FILE      one forward and
   backward pass: floats of input, truth, and of each layer with weights: biases, scales (of batch
   normalization), weights, then their updates */
#include "darknet.h"
#ifdef OURS
#include "cpu_settings.h"
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

network *parse_network_cfg(char *filename);
void forward_network(network *net);
void backward_network(network *net);
float train_network_datum(network *net);

static double milliseconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

static void fill(network *net)
{
    unsigned random = 12345;
    for (int i = 0; i < net->inputs * net->batch; ++i)
        net->input[i] = (random = random * 1664525u + 1013904223u) / 4294967296.f;
    memset(net->truth, 0, (size_t)net->truths * net->batch * sizeof(float));
    for (int b = 0; b < net->batch; ++b) net->truth[b * net->truths + 7 * b % net->truths] = 1;
}

static void dump(network *net, const char *name)
{
    FILE *file = fopen(name, "wb");
    if (!file) {
        perror(name);
        exit(1);
    }
    net->train = 1;
    forward_network(net);
    backward_network(net);
    fwrite(net->input, sizeof(float), (size_t)net->inputs * net->batch, file);
    fwrite(net->truth, sizeof(float), (size_t)net->truths * net->batch, file);
    for (int i = 0; i < net->n; ++i) {
        layer l = net->layers[i];
        if (!l.weights) continue;
        size_t weights = l.type == CONNECTED ? (size_t)l.inputs * l.outputs : (size_t)l.nweights;
        fwrite(l.biases, sizeof(float), l.out_c, file);
        if (l.batch_normalize) fwrite(l.scales, sizeof(float), l.out_c, file);
        fwrite(l.weights, sizeof(float), weights, file);
        fwrite(l.bias_updates, sizeof(float), l.out_c, file);
        if (l.batch_normalize) fwrite(l.scale_updates, sizeof(float), l.out_c, file);
        fwrite(l.weight_updates, sizeof(float), weights, file);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: step CFG STEPS | step CFG dump FILE\n");
        return 1;
    }
#ifdef OURS
    if (getenv("CPU_MOST") && cpu.instructions > SIMD_AVX2) cpu.instructions = SIMD_AVX2;
#endif
    srand(1);
    network *net = parse_network_cfg(argv[1]);
    fill(net);
    if (argc > 3) {
        dump(net, argv[3]);
        return 0;
    }
    int steps = atoi(argv[2]), warm = steps > 3 ? 3 : 1;
    for (int i = 0; i < warm + steps; ++i) {
        double cpu_time = milliseconds(CLOCK_PROCESS_CPUTIME_ID),
               wall = milliseconds(CLOCK_MONOTONIC);
        train_network_datum(net);
        cpu_time = milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_time;
        if (i >= warm) printf("%.3f %.3f\n", cpu_time, milliseconds(CLOCK_MONOTONIC) - wall);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("memory %.1f\n", usage.ru_maxrss / 1024.);
    return 0;
}
