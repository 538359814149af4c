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

/* The run that is tracked. The tracker keeps these pointers: they must stay valid. */
typedef struct {
    network *net;
    char *cfg;       /* its file */
    char *directory; /* where weights are saved */
    char *base;      /* what their names begin with */
    labeled_images valid;
} tracked_run;

/* Starts tracking at the network's current batch. A resumed run appends to its log and keeps the
   log's best accuracy. Where no log has that accuracy, BASE_best.weights are loaded into a second
   network and validated. If they do not fit, a line says so, they are kept, and the best weights of
   this run go to BASE_best_2.weights. Ends the program with exit code 1 where options are out of
   range. */
tracker *start_tracker(const tracker_options *options, const tracked_run *run);

/* Called after each batch; `loss` is the running mean. Validates, logs and draws when it is time
   for it. The row of the log is written first, then BASE_best.weights and BASE.backup: so the
   accuracy of saved weights is always in the log. Where a signal asks to stop within a
   validation, the row has no accuracies and nothing is saved here. */
void track_batch(tracker *t, double epoch, int new_epoch, double loss);

/* The last line of a run that has validated: its last and its best top k in percent, and where the
   best weights are. */
void print_tracked_end(const tracker *t);

#endif
