/* A file of prediction sets: for which network they are, and their thresholds. */
#ifndef SETS_FILE_H
#define SETS_FILE_H

#include "prediction_sets.h"

typedef enum { OUTPUT_SOFTMAX, OUTPUT_MEMBERSHIP, OUTPUT_OTHER } output_kind;

/* What sets are for: they are of no use to another. */
typedef struct {
    unsigned long long weights; /* digest (digest.h) of the weights file */
    unsigned long long labels;  /* of the labels of the classes */
    int classes;
    int width, height, channels; /* of the network's input */
    int output;                  /* output_kind */
    double temperature;          /* of that output, 0 for OUTPUT_OTHER */
} sets_origin;

typedef struct {
    sets_origin origin;
    prediction_sets sets;
    /* Digest of the list of which a half (list_half.h) is calibrated on; 0: of none. */
    unsigned long long half;
    /* For which the right classes of the calibration are likeliest; 0: none. */
    double fitted_temperature;
} sets_file;

/* Replaces the file, whole or not at all. Returns 0 or the error's number. */
int write_sets_file(const char *filename, const sets_file *file);

/* Ends the program with exit code 1 where `filename` is a file that is not empty and no file of
   sets: it would be replaced. The message begins with `flag`. */
void refuse_other_sets(const char *flag, const char *filename);

/* Fills *file; its sets.class_thresholds are the caller's to free. Returns NULL, or what is wrong
   with the file, which the caller frees. */
char *read_sets_file(const char *filename, sets_file *file);

/* In what the two differ, in words; NULL where they do not. */
const char *find_other_origin(const sets_origin *a, const sets_origin *b);

#endif
