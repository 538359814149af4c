/* The one communicator of all ranks, and how a rank waits for the others. */
#ifndef RANK_WAIT_H
#define RANK_WAIT_H

#include <mpi.h>

/* All ranks; a communicator of our own. Only the thread that started MPI uses it. */
extern MPI_Comm every_rank;

/* Waits for all of the requests without keeping the core from others that want it, and returns the
   seconds it took. Every wait of a rank is here: it watches for the signal of rank_save.h. */
double wait_for_ranks(MPI_Request *requests, int count);

/* Does what save_when_alone promises, for a rank that does not wait. */
void watch_for_signal(void);

/* From now on `are_missing` tells whether sums of gradients are under way, so that weights must not
   be saved yet. */
void ask_for_missing_sums(int (*are_missing)(void));

#endif
