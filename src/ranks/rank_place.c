/* Which rank this process is, and which GPU it takes. */
#include "rank_place.h"

#include "rank_wait.h"

#ifdef GPU
#include "darknet.h"
#endif

static int ranks = 1, rank, rank_on_machine;

int rank_count(void)
{
    return ranks;
}

int this_rank(void)
{
    return rank;
}

void find_place(void)
{
    MPI_Comm machine;
    MPI_Comm_dup(MPI_COMM_WORLD, &every_rank);
    MPI_Comm_size(every_rank, &ranks);
    MPI_Comm_rank(every_rank, &rank);
    MPI_Comm_split_type(every_rank, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_rank(machine, &rank_on_machine);
    MPI_Comm_free(&machine);
}

#ifdef GPU
int gpu_of_rank(int chosen)
{
    int gpus = 0;
    if (ranks > 1 && !chosen && cudaGetDeviceCount(&gpus) == cudaSuccess && gpus > 0)
        return rank_on_machine % gpus;
    return chosen;
}
#endif
