/* How many images of a list a network gets right. */
#ifndef ACCURACY_H
#define ACCURACY_H

#include "label_lists.h"
#include "rankings.h"

/* Where images have several labels, or none, top1 is precision1 of rankings.h and topk is recallk:
   with one label an image these are the same. */
typedef struct {
    float top1, topk;        /* shares from 0 to 1 */
    int images;              /* that could be read */
    ranking_figures ranking; /* of a list with several labels an image; else 0 */
} accuracy;

/* Shows the network, batch by batch, what `classifier valid` does, and writes top 1 and top k,
   1 <= k <= classes. Draws no random number. Returns 1, or 0 if a signal to stop came first
   (stop_signal.h), or no image could be read (result->images is 0). */
int measure_accuracy(network *net, labeled_images *set, int k, accuracy *result);

#endif
