/* Small messages between ranks: a number, a text, whether to stop. */
#include "rank_messages.h"

#include "allocate.h"
#include "rank_place.h"
#include "rank_wait.h"

#include <stdlib.h>
#include <string.h>

void greatest_of_ranks(int *numbers, int count)
{
    MPI_Request request;
    if (rank_count() == 1) return;
    MPI_Iallreduce(MPI_IN_PLACE, numbers, count, MPI_INT, MPI_MAX, every_rank, &request);
    wait_for_ranks(&request, 1);
}

float mean_of_ranks(float number)
{
    MPI_Request request;
    if (rank_count() == 1) return number;
    MPI_Iallreduce(MPI_IN_PLACE, &number, 1, MPI_FLOAT, MPI_SUM, every_rank, &request);
    wait_for_ranks(&request, 1);
    return number / (float)rank_count();
}

void copy_from_first_rank(void *bytes, size_t size)
{
    const size_t most = 1 << 30; /* MPI counts by int */
    if (rank_count() == 1) return;
    for (size_t done = 0, part; done < size; done += part) {
        MPI_Request request;
        part = size - done < most ? size - done : most;
        MPI_Ibcast((char *)bytes + done, (int)part, MPI_BYTE, 0, every_rank, &request);
        wait_for_ranks(&request, 1);
    }
}

char *texts_of_ranks(const char *text)
{
    int count = rank_count(), size = (int)strlen(text), all = 0;
    if (count == 1) return print_text("%s", text);
    int *sizes = allocate((size_t)count, sizeof *sizes);
    int *starts = allocate((size_t)count, sizeof *starts);
    MPI_Request request;
    MPI_Iallgather(&size, 1, MPI_INT, sizes, 1, MPI_INT, every_rank, &request);
    wait_for_ranks(&request, 1);
    for (int i = 0; i < count; ++i) {
        starts[i] = all;
        all += sizes[i];
    }
    char *texts = allocate((size_t)all + 1, 1);
    MPI_Iallgatherv(text, size, MPI_CHAR, texts, sizes, starts, MPI_CHAR, every_rank, &request);
    wait_for_ranks(&request, 1);
    free(starts);
    free(sizes);
    return texts;
}

float rate_of_ranks(float rate, learning_rate_policy policy)
{
    if (policy == RANDOM) copy_from_first_rank(&rate, sizeof rate);
    return rate;
}
