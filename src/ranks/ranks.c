/* The ranks of a run: how they start, how they meet before the first batch, and how they end. */
#define _GNU_SOURCE /* on_exit, gethostname */
#include "ranks.h"

#include "allocate.h"
#include "rank_output.h"
#include "rank_wait.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { MOST_REPORTED = 8 };

static enum { APART, PREPARING, TRAINING, LEAVING } phase;

/* What a rank brings to the meeting. */
typedef struct {
    unsigned long long digests[DIGESTS];
    int failed;
    char host[64], words[512]; /* the last that it wrote before it failed */
} attendance;

void leave_together(void)
{
    if (phase == TRAINING) phase = LEAVING;
}

static void report_failures(const attendance *all)
{
    int said = 0;
    for (int i = 1; i < rank_count(); ++i) {
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
    for (int i = 1; i < rank_count(); ++i) {
        const char *what = find_difference(files, all[0].digests, all[i].digests);
        if (!what) continue;
        if (++different <= MOST_REPORTED && !this_rank())
            fprintf(stderr, "rank %d (%s): %s is not that of rank 0 (%s)\n", i, all[i].host, what,
                    all[0].host);
    }
    return different;
}

/* Every rank comes here once: by meet_ranks, or by exit() with `files` NULL. Returns whether they
   train. */
static int hold_meeting(const rank_files *files)
{
    attendance mine = {.failed = !files}, *all = allocate((size_t)rank_count(), sizeof *all);
    MPI_Request request;
    int failed = 0;
    phase = LEAVING;
    gethostname(mine.host, sizeof mine.host - 1);
    if (files) digest_files(files, mine.digests);
    if (!files) last_words(mine.words, sizeof mine.words);
    MPI_Iallgather(&mine, sizeof mine, MPI_BYTE, all, sizeof mine, MPI_BYTE, every_rank, &request);
    wait_for_ranks(&request, 1);
    for (int i = 0; i < rank_count(); ++i) failed += all[i].failed;
    if (failed && !this_rank()) report_failures(all);
    if (!failed) failed = report_differences(files, all);
    free(all);
    return !failed;
}

void meet_ranks(const rank_files *files)
{
    if (rank_count() == 1) return;
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
    find_place();
    on_exit(leave, NULL);
    phase = LEAVING;
    if (rank_count() == 1) {
        refuse_launcher(alone);
        return;
    }
    phase = PREPARING;
    keep_output(this_rank());
}

/* `whole`: what Darknet makes of the batch, a multiple of subdivisions. */
static void refuse_batch(int batch, int subdivisions, int whole)
{
    int fewer = rank_count(), more = rank_count(), step = rank_count();
    while (whole % fewer) --fewer;
    while (more <= whole && whole % more) ++more;
    while (step % subdivisions) step += rank_count();
    int below = batch / step * step;
    fprintf(stderr, "[net] batch=%d subdivisions=%d: cannot be shared by %d ranks; batch=", batch,
            subdivisions, rank_count());
    if (below) fprintf(stderr, "%d or ", below);
    fprintf(stderr, "%d would do, or -np %d", below + step, fewer);
    if (more <= whole) fprintf(stderr, " or %d", more);
    fprintf(stderr, "\n");
    exit(1);
}

int share_subdivisions(int batch, int subdivisions)
{
    int at_once = batch / subdivisions, whole = at_once * subdivisions;
    if (rank_count() == 1) return subdivisions;
    if (whole % rank_count()) refuse_batch(batch, subdivisions, whole);
    int share = whole / rank_count(), passes = (share + at_once - 1) / at_once;
    while (share % passes) ++passes;
    return rank_count() * passes;
}
