/* Sums by MPI in main memory; without NCCL, also of numbers in the memory of a GPU. */
#include "rank_backend.h"

#include "allocate.h"
#include "rank_messages.h"
#include "rank_place.h"
#include "rank_wait.h"

#include <string.h>

static MPI_Request *requests;
static int request_count, room;

static float *allocate_floats(size_t count)
{
    return allocate(count + 1, sizeof(float));
}

static void copy(float *target, float *source, size_t count)
{
    memcpy(target, source, count * sizeof(float));
}

static void multiply(float *values, float factor, size_t count)
{
    for (size_t i = 0; i < count; ++i) values[i] *= factor;
}

static void begin(float *values, size_t count)
{
    if (request_count == room) {
        room = 2 * room + 16;
        requests = reallocate(requests, (size_t)room, sizeof *requests);
    }
    MPI_Iallreduce(MPI_IN_PLACE, values, (int)count, MPI_FLOAT, MPI_SUM, every_rank,
                   requests + request_count++);
}

static void progress(void)
{
    int done;
    if (request_count) MPI_Testall(request_count, requests, &done, MPI_STATUSES_IGNORE);
}

static double finish(void)
{
    double waited = wait_for_ranks(requests, request_count);
    request_count = 0;
    return waited;
}

const rank_backend mpi_backend = {.name = "MPI",
                                  .allocate = allocate_floats,
                                  .copy = copy,
                                  .multiply = multiply,
                                  .begin = begin,
                                  .progress = progress,
                                  .finish = finish};
