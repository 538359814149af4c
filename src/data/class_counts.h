/* How many images of a training list each class has: for class_margins=auto and class_weights=auto
 * of a [smooth_topk], and for a warning about classes without images. */
#ifndef CLASS_COUNTS_H
#define CLASS_COUNTS_H

#include "label_lists.h"

/* Tells the last layers of the networks, if they ask for it; an image of several classes counts for
   each. set->labels is NULL where classes cannot be counted, with tag= or tree=: then a layer that
   asks ends the program with a message. */
void tell_class_counts(network **nets, int count, const labeled_images *set, const char *list_name);

/* Names on stderr the classes, at most 10, that no image of the list has. Says nothing where
   set->labels is NULL, or where looking at a long list would take more than about a second. */
void tell_missing_classes(const labeled_images *set, const char *list_name);

#endif
