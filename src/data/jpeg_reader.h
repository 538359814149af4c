/* JPEG files, by libjpeg; where it is libjpeg-turbo, a part of an image takes less time. */
#ifndef JPEG_READER_H
#define JPEG_READER_H

#include "image_reading.h"

/* Reads the file; 0 where it is damaged, with the words of fail_reading. */
int decode_jpeg(reading *r);

#endif
