/* From an image's bytes to the planes of floats of a view, and its colors. */
#ifndef VIEW_SAMPLER_H
#define VIEW_SAMPLER_H

#include <stddef.h>

#include "view_map.h"

/* Pixels of an image: those in the window of one of width x height. */
typedef struct {
    int width, height, channels;
    view_window window;
    unsigned char *pixels; /* of the window, in rows from the top, channels bytes each; one byte
                              more is there to be read */
} image_part;

/* Fills channels planes of h x w floats, 0 to 1, with what the map shows of the image, each pixel
   between its four neighbors, and gray where the map says nothing. The map's window is part of the
   image's. The same bits with any instruction set. */
void sample_view(const image_part *image, const view_map *map, int w, int h, float *planes);

/* Adds `hue`, a part of the circle, to the hue of three planes of `count` floats from 0 to 1, and
   multiplies saturation and exposure (the value of HSV); what leaves 0 to 1 is cut off. */
void distort_colors(float *planes, size_t count, float hue, float saturation, float exposure);

#endif
