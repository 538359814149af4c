/* The outputs of a network for a list of images, several in each forward pass. */
#ifndef PREDICTIONS_H
#define PREDICTIONS_H

#include "darknet.h"
#include "image_views.h"

typedef struct {
    int number; /* in the list, from 0 */
    char *path;
    const char *fault; /* why the image could not be read or has no finite scores, then scores is
                          NULL; else NULL */
    float *scores;     /* the network's outputs; those of a tree of classes multiplied along its
                          branches, for its leaves alone */
} prediction;

typedef void (*prediction_function)(void *argument, const prediction *p);

/* What is wrong with an image's `count` outputs; NULL where all are finite. scores may be NULL. */
const char *find_output_fault(const float *scores, int count);

/* Shows the network the list's images in order, `kind` as in image_views.h, and calls the function
   for each. As many images at once as the network's batch; the next ones are loaded meanwhile.
   Draws no random number. Returns 1, or 0 if a signal to stop came first (stop_signal.h). */
int predict_images(network *net, char **paths, int count, int kind, prediction_function function,
                   void *argument);

#endif
