/* The EXIF orientation of an image file, and pixels turned by it. */
#include "image_orientation.h"

#include "allocate.h"

#include <stdlib.h>
#include <string.h>

enum { UPRIGHT = 1, LAST = 8 };

static unsigned big_endian(const unsigned char *bytes, int count)
{
    unsigned value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
    return value;
}

static unsigned number(const unsigned char *bytes, int count, int little_endian)
{
    unsigned value = 0;
    if (!little_endian) return big_endian(bytes, count);
    while (count-- > 0) value = value << 8 | bytes[count];
    return value;
}

/* EXIF is a small TIFF file; tag 0x112 of its first directory is one short number. */
static int tiff_orientation(const unsigned char *tiff, size_t size)
{
    enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x112, SHORT = 3 };
    if (size < HEADER + 2) return UPRIGHT;
    int little = memcmp(tiff, "II*\0", 4) == 0;
    if (!little && memcmp(tiff, "MM\0*", 4) != 0) return UPRIGHT;
    size_t place = number(tiff + 4, 4, little);
    if (place < HEADER || place > size - 2) return UPRIGHT;
    unsigned count = number(tiff + place, 2, little);
    place += 2;
    for (; count-- > 0 && size - place >= ENTRY; place += ENTRY) {
        const unsigned char *entry = tiff + place;
        if (number(entry, 2, little) != ORIENTATION) continue;
        unsigned value = number(entry + 8, 2, little);
        int right = number(entry + 2, 2, little) == SHORT && number(entry + 4, 4, little) == 1;
        return right && value >= UPRIGHT && value <= LAST ? (int)value : UPRIGHT;
    }
    return UPRIGHT;
}

/* Goes from segment to segment up to the pixels. */
static int jpeg_orientation(const unsigned char *file, size_t size)
{
    enum { EXIF_SEGMENT = 0xe1, PIXELS = 0xda, END = 0xd9, FILLER = 0xff };
    size_t place = 2;
    while (size - place >= 4 && file[place] == 0xff) {
        unsigned char marker = file[place + 1];
        if (marker == FILLER) {
            ++place;
            continue;
        }
        if (marker == PIXELS || marker == END || marker < 0xc0) return UPRIGHT;
        size_t length = big_endian(file + place + 2, 2);
        if (length < 2 || length > size - place - 2) return UPRIGHT;
        const unsigned char *segment = file + place + 4;
        if (marker == EXIF_SEGMENT && length >= 8 && memcmp(segment, "Exif\0\0", 6) == 0)
            return tiff_orientation(segment + 6, length - 8);
        place += 2 + length;
    }
    return UPRIGHT;
}

/* The CRC of PNG (ISO 3309). */
static unsigned check_sum(const unsigned char *bytes, size_t count)
{
    unsigned sum = 0xffffffff;
    for (size_t i = 0; i < count; ++i) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return sum ^ 0xffffffff;
}

/* Goes from chunk to chunk. */
static int png_orientation(const unsigned char *file, size_t size)
{
    enum { SIGNATURE = 8, AROUND = 12, LONGEST = 1 << 20 };
    size_t place = SIGNATURE;
    while (size - place >= AROUND) {
        const unsigned char *chunk = file + place + 4;
        size_t length = big_endian(file + place, 4);
        if (length > size - place - AROUND || memcmp(chunk, "IEND", 4) == 0) return UPRIGHT;
        if (memcmp(chunk, "eXIf", 4) == 0) {
            if (length > LONGEST ||
                check_sum(chunk, length + 4) != big_endian(chunk + 4 + length, 4))
                return UPRIGHT;
            return tiff_orientation(chunk + 4, length);
        }
        place += AROUND + length;
    }
    return UPRIGHT;
}

int image_orientation(const unsigned char *file, size_t size)
{
    if (size > 3 && memcmp(file, "\xff\xd8\xff", 3) == 0) return jpeg_orientation(file, size);
    if (size > 8 && memcmp(file, "\x89PNG\r\n\x1a\n", 8) == 0) return png_orientation(file, size);
    return UPRIGHT;
}

/* Where the upper left pixel of the upright image is, and the steps to the right and down, in
   pixels of the file. */
typedef struct {
    ptrdiff_t first, right, down;
} walk;

static walk find_walk(int orientation, ptrdiff_t width, ptrdiff_t height)
{
    const ptrdiff_t last_row = width * (height - 1), last = width * height - 1;
    switch (orientation) {
    case 2: /* mirrored */
        return (walk){width - 1, -1, width};
    case 3: /* upside down */
        return (walk){last, -1, -width};
    case 4: /* both */
        return (walk){last_row, 1, -width};
    case 5: /* rows and columns change places */
        return (walk){0, width, 1};
    case 6: /* to be turned to the right */
        return (walk){last_row, -width, 1};
    case 7: /* upside down, and rows and columns change places */
        return (walk){last, -width, -1};
    case 8: /* to be turned to the left */
        return (walk){width - 1, width, -1};
    default:
        return (walk){0, 1, width};
    }
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

void turn_upright(unsigned char **pixels, int *width, int *height, int channels, int orientation)
{
    enum { TILE = 32 }; /* rows and columns at once, so that both images stay in the cache */
    const walk w = find_walk(orientation, *width, *height);
    int swapped = orientation >= 5, columns = swapped ? *height : *width,
        rows = swapped ? *width : *height;
    if (orientation <= UPRIGHT) return;
    unsigned char *turned = allocate_unset((size_t)rows * columns * channels + 1);
    for (int y = 0; y < rows; y += TILE)
        for (int x = 0; x < columns; x += TILE)
            for (int i = y; i < min_int(y + TILE, rows); ++i) {
                const unsigned char *source =
                    *pixels + (w.first + i * w.down + x * w.right) * channels;
                unsigned char *target = turned + ((size_t)i * columns + x) * channels;
                for (int j = x; j < min_int(x + TILE, columns); ++j, source += w.right * channels)
                    for (int c = 0; c < channels; ++c) *target++ = source[c];
            }
    free(*pixels);
    *pixels = turned;
    *width = columns;
    *height = rows;
}
