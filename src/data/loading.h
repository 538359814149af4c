/* Images for training: one that cannot be used is named once and replaced by another of the list.
 */
#ifndef LOADING_H
#define LOADING_H

#include "darknet.h"

/* Makes args, those of a whole batch, load the share of this rank (ranks.h): images and distortions
   are those that one process with the same seed draws in these places of the batch. args->seed must
   not be 0 then. */
void load_share(load_args *args);

/* Tells all ranks which images the others left out, so that all count the same. To be called by all
   ranks between two batches. */
void share_rejected(const load_args *args);

/* What Darknet's data.c calls. The thread that loads a part of a batch begins and ends it: between
   the two its random numbers are those of args->seed and args->thread, if there is a seed, and its
   images are those of args. */
void begin_loading(const load_args *args);
void end_loading(void);

/* What load_args.listed says of a list with labels behind a TAB (label_lists.h): the truth of an
   image of m classes is 1/m for each, or 1; that of an image of no class is zeros, or SECRET_NUM,
   which a softmax layer leaves out of its loss. */
enum { NOT_LISTED, LISTED_SHARES, LISTED_SHARES_OF_SOFTMAX, LISTED_ONES };

/* The one of these that the network's loss needs: 1 where each output is for itself, as with
   [logistic] or [cost] alone. */
int choose_listed_truth(const network *net);

/* Where the list of the images that this thread loads has labels, writes the truth of a path of it
   and returns 1. */
int fill_truth_of_list(const char *path, int classes, float *truth);

/* Loads args->threads parts of args->n images, each by `load`, Darknet's load_thread. As many
   threads at once as the process has cores, 8 to 64, since loading also waits for disks; with a
   seed, which thread loads a part does not matter. */
void load_parts(load_args args, data *parts, void *(*load)(void *));

/* An image of *path, cropped, distorted and mirrored at random as Darknet does, or, with `center`,
   only mirrored: size x size, or args' w x h for a classifier, of args' channels. For a network
   that is not square the whole image is in the middle of gray, as in center_view, before it is
   cropped. Where the image cannot be used, *path becomes another of the list; what is drawn for the
   next image does not depend on that. Outside of begin_loading and end_loading, or without a list,
   a bad image ends the program. */
image load_training_image(char **path, int min, int max, int size, float angle, float aspect,
                          float hue, float saturation, float exposure, int center);

/* The input of a network of w x h in validation: the center square of the image, as in Darknet, or,
   if w is not h, the whole image with gray borders, as in `classifier predict`; nothing is
   stretched. */
image center_view(image im, int w, int h);

/* [net] flip=, NULL where it is not given: "0" turns off that images are mirrored with probability
   1/2. Holds for the loaders of classifier, tag and regressor. */
void set_flip(const char *value);

/* 1 once a run must end: more than 1 in 100 of the m images of its list cannot be used, or 10 where
   that is more, but never more than half of the list. */
int too_many_rejected(int m);

#endif
