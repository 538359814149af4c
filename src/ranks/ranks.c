/* The ranks of a run: how they start, how they meet before the first batch, and how they end. */
#define _GNU_SOURCE /* on_exit, gethostname */
#include "ranks.h"

#include "allocate.h"
#include "rank_files.h"
#include "rank_messages.h"
#include "rank_output.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#ifdef GPU
#include "cuda.h"
#endif

enum { MOST_REPORTED = 8 };

static int ranks = 1, rank, rank_on_machine;
static enum { APART, PREPARING, TRAINING, LEAVING } phase;

/* What a rank brings to the meeting. */
typedef struct {
    unsigned long long digests[DIGESTS];
    int failed;
    char host[64], words[512]; /* the last that it wrote before it failed */
} attendance;

int rank_count(void)
{
    return ranks;
}

int this_rank(void)
{
    return rank;
}

void leave_together(void)
{
    if (phase == TRAINING) phase = LEAVING;
}

static void report_failures(const attendance *all)
{
    int said = 0;
    for (int i = 1; i < ranks; ++i) {
        if (!all[i].failed) continue;
        if (strcmp(all[i].words, all[0].words) == 0) continue; /* rank 0 has said it */
        if (said++ < MOST_REPORTED)
            fprintf(stderr, "rank %d (%s): %s\n", i, all[i].host, all[i].words);
    }
    if (said > MOST_REPORTED) fprintf(stderr, "and %d ranks more\n", said - MOST_REPORTED);
}

static int report_differences(const rank_files *files, const attendance *all)
{
    int different = 0;
    for (int i = 1; i < ranks; ++i) {
        const char *what = find_difference(files, all[0].digests, all[i].digests);
        if (!what) continue;
        if (++different <= MOST_REPORTED && !rank)
            fprintf(stderr, "rank %d (%s): %s is not that of rank 0 (%s)\n", i, all[i].host, what,
                    all[0].host);
    }
    return different;
}

/* Every rank comes here once: by meet_ranks, or by exit() with `files` NULL. Returns whether they
   train. */
static int hold_meeting(const rank_files *files)
{
    attendance mine = {.failed = !files}, *all = allocate((size_t)ranks, sizeof *all);
    MPI_Request request;
    int failed = 0;
    phase = LEAVING;
    gethostname(mine.host, sizeof mine.host - 1);
    if (files) digest_files(files, mine.digests);
    if (!files) last_words(mine.words, sizeof mine.words);
    MPI_Iallgather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, every_rank, &request);
    wait_for_ranks(&request, 1);
    for (int i = 0; i < ranks; ++i) failed += all[i].failed;
    if (failed && !rank) report_failures(all);
    if (!failed) failed = report_differences(files, all);
    free(all);
    return !failed;
}

void meet_ranks(const rank_files *files)
{
    if (ranks == 1) return;
    if (!hold_meeting(files)) exit(1);
    phase = TRAINING;
    show_output();
}

/* Darknet ends by exit() in many places. */
static void leave(int code, void *unused)
{
    (void)unused;
    fflush(NULL);
    if (phase == PREPARING) hold_meeting(NULL);
    if (phase == TRAINING) MPI_Abort(every_rank, code ? code : 1);
    MPI_Finalize();
}

#ifndef __GLIBC__
static void leave_without_code(void)
{
    leave(1, NULL);
}
#define on_exit(function, argument) atexit(leave_without_code)
#endif

static void find_place(void)
{
    MPI_Comm machine;
    MPI_Comm_size(every_rank, &ranks);
    MPI_Comm_rank(every_rank, &rank);
    MPI_Comm_split_type(every_rank, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_rank(machine, &rank_on_machine);
    MPI_Comm_free(&machine);
}

void start_ranks(void)
{
    const char *const alone =
        "each sees no other by MPI: start them by its own mpirun, or by srun --mpi=pmix";
    int level;
    if (!has_launcher()) {
        refuse_launcher(alone);
        return;
    }
    MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_dup(MPI_COMM_WORLD, &every_rank);
    find_place();
    on_exit(leave, NULL);
    phase = LEAVING;
    if (ranks == 1) {
        refuse_launcher(alone);
        return;
    }
    phase = PREPARING;
    keep_output(rank);
}

/* `whole`: what Darknet makes of the batch, a multiple of subdivisions. */
static void refuse_batch(int batch, int subdivisions, int whole)
{
    int fewer = ranks, more = ranks, step = ranks;
    while (whole % fewer) --fewer;
    while (more <= whole && whole % more) ++more;
    while (step % subdivisions) step += ranks;
    int below = batch / step * step;
    fprintf(stderr, "[net] batch=%d subdivisions=%d: cannot be shared by %d ranks; batch=", batch,
            subdivisions, ranks);
    if (below) fprintf(stderr, "%d or ", below);
    fprintf(stderr, "%d would do, or -np %d", below + step, fewer);
    if (more <= whole) fprintf(stderr, " or %d", more);
    fprintf(stderr, "\n");
    exit(1);
}

int share_subdivisions(int batch, int subdivisions)
{
    int at_once = batch / subdivisions, whole = at_once * subdivisions;
    if (ranks == 1) return subdivisions;
    if (whole % ranks) refuse_batch(batch, subdivisions, whole);
    int share = whole / ranks, passes = (share + at_once - 1) / at_once;
    while (share % passes) ++passes;
    return ranks * passes;
}

int gpu_of_rank(int chosen)
{
#ifdef GPU
    int gpus = 0;
    if (ranks > 1 && !chosen && cudaGetDeviceCount(&gpus) == cudaSuccess && gpus > 0)
        return rank_on_machine % gpus;
#endif
    return chosen;
}
