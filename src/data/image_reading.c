/* An image file while it is read: for the readers of the single formats. */
#include "image_reading.h"

#include <stdarg.h>
#include <stdio.h>

#include "allocate.h"

static __thread char reason[200];

const char *note_reason(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(reason, sizeof reason, format, values);
    va_end(values);
    return reason;
}

const char *noted_reason(void)
{
    return reason;
}

void fail_reading(reading *r, const char *words)
{
    note_reason("%s", words);
    longjmp(r->back, 1);
}

void check_image_size(reading *r, size_t width, size_t height)
{
    if (width && height && width <= LARGEST_IMAGE && height <= LARGEST_IMAGE &&
        width * height <= LARGEST_IMAGE)
        return;
    note_reason("%zu x %zu pixels; at least 1 and at most %d are read", width, height,
                LARGEST_IMAGE);
    longjmp(r->back, 1);
}

void take_pixels(reading *r, size_t width, size_t height, int channels)
{
    check_image_size(r, width, height);
    r->width = (int)width;
    r->height = (int)height;
    r->file_channels = channels;
    r->pixels = allocate_unset(width * height * (size_t)channels + 1);
}
