/* An image file as Darknet's image. */
#ifndef IMAGE_FILES_H
#define IMAGE_FILES_H

#include "darknet.h"

#include "view_map.h"

/* The image at `filename`, c planes of floats from 0 to 1 (c as `channels` of read_image), scaled
   to w x h where these and c are not 0. Where it is no whole image the result has no data, and *why
   says what is wrong, valid until the thread's next call. With OPENCV=1 formats that image_reader.h
   does not name are OpenCV's. */
image try_load_image(char *filename, int w, int h, int c, const char **why);

/* Fills c planes of choice->h x choice->w floats with a view of the image; 1, or 0 and *why as
   above. No more of the file is decoded than the view needs. */
int try_load_view(char *filename, int c, const view_choice *choice, float *planes,
                  const char **why);

/* As try_load_image, unscaled; ends the program with exit code 1 where the image is bad. */
image load_image_or_name(char *filename, int c);

/* As try_load_view; ends the program likewise. */
void load_view_or_name(char *filename, int c, const view_choice *choice, float *planes);

#endif
