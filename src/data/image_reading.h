/* An image file while it is read: for the readers of the single formats. */
#ifndef IMAGE_READING_H
#define IMAGE_READING_H

#include <setjmp.h>
#include <stddef.h>

#include "view_map.h"

/* Width times height of the largest image that is read; a file of a few bytes may claim any size.
 */
#ifndef LARGEST_IMAGE
#define LARGEST_IMAGE 100000000
#endif

/* What is being read, what it became, and the way back out of a library. */
typedef struct {
    const unsigned char *file;
    size_t size, place;
    int channels; /* wanted; 0: as the file has it */
    int width, height, file_channels;
    unsigned char *pixels;
    unsigned char **rows; /* of a PNG */
    const char *remark;   /* on an image that is read; NULL for none */
    /* With a choice a reader may read no more than the view needs: then it says which map leads to
       the image as it is read, of all_width x all_height, and which window of that it has read. */
    const view_choice *choice;
    int is_part, all_width, all_height;
    view_map map;
    view_window window;
    jmp_buf back;
} reading;

/* Keeps words for the calling thread until it keeps others; returns them. */
__attribute__((format(printf, 1, 2))) const char *note_reason(const char *format, ...);
const char *noted_reason(void);

/* Goes back to where `back` was set; the words are what is wrong with the file. */
void fail_reading(reading *r, const char *words) __attribute__((noreturn));

/* As fail_reading where this is no size of an image. */
void check_image_size(reading *r, size_t width, size_t height);

/* Takes memory for the pixels, `channels` bytes each, and a byte more; the size is checked. */
void take_pixels(reading *r, size_t width, size_t height, int channels);

#endif
