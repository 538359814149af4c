/* The command line of `darknet classifier`. */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "prediction_sets.h"
#include "train.h"

typedef struct {
    char *command;       /* train, valid, ... */
    train_options train; /* data, cfg, weights and the flags */
    char *image;         /* or a list of images; NULL: none */
    char *layer;         /* of `try`, NULL: none */
    char *list;          /* -list, NULL: none */
    int json, csv;       /* -json, -csv */
    int letterbox;       /* -letterbox of `predict` */
    char *sets;          /* -sets, a file of prediction sets; NULL: none */
    char *report;        /* -report of `valid`, NULL: none */
    int verbose;         /* -verbose of `valid` */
    double cover;        /* -cover of `calibrate` */
    set_score score;     /* -score of `calibrate` */
    int each_class;      /* -each-class of `calibrate` */
    double false_alarms; /* -false-alarms of `oneclass` */
    int top;             /* -t, 0: none */
    int camera;          /* -c */
} arguments;

/* Takes the flags out of argv. What is no number where one must be, a flag that is not known or
   lacks its value, and a missing network end the program with exit code 1 and a message. */
arguments read_arguments(int argc, char **argv);

/* The whole number from `least` to `most` that `text` is; else the program ends with exit code 1
   and a message that begins with `name`. */
long whole_number(const char *name, const char *text, long least, long most);

#endif
