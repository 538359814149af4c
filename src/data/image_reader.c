/* An image file's bytes as pixels. Every size is checked before memory is allocated, and errors
   of the libraries are returned as a text instead of ending the program. */
#define _GNU_SOURCE /* O_CLOEXEC */
#include "image_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <png.h>

#include "allocate.h"
#include "image_orientation.h"
#include "image_reading.h"
#include "image_rows.h"
#include "jpeg_reader.h"
#include "pnm_text.h"

#define LARGEST_FILE ((size_t)1 << 30)
/* What a PNG's compressed words may take, beside the size of the file. */
#define PNG_WORDS ((size_t)1 << 20)

/* ---- PNG ---- */

static void png_fail(png_structp png, png_const_charp words)
{
    fail_reading(png_get_error_ptr(png), words);
}

static void png_ignore(png_structp png, png_const_charp words)
{
    (void)png;
    (void)words;
}

static void png_next_bytes(png_structp png, png_bytep target, size_t count)
{
    reading *r = png_get_io_ptr(png);
    if (count > r->size - r->place) png_error(png, "truncated PNG");
    memcpy(target, r->file + r->place, count);
    r->place += count;
}

/* Each part must end within the file: libpng takes and clears as much memory as one says that it is
   long, before it sees that the file is cut. */
static void check_png_parts(reading *r)
{
    for (size_t place = 8; r->size - place >= 8;) {
        const unsigned char *part = r->file + place;
        size_t length = (size_t)part[0] << 24 | part[1] << 16 | part[2] << 8 | part[3];
        if (memcmp(part + 4, "IEND", 4) == 0) return;
        if (length + 12 > r->size - place) fail_reading(r, "truncated PNG");
        place += length + 12;
    }
}

/* The largest of the colors, opacity left out. */
static int largest_color(const reading *r, int colors)
{
    const unsigned char *pixel = r->pixels;
    size_t count = (size_t)r->width * r->height;
    int largest = 0;
    for (size_t i = 0; i < count; ++i, pixel += r->file_channels)
        for (int c = 0; c < colors; ++c)
            if (pixel[c] > largest) largest = pixel[c];
    return largest;
}

static void read_png(reading *r, png_structp png, png_infop info)
{
    png_set_read_fn(png, r, png_next_bytes);
    png_set_user_limits(png, LARGEST_IMAGE, LARGEST_IMAGE);
    png_set_chunk_malloc_max(png, r->size + PNG_WORDS);
    png_read_info(png, info);
    int color = png_get_color_type(png, info), bits = png_get_bit_depth(png, info);
    int opacity = (color & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
    int colors = color & PNG_COLOR_MASK_COLOR ? 3 : 1;
    /* Gray is made of colors in the end, by the same weights for every format. */
    if (r->channels >= 3) colors = 3;
    opacity = r->channels == 4 || (r->channels == 0 && opacity);
    png_set_expand(png);
    png_set_strip_16(png);
    if (colors == 3) png_set_gray_to_rgb(png);
    if (opacity)
        png_set_add_alpha(png, 255, PNG_FILLER_AFTER);
    else
        png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
    take_pixels(r, png_get_image_width(png, info), png_get_image_height(png, info),
                colors + opacity);
    size_t row = (size_t)r->width * r->file_channels;
    if (png_get_rowbytes(png, info) != row)
        fail_reading(r, "a PNG with rows of an unexpected size");
    r->rows = allocate_unset(r->height * sizeof *r->rows);
    for (int y = 0; y < r->height; ++y) r->rows[y] = r->pixels + y * row;
    png_read_image(png, r->rows);
    png_read_end(png, NULL);
    int largest = bits == 16 ? largest_color(r, colors) : 0;
    r->remark = largest > 0 && largest < 16
                    ? "nearly black: a PNG of 16 bits, all its numbers are below 4096, as of a "
                      "camera of 12 bits; multiply them by 16"
                    : NULL;
}

static png_voidp png_allocate(png_structp png, png_alloc_size_t bytes)
{
    (void)png;
    return allocate_unset(bytes);
}

static void png_release(png_structp png, png_voidp memory)
{
    (void)png;
    free(memory);
}

static int decode_png(reading *r)
{
    png_structp png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, r, png_fail, png_ignore, NULL,
                                               png_allocate, png_release);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    int failed = setjmp(r->back);
    if (!failed) {
        if (!info) out_of_memory(0);
        check_png_parts(r);
        read_png(r, png, info);
    }
    png_destroy_read_struct(&png, &info, NULL);
    free(r->rows);
    return !failed;
}

/* ---- all of them ---- */

/* The formats that are rows of bytes behind a header; see image_rows.h. */
static int decode_rows(reading *r)
{
    image_rows rows;
    const char *wrong = find_image_rows(r->file, r->size, &rows);
    if (setjmp(r->back)) return 0;
    if (wrong) fail_reading(r, wrong);
    take_pixels(r, rows.width, rows.height, rows.channels);
    copy_image_rows(&rows, r->pixels);
    return 1;
}

/* PNM as text; see pnm_text.h. */
static int decode_text(reading *r)
{
    pnm_text text;
    const char *wrong = find_pnm_text(r->file, r->size, &text);
    if (setjmp(r->back)) return 0;
    if (wrong) fail_reading(r, wrong);
    take_pixels(r, text.width, text.height, text.channels);
    wrong = read_pnm_text(&text, r->pixels);
    if (wrong) fail_reading(r, wrong);
    return 1;
}

static int has_mark(const unsigned char *file, size_t size, const char *mark, size_t length)
{
    return size >= length && memcmp(file, mark, length) == 0;
}

typedef enum { JPEG_FILE, PNG_FILE, ROWS_FILE, TEXT_FILE, UNKNOWN_FILE } image_format;

static image_format find_format(const unsigned char *file, size_t size)
{
    if (has_mark(file, size, "\xff\xd8\xff", 3)) return JPEG_FILE;
    if (has_mark(file, size, "\x89PNG\r\n\x1a\n", 8)) return PNG_FILE;
    if (has_mark(file, size, "BM", 2)) return ROWS_FILE;
    if (size >= 2 && file[0] == 'P' && file[1] >= '1' && file[1] <= '6')
        return file[1] < '4' ? TEXT_FILE : ROWS_FILE;
    return UNKNOWN_FILE;
}

int is_known_image(const unsigned char *file, size_t size)
{
    return find_format(file, size) != UNKNOWN_FILE;
}

/* What a file of no known format is, where that is easily told. */
static const char *format_name(const unsigned char *file, size_t size)
{
    if (has_mark(file, size, "GIF8", 4)) return "a GIF image; ";
    if (has_mark(file, size, "II*", 3) || has_mark(file, size, "MM\0*", 4)) return "a TIFF image; ";
    if (has_mark(file, size, "RIFF", 4)) return "a WebP image; ";
    if (size >= 12 && memcmp(file + 4, "ftypavif", 8) == 0) return "an AVIF image; ";
    if (size >= 12 && memcmp(file + 4, "ftyp", 4) == 0) return "a HEIC image or a video; ";
    if (has_mark(file, size, "version https://git-lfs", 23)) return "a pointer of Git LFS; ";
    return "";
}

/* Gray or colors as `channels` of them: gray by the weights of the eye, 77, 150 and 29 parts of
   256, and full opacity. */
static void convert(reading *r, int channels)
{
    size_t count = (size_t)r->width * r->height;
    unsigned char *pixels = allocate_unset(count * channels + 1), *target = pixels;
    const unsigned char *source = r->pixels;
    int color = r->file_channels == 3 ? 1 : 0; /* the step from red to green */
    for (size_t i = 0; i < count; ++i, source += r->file_channels, target += channels) {
        int red = source[0], green = source[color], blue = source[2 * color];
        target[0] = (unsigned char)red;
        if (channels == 1) {
            target[0] = (unsigned char)((77 * red + 150 * green + 29 * blue) >> 8);
            continue;
        }
        target[1] = (unsigned char)green;
        target[2] = (unsigned char)blue;
        if (channels == 4) target[3] = 255;
    }
    free(r->pixels);
    r->pixels = pixels;
    r->file_channels = channels;
}

/* Decodes the file, to r->channels; NULL where it is good, else what is wrong. */
static const char *decode_file(reading *r)
{
    static int (*const decode[])(reading *) = {decode_jpeg, decode_png, decode_rows, decode_text};
    image_format format = find_format(r->file, r->size);
    if (format == UNKNOWN_FILE)
        return note_reason("%sJPEG, PNG, BMP and PNM are read", format_name(r->file, r->size));
    if (!decode[format](r)) {
        free(r->pixels);
        return noted_reason();
    }
    if (r->channels && r->file_channels != r->channels) convert(r, r->channels);
    if (!r->is_part)
        turn_upright(&r->pixels, &r->width, &r->height, r->file_channels,
                     image_orientation(r->file, r->size));
    return NULL;
}

unsigned char *read_image(const unsigned char *file, size_t size, int channels, int *width,
                          int *height, int *file_channels, const char **why)
{
    reading r = {.file = file, .size = size, .channels = channels};
    *why = decode_file(&r);
    if (*why) return NULL;
    *why = r.remark;
    *width = r.width;
    *height = r.height;
    *file_channels = r.file_channels;
    return r.pixels;
}

image_part read_image_part(const unsigned char *file, size_t size, int channels,
                           const view_choice *choice, view_map *map, const char **why)
{
    reading r = {.file = file, .size = size, .channels = channels, .choice = choice};
    *why = decode_file(&r);
    if (*why) return (image_part){.pixels = NULL};
    *why = r.remark;
    image_part whole = {.width = r.width,
                        .height = r.height,
                        .channels = r.file_channels,
                        .window = {0, r.width, 0, r.height},
                        .pixels = r.pixels};
    if (!r.is_part) {
        *map = map_view(choice, r.width, r.height);
        return whole;
    }
    *map = r.map;
    return (image_part){.width = r.all_width,
                        .height = r.all_height,
                        .channels = r.file_channels,
                        .window = r.window,
                        .pixels = r.pixels};
}

/* Reads to the file's end; returns 0, or -1 with errno. What is read once its size is known is one
   call, since a plain file that gives less than is asked for ends there. */
static int read_to_end(int file, unsigned char **bytes, size_t *count)
{
    struct stat status;
    if (fstat(file, &status)) return -1;
    size_t size = status.st_size > 0 && (size_t)status.st_size < LARGEST_FILE ? status.st_size : 0;
    size_t room = size ? size + 1 : 1 << 16;
    *bytes = allocate_unset(room);
    for (;;) {
        ssize_t got = read(file, *bytes + *count, room - *count);
        if (got < 0 && errno == EAGAIN) poll(&(struct pollfd){.fd = file, .events = POLLIN}, 1, -1);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (got <= 0) return (int)got;
        *count += (size_t)got;
        if (*count == size) return 0;
        if (*count < room) continue;
        if (room >= LARGEST_FILE) {
            errno = EFBIG;
            return -1;
        }
        *bytes = reallocate(*bytes, 1, room *= 2);
    }
}

unsigned char *read_whole_file(const char *path, size_t *size, const char **why)
{
    /* A pipe that nobody writes to is an empty file; nothing waits for a writer. */
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    unsigned char *bytes = NULL;
    size_t count = 0;
    *why = NULL;
    if (file < 0 || read_to_end(file, &bytes, &count))
        *why = note_reason("%s", strerror(errno));
    else if (count == 0)
        *why = note_reason("the file is empty");
    if (file >= 0) close(file);
    if (*why) {
        free(bytes);
        return NULL;
    }
    *size = count;
    return bytes;
}
