/* How many ranks there are, and which of them this process is. */
#ifndef RANK_PLACE_H
#define RANK_PLACE_H

#if RANKS

/* 1 and 0 before start_ranks. */
int rank_count(void);
int this_rank(void);

/* Asks MPI, once it runs. */
void find_place(void);

/* The GPUs of a machine are dealt out to its ranks, unless -i chose another than the first. */
int gpu_of_rank(int chosen);

#else

#define rank_count() 1
#define this_rank() 0
#define gpu_of_rank(chosen) (chosen)

#endif
#endif
