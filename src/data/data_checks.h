/* Checks that the .data file, its lists and the network fit together, before a command begins.
   Every check ends the program with exit code 1 and a message that names file, value and range. */
#ifndef DATA_CHECKS_H
#define DATA_CHECKS_H

#include "darknet.h"

/* The lines of a list that must have at least `least`: `what`, images or labels. */
list *get_lines(char *filename, int least, const char *what);

/* At least `classes` labels, one a line. */
char **get_class_labels(char *filename, int classes);

/* classes= must be the network's number of outputs, on which the truth of an image depends. With a
   hierarchy a validation list may have fewer; `exact` refuses that too, for training. */
void check_classes(const network *net, int classes, int exact, const char *datacfg,
                   const char *cfgfile);

/* The network must take images of 1 or 3 channels: gray, or red, green and blue. */
void check_image_network(const network *net, const char *cfgfile);

/* top=, or -t, must be from 1 to classes. */
void check_top(int top, int classes, const char *datacfg);

/* Each of the m paths must hold the label of exactly one of the k classes (of a single class, at
   most one). Looks at all of a list, or at as many of its paths, evenly spread, as take about a
   second. Returns 1 if it looked at all. */
int check_labels(char **paths, int m, const char *list_name, char **labels, int k,
                 const char *labels_name);

/* The class whose label is in the path, -1 if there is none. */
int class_of_path(const char *path, char **labels, int classes);

#endif
