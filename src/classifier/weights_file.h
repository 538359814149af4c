/* Weights files: saved whole or not at all, never with a NaN, and checked before they are used. */
#ifndef WEIGHTS_FILE_H
#define WEIGHTS_FILE_H

#include "darknet.h"

#include <stdio.h>

enum { WEIGHTS_SAVED, WEIGHTS_NOT_WRITTEN, WEIGHTS_NOT_FINITE };

/* Replaces the file by the weights of the layers before `cutoff`, or leaves it as it was: where it
   cannot be written, or a weight is not finite. Says so with the cause and the layer. Returns and
   keeps one of the three above. save_weights and save_weights_upto are this. */
int replace_weights(network *net, char *filename, int cutoff);

/* What the last replace_weights returned, WEIGHTS_SAVED if there was none. */
int last_save(void);

/* From now on load_weights refuses a file that lacks the last layers: only training starts from a
   part of a network. */
void refuse_partial_weights(void);

/* For a training that begins at batch 0 with another network's weights: from now on load_weights
   heeds dontload=, numload= and dontloadscales= (weights_layout.h). It does so for a file of batch
   0 anyway, unless parts are refused. */
void heed_loading_options(void);

/* What is wrong with the header or the size of a whole weights file for this network, which the
   caller frees, or NULL. */
char *find_weights_fault(const network *net, const char *filename);

/* Loads the weights as load_weights does. A file that is no whole one for this network is not an
   end, though: returns NULL, or what is wrong with it, which the caller frees; the network is then
   of no more use. */
char *try_load_weights(network *net, char *filename);

/* How many images had been trained on when the file was saved; 0 for one that is not there or no
   weights file. */
size_t seen_by_weights(const char *filename);

/* What Darknet's parser calls in load_weights_upto.
   read_weights_header: reads it, sets *net->seen, ends the program for what is no weights file;
   returns whether the file has connected layers transposed.
   check_weights_size: compares the file's size with what the layers from `start` to `cutoff` need.
   Returns the layer to stop at, `cutoff` or the first of those that a part lacks, which are named;
   ends the program for a file that ends within a layer or has bytes left over.
   begin_layer_weights: by the layer's options, what shall be read of layer i; returns 0 where
   nothing is left to read.
   check_loaded_weights: ends the program where the file ended early or a layer, which is named,
   holds a NaN or an infinity. */
int read_weights_header(network *net, char *filename, FILE *file);
int check_weights_size(network *net, char *filename, FILE *file, int start, int cutoff);
int begin_layer_weights(int i, layer *l, FILE *file);
void check_loaded_weights(network *net, char *filename, FILE *file, int start, int cutoff);

/* Darknet's parser: writes header and layers; returns the first layer that failed, -1 if none. */
int write_weights(network *net, FILE *file, int cutoff);

#endif
