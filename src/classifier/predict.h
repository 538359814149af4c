/* `classifier predict`. */
#ifndef PREDICT_H
#define PREDICT_H

#include "darknet.h"

typedef enum { PREDICT_TEXT, PREDICT_CSV, PREDICT_JSON } predict_format;

typedef struct {
    char *data, *cfg, *weights;
    char *image;   /* NULL: those of list, or whose paths come from stdin */
    char *list;    /* a file of paths, "-" for stdin; NULL: none */
    char *sets;    /* a file of prediction sets; NULL: none */
    int top;       /* how many of the best classes, 0: top= of the .data file */
    int format;    /* predict_format; CSV and JSON are a line an image and nothing else on stdout */
    int letterbox; /* show all of the image in the middle of gray, as upstream does; else what
                      `classifier valid` shows */
} predict_options;

/* Prints the best classes of images with their probabilities, or, with sets, the classes of each
   image's set, at the temperature that the file of sets has. An image that cannot be read is named
   on stderr, and in its line; the program then ends with exit code 1. So it does, before the first
   image, where data, network and sets do not fit together. */
void predict_classifier(const predict_options *options);

/* The next path of an image from stdin, which is asked for and which the caller frees; NULL at its
   end. */
char *ask_for_path(void);

#endif
