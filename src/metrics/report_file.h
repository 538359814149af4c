/* A report by class as a CSV or JSON file. */
#ifndef REPORT_FILE_H
#define REPORT_FILE_H

#include "class_report.h"
#include "prediction_sets.h"

typedef struct {
    const class_report *report; /* finished */
    int classes, k;
    char **names;                /* of the classes */
    long unread;                 /* images */
    double calibration_error;    /* of the percentages, 0 to 1; -1: unknown */
    const prediction_sets *sets; /* NULL, or what `coverage` is of */
    const set_coverage *coverage;
} report_content;

/* Replaces the file, whole or not at all; a name that ends in .json has one JSON object, every
   other CSV: a row a class, then one of means. What has no value, as the precision of a class that
   is never guessed, is empty or null. Returns 0 or the error's number. */
int write_report_file(const char *filename, const report_content *content);

/* Ends the program with exit code 1 where `filename`, the value of `flag`, is a file that is not
   empty and no such report: it would be replaced. */
void refuse_other_report(const char *flag, const char *filename);

#endif
