/* `classifier train`. */
#ifndef TRAIN_H
#define TRAIN_H

#include "tracker.h"

typedef struct {
    char *data, *cfg;
    char *weights; /* to go on from, NULL for none */
    int *gpus, gpu_count;
    int clear;               /* forget which batch the weights are from */
    unsigned long long seed; /* 0: the clock's */
    tracker_options tracking;
} train_options;

/* Trains until max_batches, saves the weights in backup= of the .data file and returns. With a seed
   a run on the CPU reproduces itself bit for bit, and one that goes on from weights sees the
   batches that an unbroken one would have seen. Ends the program: with exit code 1 and a message
   where data, options and network do not fit together, where the weights have no batch left to
   train, where too many images cannot be used, and where the loss or the weights are not finite;
   with 128 + N, the weights saved as NAME.backup, after the signal N of stop_signal.h. A save that
   failed is tried again at the next; the last one decides about the program's exit code. */
void train_classifier(const train_options *options);

#endif
