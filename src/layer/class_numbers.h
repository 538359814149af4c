/* A number for each class, of an option that is a file or `auto`: the margins and the weights of
 * classes. */
#ifndef CLASS_NUMBERS_H
#define CLASS_NUMBERS_H

#include "loss_options.h"

typedef struct {
    int is_auto;   /* from the counts of the training list; all 1 until those are known */
    float *values; /* classes numbers >= 0; NULL where the option is not given */
} class_numbers;

/* class_margins= or class_weights=: auto, or a file with a number a line, >= 0, in the order of
   labels. Ends the program if the file cannot be read or has other than `classes` numbers. */
class_numbers read_class_numbers(const loss_section *section, const char *name, int classes);

/* Factors on the margin: proportional to count^(-1/4), 1 for the rarest class that is there (as in
   LDAM, Cao et al. 2019). A class that is not there has that of the rarest. */
void set_margins_from_counts(float *margins, const int *counts, int classes);

/* Factors on the loss: proportional to 1/count, their mean over all images 1. */
void set_weights_from_counts(float *weights, const int *counts, int classes);

#endif
