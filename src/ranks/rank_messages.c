/* How ranks wait for one another, and the small things that they tell each other. */
#define _GNU_SOURCE /* clock_gettime, nanosleep */
#include "rank_messages.h"

#include "allocate.h"
#include "rank_backend.h"
#include "stop_signal.h"

#include <sched.h>
#include <string.h>
#include <time.h>

static const double alone_after = .5, sleep_after = 1, tell_after = 60; /* seconds */

MPI_Comm every_rank = MPI_COMM_NULL;
static void (*save_last)(void *argument);
static void *save_argument;
static double signal_seen; /* when */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void save_when_alone(void (*save)(void *argument), void *argument)
{
    save_argument = argument;
    save_last = save;
}

void watch_for_signal(void)
{
    int number = stop_signal();
    if (!number || !save_last) return;
    if (!signal_seen) signal_seen = now();
    if (now() - signal_seen < alone_after || sums_are_missing()) return;
    void (*save)(void *) = save_last;
    save_last = NULL;
    save(save_argument);
    fflush(NULL);
    MPI_Abort(every_rank, 128 + number);
}

/* A machine that is gone without a word looks like a slow one. */
static void tell_of_waiting(void)
{
    fprintf(stderr, "Rank 0 has waited a minute for the other ranks and goes on waiting%s\n",
            sums_are_missing() ? "" : "; Ctrl-C saves the weights of the last batch");
}

/* Others than the waiting rank may need its core: the ranks beside it, and the threads that load
   images. A long wait, for a validation, say, sleeps. */
double wait_for_ranks(MPI_Request *requests, int count)
{
    double start = now(), waited = 0;
    int done = 0, told = !save_last;
    for (;;) {
        MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
        waited = now() - start;
        if (done) return waited;
        watch_for_signal();
        if (waited > tell_after && !told++) tell_of_waiting();
        sched_yield();
        if (waited > sleep_after) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

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
