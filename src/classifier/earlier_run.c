/* Renames the files of an earlier run of the same name before a new run saves. */
#define _GNU_SOURCE /* lstat */
#include "earlier_run.h"

#include "allocate.h"
#include "weights_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* In the order in which one would go on from them. */
static const char *const endings[] = {".backup", ".weights", "_best.weights"};
enum { ENDINGS = sizeof endings / sizeof *endings };

static int exists(const char *filename)
{
    struct stat s;
    return !lstat(filename, &s);
}

static char *numbered(const char *filename, int number)
{
    return print_text("%s.%d", filename, number);
}

static int is_free(const char *filename, int number)
{
    char *kept = numbered(filename, number);
    int taken = exists(kept);
    free(kept);
    return !taken;
}

/* Returns the new name, which the caller frees. */
static char *keep_as(const char *filename, int number)
{
    char *kept = numbered(filename, number);
    if (!rename(filename, kept)) return kept;
    fprintf(stderr, "%s is of an earlier run and cannot be renamed to %s: %s\n", filename, kept,
            strerror(errno));
    exit(1);
}

char *keep_earlier_file(const char *filename)
{
    int number = 1;
    while (!is_free(filename, number)) ++number;
    return keep_as(filename, number);
}

static void tell_kept(const char *kept, size_t images_a_batch)
{
    struct stat s;
    char when[32] = "?";
    if (!stat(kept, &s)) strftime(when, sizeof when, "%Y-%m-%d %H:%M", localtime(&s.st_mtime));
    fprintf(stderr, "  %s (batch %zu, saved %s)\n", kept, seen_by_weights(kept) / images_a_batch,
            when);
}

void keep_earlier_weights(const char *directory, const char *base, size_t images_a_batch,
                          const char *datacfg, const char *cfg)
{
    char *files[ENDINGS], *first = NULL;
    int number = 1, all_free = 0;
    for (int i = 0; i < ENDINGS; ++i) files[i] = print_text("%s/%s%s", directory, base, endings[i]);
    for (; !all_free; number += !all_free) {
        all_free = 1;
        for (int i = 0; i < ENDINGS; ++i) all_free = all_free && is_free(files[i], number);
    }
    for (int i = 0; i < ENDINGS; ++i) {
        if (exists(files[i])) {
            char *kept = keep_as(files[i], number);
            if (!first)
                fprintf(stderr,
                        "%s has weights of an earlier run named %s. This run begins at batch 0 and "
                        "does not replace them; they are now\n",
                        directory, base);
            tell_kept(kept, images_a_batch);
            if (!first)
                first = kept;
            else
                free(kept);
        }
        free(files[i]);
    }
    if (first)
        fprintf(stderr, "To go on with that run instead: classifier train %s %s %s\n", datacfg, cfg,
                first);
    free(first);
}
