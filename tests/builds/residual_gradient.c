/* The gradient of a residual network's first weights against differences of its loss.
 *
 * usage: residual_gradient FILE.cfg   Exits 1 if they differ by more than 1 % of the largest. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "darknet.h"

static double loss(network *net)
{
    net->train = 1;
    forward_network(net);
    return *net->cost;
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    gpu_index = -1;
    srand(3);
    network *net = parse_network_cfg(argv[1]);
    for (int i = 0; i < net->inputs * net->batch; ++i) net->input[i] = rand() / (float)RAND_MAX;
    for (int i = 0; i < net->batch; ++i) net->truth[i * net->truths + i % net->truths] = 1;
    layer l = net->layers[0];
    loss(net);
    backward_network(net);

    const float step = 2e-3f;
    double largest = 0, worst = 0;
    for (int i = 0; i < l.nweights; ++i) {
        float weight = l.weights[i];
        l.weights[i] = weight + step;
        double above = loss(net);
        l.weights[i] = weight - step;
        double below = loss(net);
        l.weights[i] = weight;
        double expected = (below - above) / (2 * step);
        largest = fmax(largest, fabs(expected));
        worst = fmax(worst, fabs(expected - l.weight_updates[i]));
    }
    printf("largest gradient %g, largest error %g\n", largest, worst);
    return !(largest > 0 && worst <= 0.01 * largest);
}
