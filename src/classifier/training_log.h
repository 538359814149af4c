/* The CSV file of -log: one row for each validation; a resumed run appends to it. */
#ifndef TRAINING_LOG_H
#define TRAINING_LOG_H

#include "rankings.h"

#include <stddef.h>

typedef struct training_log training_log;

/* One row; top1 and topk are -1 where nothing was validated. */
typedef struct {
    size_t batch;
    double epoch, loss, rate;
    double top1, topk;
    double seconds;          /* since training began, with the runs that this one goes on from */
    ranking_figures ranking; /* for lists with several labels an image */
} log_row;

/* Reads a line of the file as a row, whole or without accuracies, but for its ranking; returns 1 if
   it is one. */
int read_log_row(const char *line, log_row *row);

/* Starts the log of a run that begins after batch `first`. A new run, first = 0, gets a new file,
   and one that has rows is kept as FILE.N (earlier_run.h); a run that goes on keeps the rows up to
   there. Ends the program with exit code 1 where the file cannot be written or is not the log of
   such a run (its columns are named after k; those of rankings are there where images have several
   labels). */
training_log *open_training_log(const char *filename, int k, int several, size_t first);

/* The seconds of the last row that was kept, 0 if there is none. */
double seconds_in_log(const training_log *log);

/* The topk of the row of that batch, -1 if there is none. */
double topk_in_log(const training_log *log, size_t batch);

/* Adds a row, on disk when this returns. Where that cannot be, says so and keeps the row for the
   next time: training goes on. */
void write_log_row(training_log *log, const log_row *row);

#endif
