/* How many images of a list a network gets right. */
#ifndef ACCURACY_H
#define ACCURACY_H

#include "darknet.h"

/* Images and what is known of them; one that cannot be read is named and leaves the list. */
typedef struct {
    char **paths;
    int count;
    char **labels;
    int classes;
} labeled_images;

typedef struct {
    float top1, topk; /* shares from 0 to 1 */
    int images;       /* that could be read */
} accuracy;

/* Shows the network, batch by batch, what `classifier valid` does, and writes top 1 and top k,
   1 <= k <= classes. Draws no random number. Returns 1, or 0 if a signal to stop came first
   (stop_signal.h), or no image could be read (result->images is 0). */
int measure_accuracy(network *net, labeled_images *set, int k, accuracy *result);

#endif
