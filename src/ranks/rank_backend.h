/* How arrays are summed over the ranks: by MPI in main memory, or by NCCL in the GPUs' memory. */
#ifndef RANK_BACKEND_H
#define RANK_BACKEND_H

#include <stddef.h>

typedef struct {
    const char *name;
    int on_gpu; /* its arrays are in the GPU's memory */

    /* `count` zeros, never freed; ends the program where there is no memory. */
    float *(*allocate)(size_t count);

    /* On a GPU these two run in the order of Darknet's own kernels. */
    void (*copy)(float *target, float *source, size_t count);
    void (*multiply)(float *values, float factor, size_t count);

    /* Begins to sum the values over the ranks, once Darknet's work before this call is done. The
       sums are there after the next `finish`. All ranks begin the same sums in the same order. An
       error ends the program, and with it all ranks. */
    void (*begin)(float *values, size_t count);

    /* Gives sums that were begun the chance to go on. */
    void (*progress)(void);

    /* Darknet's work after this call finds the sums in the arrays. Returns how many seconds this
       rank waited for them; a backend that does not know yet returns those of the batch before. */
    double (*finish)(void);

    /* Whether sums may still be missing after `finish`; then weights must not be read yet. NULL if
       they never are. */
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
