/* Reads BMP and PNM: a header, then rows of bytes. */
#include "image_rows.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

static unsigned little_endian(const unsigned char *bytes, int count)
{
    unsigned value = 0;
    while (count-- > 0) value = value << 8 | bytes[count];
    return value;
}

/* The rows must fit between `source` and the file's end. */
static const char *check_fit(image_rows *rows, const unsigned char *file, size_t size,
                             size_t source)
{
    if (!rows->width || !rows->height || rows->width > INT_MAX || rows->height > INT_MAX)
        return "an image without pixels, or of an impossible size";
    if (source > size || rows->height > (size - source) / rows->stride)
        return "the file is cut short";
    rows->first = file + source;
    return NULL;
}

static const char *find_bmp_rows(const unsigned char *file, size_t size, image_rows *rows)
{
    static const unsigned char usual_masks[] = {0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0};
    if (size < 54) return "the file is cut short";
    unsigned header = little_endian(file + 14, 4), compression = little_endian(file + 30, 4);
    int32_t height = (int32_t)little_endian(file + 22, 4);
    if (header < 40 || header > 200) return "a BMP of a kind that is not read";
    rows->width = little_endian(file + 18, 4);
    rows->bottom_first = height > 0;
    rows->height = height < 0 ? -(size_t)height : (size_t)height;
    rows->bits = little_endian(file + 28, 2);
    rows->stride = (rows->width * (size_t)rows->bits + 31) / 32 * 4;
    rows->channels = 3;
    rows->blue_first = 1;
    rows->scale = 255;
    if (compression == 3 && rows->bits == 32 && size >= 66 &&
        memcmp(file + 54, usual_masks, 12) == 0)
        compression = 0;
    if (compression != 0) return "a compressed BMP, or one of unusual colors";
    switch (rows->bits) {
    case 1:
    case 4:
    case 8:
        rows->palette_size = little_endian(file + 46, 4);
        if (rows->palette_size == 0 || rows->palette_size > 256)
            rows->palette_size = (size_t)1 << rows->bits;
        if (size - 54 < rows->palette_size * 4 || 14 + header + rows->palette_size * 4 > size)
            return "the file is cut short";
        rows->palette = file + 14 + header;
        break;
    case 16:
    case 24:
    case 32:
        break;
    default:
        return "a BMP of an unknown number of bits";
    }
    return check_fit(rows, file, size, little_endian(file + 10, 4));
}

size_t skip_pnm_blanks(const unsigned char *file, size_t size, size_t place)
{
    while (place < size && (file[place] == '#' || strchr(" \t\r\n\v\f", file[place]))) {
        if (!file[place]) break;
        if (file[place++] == '#')
            while (place < size && file[place] != '\n' && file[place] != '\r') ++place;
    }
    return place;
}

size_t read_pnm_number(const unsigned char *file, size_t size, size_t *place)
{
    size_t value = 0, i = skip_pnm_blanks(file, size, *place);
    while (i < size && file[i] >= '0' && file[i] <= '9' && value <= INT_MAX)
        value = value * 10 + (file[i++] - '0');
    *place = i;
    return value;
}

static const char *find_pnm_rows(const unsigned char *file, size_t size, image_rows *rows)
{
    static const unsigned char white_and_black[8] = {255, 255, 255, 0, 0, 0, 0, 0};
    size_t place = 2;
    int is_bitmap = file[1] == '4';
    rows->channels = file[1] == '6' ? 3 : 1;
    rows->bits = is_bitmap ? 1 : 8 * rows->channels;
    rows->width = read_pnm_number(file, size, &place);
    rows->height = read_pnm_number(file, size, &place);
    if (rows->width > INT_MAX || rows->height > INT_MAX) return "an image of an impossible size";
    rows->scale = is_bitmap ? 255 : (unsigned)read_pnm_number(file, size, &place);
    if (rows->scale == 0) return "a PNM with a broken header";
    if (rows->scale > 255) return "a PNM with values above 255";
    rows->stride = is_bitmap ? (rows->width + 7) / 8 : rows->width * rows->channels;
    if (is_bitmap) {
        rows->palette = white_and_black;
        rows->palette_size = 2;
    }
    return check_fit(rows, file, size, place + 1);
}

const char *find_image_rows(const unsigned char *file, size_t size, image_rows *rows)
{
    memset(rows, 0, sizeof *rows);
    return file[0] == 'B' ? find_bmp_rows(file, size, rows) : find_pnm_rows(file, size, rows);
}

/* Where the color of pixel x begins. */
static const unsigned char *palette_color(const image_rows *rows, const unsigned char *row,
                                          size_t x)
{
    static const unsigned char black[4];
    int bits = rows->bits;
    size_t first_bit = x * bits;
    unsigned color = row[first_bit / 8] >> (8 - bits - first_bit % 8) & ((1u << bits) - 1);
    return color < rows->palette_size ? rows->palette + 4 * color : black;
}

static void copy_row(const image_rows *rows, const unsigned char *row, unsigned char *target)
{
    int bytes = rows->bits / 8;
    for (size_t x = 0; x < rows->width; ++x, target += rows->channels) {
        const unsigned char *source = rows->palette ? palette_color(rows, row, x) : row + x * bytes;
        if (rows->bits == 16) { /* 5 bits each: red, green, blue */
            unsigned value = little_endian(source, 2);
            for (int i = 0; i < 3; ++i) target[i] = (value >> (10 - 5 * i) & 31) * 255 / 31;
            continue;
        }
        for (int i = 0; i < rows->channels; ++i) target[i] = source[rows->blue_first ? 2 - i : i];
    }
}

void copy_image_rows(const image_rows *rows, unsigned char *pixels)
{
    size_t row_size = rows->width * rows->channels;
    for (size_t y = 0; y < rows->height; ++y) {
        size_t row = rows->bottom_first ? rows->height - 1 - y : y;
        copy_row(rows, rows->first + row * rows->stride, pixels + y * row_size);
    }
    for (size_t i = 0; rows->scale != 255 && i < row_size * rows->height; ++i)
        pixels[i] =
            pixels[i] > rows->scale ? 255 : (pixels[i] * 255 + rows->scale / 2) / rows->scale;
}
