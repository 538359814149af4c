/* The input of a network except in training: a batch of views of images, loaded by threads. */
#ifndef IMAGE_VIEWS_H
#define IMAGE_VIEWS_H

#include "darknet.h"

#include "view_map.h"

/* Why an image could not be read; empty for one that could. */
typedef char view_fault[160];

typedef struct {
    int w, h, channels;
    int kind;           /* VIEW_CENTER or VIEW_LETTERBOX (view_map.h) */
    int count;          /* of images */
    float *input;       /* room x channels x h x w; undefined for an image that could not be read */
    view_fault *faults; /* room */
    char **paths;       /* those being loaded */
    int next;           /* of them, for whichever thread comes first */
    int thread_count;   /* that were started */
    pthread_t *threads;
} view_batch;

/* Room for `room` images as the network takes them. */
view_batch *make_view_batch(const network *net, int room, int kind);

/* Starts threads that load these images, at most as many as there is room for; count >= 1. */
void begin_views(view_batch *views, char **paths, int count);

/* Waits until all are loaded. */
void finish_views(view_batch *views);

void free_view_batch(view_batch *views);

#endif
