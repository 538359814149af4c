/* How many images of a training list each class has, for a [smooth_topk] with class_margins=auto or
 * class_weights=auto. */
#ifndef CLASS_COUNTS_H
#define CLASS_COUNTS_H

#include "darknet.h"

/* Tells the last layers of the networks, if they ask for it. labels is NULL where classes cannot be
   counted, with tag= or tree=: then a layer that asks ends the program with a message. */
void tell_class_counts(network **nets, int count, list *paths, const char *list_name, char **labels,
                       int classes);

#endif
