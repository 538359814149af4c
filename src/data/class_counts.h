/* How many images of a training list each class has, for a [smooth_topk] with class_margins=auto or
 * class_weights=auto. */
#ifndef CLASS_COUNTS_H
#define CLASS_COUNTS_H

#include "label_lists.h"

/* Tells the last layers of the networks, if they ask for it; an image of several classes counts for
   each. set->labels is NULL where classes cannot be counted, with tag= or tree=: then a layer that
   asks ends the program with a message. */
void tell_class_counts(network **nets, int count, const labeled_images *set, const char *list_name);

#endif
