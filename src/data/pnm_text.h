/* PNM as text (P1, P2, P3). */
#ifndef PNM_TEXT_H
#define PNM_TEXT_H

#include <stddef.h>

typedef struct {
    size_t width, height, scale; /* in pixels; the largest value, 1 to 65535 */
    int channels, is_bitmap;     /* 1 or 3; P1 */
    const unsigned char *numbers, *end;
} pnm_text;

/* Reads the header of a file that begins with P1, P2 or P3. Returns NULL, or what is wrong with it.
   The image has no more numbers than the file has bytes. */
const char *find_pnm_text(const unsigned char *file, size_t size, pnm_text *text);

/* Fills height x width x channels bytes at `pixels`, 0 to 255 for 0 to scale. Returns NULL, or what
   is wrong with the file. */
const char *read_pnm_text(const pnm_text *text, unsigned char *pixels);

#endif
