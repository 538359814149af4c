/* `classifier calibrate`. */
#ifndef CALIBRATE_H
#define CALIBRATE_H

#include "prediction_sets.h"

typedef struct {
    char *data, *cfg, *weights;
    double cover; /* 0 < cover < 1 */
    set_score score;
    int each_class; /* thresholds of classes with enough images are their own */
} calibrate_options;

/* Calibrates prediction sets and the temperature of the percentages on the images of calibrate= of
   the .data file, or, without that, on a half of those of valid= (list_half.h), and writes the
   weights' name with .sets in place of its ending. Ends the program with exit code 1 and a message
   for data that do not fit the network, images that are in train= too, fewer images than the
   coverage takes, a file that cannot be written, and, after it is written, if images could not be
   read. */
void calibrate_classifier(const calibrate_options *options);

#endif
