/* What -topk, -every, -progress, -log and -chart of `classifier train` do after each batch. */
#ifndef TRACKER_H
#define TRACKER_H

#include "accuracy.h"

typedef struct {
    int topk;     /* validate, and keep the best weights by top k; 0: do not */
    int every;    /* batches from one validation or row of the log to the next; 0: an epoch */
    int progress; /* one line that is written over, in place of Darknet's lines */
    char *log;    /* a CSV file, NULL for none */
    char *chart;  /* an SVG file, NULL for none */
} tracker_options;

typedef struct tracker tracker;

/* The run that is tracked; all of it must outlive the tracker. */
typedef struct {
    network *net;
    char *cfg;       /* its file */
    int resumed;     /* whether it goes on from weights */
    char *directory; /* where weights are saved */
    char *base;      /* what their names begin with */
    labeled_images valid;
} tracked_run;

/* Starts tracking; the network's batch is where the run begins. A run that goes on goes on with its
   log and with the best of it; where no log says how good BASE_best.weights are, they are judged in
   a network of their own. If they are of no use there, a line says so, they are left alone, and
   this run's best are BASE_best_2.weights. Ends the program with exit code 1 for options that
   cannot be. */
tracker *start_tracker(const tracker_options *options, const tracked_run *run);

/* After each batch; `loss` is the running mean. A row is in the log before the weights that it
   speaks of are saved, so that those are never unknown. Saves BASE_best.weights and BASE.backup.
   Leaves off where a signal asks to stop. */
void track_batch(tracker *t, double epoch, int new_epoch, double loss);

#endif
