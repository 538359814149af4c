/* How often prediction sets hold the right class, on images whose class is known. */
#ifndef MEASURED_SETS_H
#define MEASURED_SETS_H

#include "network_sets.h"
#include "reliability.h"

typedef struct {
    const char *filename;
    sets_file file;
    set_coverage coverage;
    reliability as_they_are, fitted; /* the percentages; at the fitted temperature */
    char *is_left_out;               /* for each image: it was calibrated on; NULL: none was */
    double *scores;                  /* classes, as are the next two */
    int *members;
    float *percentages;
} measured_sets;

/* Reads sets for the network that `origin` is of (network_sets.h), and chooses what is measured of
   the list that the `count` paths are: where the sets are calibrated on a half of this very list,
   the other half, else all. Ends the program with exit code 1 and a message as load_sets does. */
measured_sets *begin_measured_sets(const char *filename, const sets_origin *origin, char **paths,
                                   int count);

/* Image `number` of the list, with its class, -1 for none, and the network's output. */
void measure_set(measured_sets *m, int number, int class, const float *output);

/* A line a class that was measured, one of all, and one about the percentages. */
void print_measured_sets(const measured_sets *m, char **names);

#endif
