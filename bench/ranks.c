/* Times training steps of a network on random images, by one process or by several ranks.

   usage: [mpirun -np N] ranks CFG STEPS
   Rank 0 writes a line a step: "step", its milliseconds, those of them in which it waited for the
   other ranks, images; then, with several ranks, as many lines "sum", milliseconds of a sum of the
   same gradients with nothing to do beside it, and bytes. */
#include "ranks.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

network *parse_network_cfg(char *filename);
float train_network_datum(network *net);

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void fill(network *net)
{
    unsigned random = 12345u + (unsigned)this_rank();
    for (int i = 0; i < net->inputs * net->batch; ++i)
        net->input[i] = (float)(random = random * 1664525u + 1013904223u) / 4294967296.f;
    for (int i = 0; i < net->truths * net->batch; ++i) net->truth[i] = 0;
    for (int b = 0; b < net->batch; ++b) net->truth[b * net->truths + 7 * b % net->truths] = 1;
}

static void time_step(network *net, int shown)
{
    double waited = costs_of_sums().waited, start = milliseconds();
    int passes = net->subdivisions / rank_count(), loss = 1;
    for (int i = 0; i < passes; ++i) train_network_datum(net);
    greatest_of_ranks(&loss, 1); /* as between two batches of a run */
    if (this_rank() || !shown) return;
    printf("step %.3f %.3f %d\n", milliseconds() - start, (costs_of_sums().waited - waited) * 1e3,
           net->batch * net->subdivisions);
}

static void time_sum(network *net)
{
    int together = 1;
    greatest_of_ranks(&together, 1);
    double start = milliseconds();
    finish_sums(net);
    double time = milliseconds() - start;
    divide_momentum();
    if (!this_rank()) printf("sum %.3f %zu\n", time, costs_of_sums().bytes);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: ranks CFG STEPS\n");
        return 1;
    }
    start_ranks();
    const rank_files files = {.cfg = argv[1]};
    srand(1);
    network *net = parse_network_cfg(argv[1]);
    meet_ranks(&files);
    prepare_sums(net);
    fill(net);
    int steps = atoi(argv[2]), warm = 2;
    for (int i = 0; i < warm + steps; ++i) time_step(net, i >= warm);
    for (int i = 0; rank_count() > 1 && i < steps; ++i) time_sum(net);
    leave_together();
    return 0;
}
