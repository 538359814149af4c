/* Reads BMP and PNM: a header, then rows of bytes. */
#ifndef IMAGE_ROWS_H
#define IMAGE_ROWS_H

#include <stddef.h>

typedef struct {
    size_t width, height, stride; /* in pixels; bytes from a row to the next */
    int channels;                 /* 1 or 3 */
    int bits;                     /* a pixel of the file has: 1, 4, 8, 16, 24 or 32 */
    int bottom_first, blue_first; /* as BMP has it */
    unsigned scale;               /* a PNM's largest value, else 255 */
    const unsigned char *first;   /* the first row, all of them within the file */
    const unsigned char *palette; /* NULL, or 4 bytes a color: blue, green, red, none */
    size_t palette_size;          /* colors; a pixel beyond them is black */
} image_rows;

/* Finds the rows of an uncompressed BMP, or of a binary PNM (P4, P5, P6) with values up to 255.
   Returns NULL, or what is wrong with the file. Width and height are as large as the file can hold.
 */
const char *find_image_rows(const unsigned char *file, size_t size, image_rows *rows);

/* Fills height x width x channels bytes at `pixels`, from the top, red first. */
void copy_image_rows(const image_rows *rows, unsigned char *pixels);

/* The place of the next byte of a PNM from `place` on that is neither blank nor in a comment. */
size_t skip_pnm_blanks(const unsigned char *file, size_t size, size_t place);

/* The decimal number there, 0 where there is none; *place is then behind its digits. A number above
   INT_MAX ends within its digits. */
size_t read_pnm_number(const unsigned char *file, size_t size, size_t *place);

#endif
