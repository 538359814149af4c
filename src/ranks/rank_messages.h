/* The MPI side of src/ranks: the one communicator, and how a rank waits. */
#ifndef RANK_MESSAGES_H
#define RANK_MESSAGES_H

#include "ranks.h"

#include <mpi.h>

/* All ranks; a communicator of our own. Only the thread that started MPI uses it. */
extern MPI_Comm every_rank;

/* Waits for all of the requests without keeping the core from others that want it, and returns the
   seconds it took. Every wait of a rank is here: it watches for the signal of save_when_alone. */
double wait_for_ranks(MPI_Request *requests, int count);

/* What save_when_alone promises, for a rank that does not wait. */
void watch_for_signal(void);

#endif
