/* Which layers a weights file holds, and what is loaded of them: the options dontload=, numload=,
   dontloadscales= and dontsave= of a layer.

   They count only for a training that begins at batch 0 with another network's weights. Every other
   command and a resumed run load all that the file has. */
#ifndef WEIGHTS_LAYOUT_H
#define WEIGHTS_LAYOUT_H

#include "darknet.h"

#include <stdio.h>

typedef enum {
    AS_SAVED,   /* what a network of this .cfg saves: all layers but those with dontsave=1 */
    ALL_LAYERS, /* those too */
    PARTS       /* numload= filters of a layer, none of the scales that dontloadscales=1 names */
} weights_layout;

typedef struct {
    weights_layout layout;
    int heeded;        /* whether the options of loading hold */
    int last;          /* the last layer that is wanted, -1 for none */
    size_t need;       /* bytes of header and layers */
    size_t least;      /* of header and layers up to `last`: what follows may be of any size */
    size_t whole;      /* bytes of header and of those layers that are in the file whole */
    int missing;       /* the first layer that is not, -1 if all are */
    int unsaved;       /* a layer that the layout lacks by dontsave=1, -1 for none */
    int may_be_longer; /* layers may follow that are not wanted */
} loading_plan;

/* The plan for a file of `size` bytes, of which `header` are not weights, from layer `start` to
   before `cutoff`: of the layouts there are the one of just that size, or else one that the file
   can be the beginning of, or else AS_SAVED. */
loading_plan plan_loading(const network *net, size_t header, size_t size, int start, int cutoff,
                          int heeded);

/* Whether a file of that size is, by this plan, whole. */
int is_whole_file(const loading_plan *plan, size_t size);

/* Whether it ends between two layers. */
int is_part(const loading_plan *plan, size_t header, size_t size);

/* Before layer i is read from `file`: sets the options of *l to what upstream's reader shall read
   of it and returns 1, or reads itself, or passes over, what there is, and returns 0. */
int begin_loading_layer(const loading_plan *plan, int i, layer *l, FILE *file, int transposed);

/* Names the layers from `start` to before `cutoff` that keep their initial values by this plan, all
   or in part, in a sentence after `beginning`; says nothing if there are none. */
void tell_initial_layers(const loading_plan *plan, const network *net, const char *beginning,
                         int start, int cutoff);

/* Warns of layers that no weights file of this network will hold. */
void tell_unsaved_layers(const network *net);

/* Whether a layer has an option of loading. */
int has_loading_options(const network *net);

#endif
