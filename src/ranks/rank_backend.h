/* What sums arrays over the ranks: MPI, in the memory of the machine, or NCCL, in that of the GPUs.
 */
#ifndef RANK_BACKEND_H
#define RANK_BACKEND_H

#include <stddef.h>

typedef struct {
    const char *name;
    int on_gpu; /* its arrays are in the GPU's memory */

    /* `count` zeros, for good; ends the program where they cannot be had. */
    float *(*allocate)(size_t count);

    /* These take their turn in what Darknet does. */
    void (*copy)(float *to, float *from, size_t count);
    void (*multiply)(float *values, float factor, size_t count);

    /* When what Darknet was asked to do before is done, the values become their sums over the
       ranks: some time from here on until the next `finish`. All ranks begin the same sums in the
       same order. Ends the program, and with it all ranks, where that fails. */
    void (*begin)(float *values, size_t count);

    /* Gives sums that were begun the chance to go on. */
    void (*progress)(void);

    /* What Darknet is asked to do from here on finds the sums; `allocate`d and other arrays are
       free again. Returns for how many seconds that which had to wait did so: this batch's, or
       where that is not known yet, that of the batch before. */
    double (*finish)(void);

    /* Whether sums may be missing after `finish`: then whoever reads weights waits for them. NULL
       where they never are. */
    int (*is_missing)(void);
} rank_backend;

extern const rank_backend mpi_backend;

/* NCCL where each rank has a GPU of its own; else NULL, the same for all ranks, and a line from
   rank 0 that says why where GPUs are shared. All ranks call it. Errors of NCCL, also later ones,
   end the program and with it all ranks, within a minute where there is no connection. */
#ifdef NCCL
const rank_backend *connect_gpus(void);
#else
#define connect_gpus() NULL
#endif

#endif
