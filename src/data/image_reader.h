/* An image file's bytes as pixels: JPEG by libjpeg-turbo, PNG by libpng, BMP and PNM (P1 to P6).
 */
#ifndef IMAGE_READER_H
#define IMAGE_READER_H

#include <stddef.h>

#include "view_sampler.h"

/* Decodes the `size` bytes at `file`. `channels` is what the caller wants: 1 (gray), 3 (red, green,
   blue), 4 (and opacity), or 0 for as many as the file has. 16 bits are cut to their upper 8, a
   palette is resolved, opacity is dropped where it is not asked for, CMYK becomes RGB, and what
   EXIF says lies on its side is turned upright.
   Returns height x width x *file_channels bytes in rows from the top, which the caller frees, or
   NULL where the file is no whole image of a format above or is larger than LARGEST_IMAGE
   (image_reading.h); *why then says so in words, valid until the thread's next call. Of an image
   that is read *why is NULL, or a remark on what looks wrong with it. */
unsigned char *read_image(const unsigned char *file, size_t size, int channels, int *width,
                          int *height, int *file_channels, const char **why);

/* What a view needs of the image, for sample_view, and the map to it: of a JPEG no more pixels, nor
   of a higher resolution, of others all. Bytes and channels as for read_image, but not 0 channels;
   damage is noticed wherever it is. No pixels and *why as above where the file is bad; the caller
   frees them. */
image_part read_image_part(const unsigned char *file, size_t size, int channels,
                           const view_choice *choice, view_map *map, const char **why);

/* All bytes of a file, which the caller frees. NULL and *why as above where it cannot be read, is
   empty, or has more than 1 GB. */
unsigned char *read_whole_file(const char *path, size_t *size, const char **why);

/* True where the bytes begin as a format above does. */
int is_known_image(const unsigned char *file, size_t size);

#endif
