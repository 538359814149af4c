/* A .data file: the lists, labels and numbers that it names. Every command reads it with these
 * functions. */
#ifndef DATA_FILE_H
#define DATA_FILE_H

#include "darknet.h"

typedef struct {
    char *name;
    list *options;
} data_file;

/* All functions end the program with exit code 1 and a message that names file and option where
   what they are asked for is missing or wrong. */
data_file read_data_file(char *name);

/* The option's text, `by_default` where it is not given. */
char *data_text(const data_file *data, char *option, char *by_default);

/* The option's file. Where it is not given the default must be there: Darknet's own names. */
char *data_path(const data_file *data, char *option, char *by_default);
char *data_labels_path(const data_file *data); /* labels= */
char *data_train_path(const data_file *data);  /* train= */
char *data_valid_path(const data_file *data);  /* valid= */

/* The whole number of an option; where it is not given, `by_default`, and a line says so. */
int data_number(const data_file *data, char *option, int by_default);

/* The first `classes` labels of labels=, and the names that are shown: names=, else the labels. */
char **data_labels(const data_file *data, int classes);
char **data_names(const data_file *data, int classes);

#endif
