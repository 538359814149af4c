/* How a rank waits for others: it sleeps, and saves and ends when a signal comes. */
#define _GNU_SOURCE /* clock_gettime, nanosleep */
#include "rank_wait.h"

#include "rank_save.h"
#include "stop_signal.h"

#include <sched.h>
#include <stdio.h>
#include <time.h>

static const double alone_after = .5, sleep_after = 1, tell_after = 60; /* seconds */

MPI_Comm every_rank = MPI_COMM_NULL;
static int (*sums_are_missing)(void);
static double signal_seen; /* when */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void ask_for_missing_sums(int (*are_missing)(void))
{
    sums_are_missing = are_missing;
}

static int is_sum_missing(void)
{
    return sums_are_missing && sums_are_missing();
}

void watch_for_signal(void)
{
    int number = stop_signal();
    if (!number || !has_save()) return;
    if (!signal_seen) signal_seen = now();
    if (now() - signal_seen < alone_after || is_sum_missing()) return;
    save_once();
    fflush(NULL);
    MPI_Abort(every_rank, 128 + number);
}

/* A machine that has failed cannot be told from a slow one: so a long wait is reported. */
static void tell_of_waiting(void)
{
    fprintf(stderr, "Rank 0 has waited a minute for the other ranks and goes on waiting%s\n",
            is_sum_missing() ? "" : "; Ctrl-C saves the weights of the last batch");
}

/* Others than the waiting rank may need its core: the ranks beside it, and the threads that load
   images. A long wait, for a validation, say, sleeps. */
double wait_for_ranks(MPI_Request *requests, int count)
{
    double start = now(), waited = 0;
    int done = 0, told = !has_save();
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
