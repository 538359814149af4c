/* What a network needs before its first pass on the CPU. */
#include "network_cpu.h"

#include "allocate.h"
#include "cpu_settings.h"
#include "joining.h"

float *prepare_network_cpu(network *net, size_t bytes)
{
    for (int i = 0; cpu_fast() && i < net->n; ++i) {
        layer *l = net->layers + i;
        if (l->type == ROUTE) {
            l->forward = forward_route_cpu;
            l->backward = backward_route_cpu;
        } else if (l->type == SHORTCUT) {
            l->forward = forward_shortcut_cpu;
            l->backward = backward_shortcut_cpu;
        }
    }
    return allocate_array(1, bytes);
}
