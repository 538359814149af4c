/* Sums of gradients over the ranks, while the layers below still go backward. */
#ifndef RANK_SUMS_H
#define RANK_SUMS_H

#include "darknet.h"

#if RANKS

/* Gives every rank rank 0's weights, and allocates what the sums need. */
void prepare_sums(network *net);

/* train_network calls these. begin_sum: the gradients of layer i and of those above are complete
   for this forward pass; with the last pass of a batch they begin to travel. finish_sums: then the
   updates of every rank are the sum over the ranks, and rolling means and variances their mean.
   divide_momentum, after the update: what stays of Darknet's updates, the momentum, stays with rank
   0 alone, so that the next sum has it once. */
void begin_sum(network *net, int i);
void finish_sums(network *net);
void divide_momentum(void);

/* What the sums have cost since prepare_sums: seconds in which this rank only waited, and the bytes
   that it gave to each. */
typedef struct {
    double waited;
    size_t bytes;
} sum_costs;
sum_costs costs_of_sums(void);

/* Says so, in a line on stdout, where there are several ranks. */
void tell_costs_of_sums(void);

/* Whether sums of gradients may still be under way: then weights are not to be read. */
int sums_are_missing(void);

#else

#define prepare_sums(net) ((void)(net))
#define begin_sum(net, i) ((void)0)
#define finish_sums(net) ((void)0)
#define divide_momentum() ((void)0)
#define tell_costs_of_sums() ((void)0)

#endif
#endif
