/* Lists of images, and which classes each image has. */
#ifndef LABEL_LISTS_H
#define LABEL_LISTS_H

#include "darknet.h"

/* The images of a list. A line is a path, or a path, a TAB and the image's labels, separated by
   commas: "img/1.jpg<TAB>cat,night"; nothing behind the TAB is an image of no class. In a list
   without a label behind any TAB an image belongs to the class whose label is part of its path. */
typedef struct {
    char **paths; /* behind the end of each path are the classes that it was listed with */
    int count;
    char **labels; /* the names of the classes */
    int classes;
    int listed;  /* whether the lines have labels */
    int several; /* whether an image is listed with several labels, or with none */
    int checked; /* whether it is known that each image has its classes */
} labeled_images;

/* Reads a list once; of `labels` only the first `classes` count. Ends the program with exit code 1
   where it has fewer than `least` images, and names file and line of each wrong one (at most 10):
   a label that is none of the classes or is there twice, a line with labels beside one without.
   labels NULL: what is behind a TAB is left out, as for prediction; `listed` tells that it was
   there. Without labels in the list the paths are not checked (check_labels of data_checks.h). */
labeled_images read_image_list(char *filename, int least, char **labels, int classes);

/* As read_image_list, for at least one image; of a list without labels the paths are checked
   (check_labels), which are named in messages as those of labels_name. */
labeled_images read_labeled_images(char *filename, char **labels, int classes,
                                   const char *labels_name);

/* The classes that a path of a list with labels is listed with, in rising order. */
typedef struct {
    const char *next;
    int left; /* how many are to come */
} listed_classes;
listed_classes begin_listed(const char *path);

/* The next of them, -1 after the last. */
int next_listed(listed_classes *classes);

/* truth, `classes` numbers: 1 for each class that the path is listed with, else 0. Returns how many
   these are. */
int fill_listed_truth(const char *path, int classes, float *truth);

/* The class of image i, by the list or by its path; the first of several, -1 for none. */
int class_of_image(const labeled_images *set, int i);

/* Depends on the labels of all images of a list: ranks tell by it whether theirs are the same.
   0 for a list without labels. */
unsigned long long digest_of_labels(const labeled_images *set);

#endif
