/* `classifier versus`: compares two networks on the same images. */
#ifndef VERSUS_H
#define VERSUS_H

typedef struct {
    char *data;                /* the .data file: valid=, labels=, top=, names= */
    char *cfg[2], *weights[2]; /* of the networks, a and b */
    char *list;                /* a CSV file of the images they disagree on; NULL: none */
    int json;                  /* print one JSON object in place of lines */
} versus_options;

/* Shows each image of valid= to both networks, as `classifier valid` does, and prints top 1 and top
   k of each, their differences with 95 % intervals and McNemar's test (paired_test.h), how many
   guesses each needs to be right on 90 % of the images (set_sizes.h: calibrated on one half of
   them, measured on the other), and the confusion, one class taken for another, whose numbers
   differ most. Where images have several labels, prints the figures of rankings.h instead, compares
   how often the best guess, and one of the k best, is a label, and leaves out guesses and
   confusion. Ends the program with exit code 1 for data that do not fit the networks, for a list
   that cannot be written, and, after the figures, if images could not be read. */
void compare_classifiers(const versus_options *options);

#endif
