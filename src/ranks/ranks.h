/* Several processes train one network: each is a rank, 0 to rank_count() - 1, of one MPI job. In a
   build without MPI=1 there is one, and none of this costs anything. */
#ifndef RANKS_H
#define RANKS_H

#include "launcher.h"
#include "rank_files.h"
#include "rank_messages.h"
#include "rank_place.h"
#include "rank_save.h"
#include "rank_sums.h"

#if RANKS

/* Joins the ranks that mpirun or srun started; without these there is one, and MPI is not touched.
   From here to meet_ranks the other ranks than 0 keep what they write to stderr to themselves;
   afterwards each of their lines begins with the rank. They have no stdout. Ends the program where
   the launcher started several processes that do not know of each other. */
void start_ranks(void);

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

#else

#define start_ranks() refuse_launcher("this one is built without MPI: build with make MPI=1")
#define meet_ranks(files) ((void)(files))
#define leave_together() ((void)0)
#define share_subdivisions(batch, subdivisions) (subdivisions)

#endif
#endif
