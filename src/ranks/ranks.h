/* Several processes train one network: each is a rank, 0 to rank_count() - 1, of one MPI job. In a
   build without MPI=1 there is one, and none of this costs anything. */
#ifndef RANKS_H
#define RANKS_H

#include "darknet.h"
#include "launcher.h"

/* What all ranks must have alike. */
typedef struct {
    const char *cfg, *train_list, *label_list; /* names */
    char **paths, **labels;                    /* what the lists hold; NULL for no labels */
    int images, classes;
    const float *class_margins, *class_weights; /* of each class; NULL for none */
    const int *parents;                         /* of each class in a tree; NULL for none */
} rank_files;

#if RANKS

/* Joins the ranks that mpirun or srun started; without these there is one, and MPI is not touched.
   From here to meet_ranks the other ranks than 0 keep what they write to stderr to themselves;
   afterwards each of their lines begins with the rank. They have no stdout. Ends the program where
   the launcher started several processes that do not know of each other. */
void start_ranks(void);

int rank_count(void);
int this_rank(void);

/* Returns when all ranks are ready to train. Where one has met exit() instead, or has other files
   or another build than rank 0, rank 0 says so, and all end with exit code 1. */
void meet_ranks(const rank_files *files);

/* The exit() that follows is every rank's. An exit() without it ends the other ranks too. */
void leave_together(void);

/* A rank trains on its part of a batch, batch/rank_count() images, in one forward pass or in as
   many as its memory needs: no more images at once than batch/subdivisions. Returns the
   subdivisions of the whole batch that this makes: one process with these computes what all ranks
   together do. Ends the program, with numbers that would do, where the ranks do not divide the
   batch. */
int share_subdivisions(int batch, int subdivisions);

/* Each of these waits for all ranks and gives all the same: the greatest of each of `count`
   numbers; the mean; rank 0's bytes; the texts of all ranks one after another, which the caller
   frees. */
void greatest_of_ranks(int *numbers, int count);
float mean_of_ranks(float number);
void copy_from_first_rank(void *bytes, size_t size);
char *texts_of_ranks(const char *text);

/* The rate of a batch: rank 0's, where the policy draws it at random. */
float rate_of_ranks(float rate, learning_rate_policy policy);

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

/* A rank that is gone cannot come to the end of a batch, and mpirun soon kills those that it asks
   to stop. So half a second after the signal N of stop_signal.h a rank that waits or trains calls
   `save`, which may save the weights of the last update, and ends all with exit code 128 + N. */
void save_when_alone(void (*save)(void *argument), void *argument);

/* The GPUs of a machine are dealt out to its ranks, unless -i chose another than the first. */
int gpu_of_rank(int chosen);

#else

#define start_ranks() refuse_launcher("this one is built without MPI: build with make MPI=1")
#define rank_count() 1
#define this_rank() 0
#define meet_ranks(files) ((void)(files))
#define leave_together() ((void)0)
#define share_subdivisions(batch, subdivisions) (subdivisions)
#define greatest_of_ranks(numbers, count) ((void)(numbers))
#define mean_of_ranks(number) (number)
#define copy_from_first_rank(bytes, size) ((void)(bytes))
#define texts_of_ranks(text) ((char *)NULL)
#define rate_of_ranks(rate, policy) (rate)
#define prepare_sums(net) ((void)(net))
#define begin_sum(net, i) ((void)0)
#define finish_sums(net) ((void)0)
#define divide_momentum() ((void)0)
#define tell_costs_of_sums() ((void)0)
#define save_when_alone(save, argument) ((void)(save), (void)(argument))
#define gpu_of_rank(chosen) (chosen)

#endif
#endif
