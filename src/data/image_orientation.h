/* The orientation of photographs: cameras save them turned, and a number in the EXIF data says how.
 */
#ifndef IMAGE_ORIENTATION_H
#define IMAGE_ORIENTATION_H

#include <stddef.h>

/* The EXIF orientation of an image file, 1 to 8, from the first EXIF segment of a JPEG or the first
   eXIf chunk of a PNG. 1, upright, where there is none or anything in it is not as its standard
   has it. */
int image_orientation(const unsigned char *file, size_t size);

/* Turns *width x *height pixels of `channels` bytes upright: *pixels, which malloc has given,
   becomes other memory (with a byte more), and from orientation 5 on width and height change
   places. */
void turn_upright(unsigned char **pixels, int *width, int *height, int channels, int orientation);

#endif
