/* An image file's bytes as pixels. Every size is checked before memory of it is taken, and what the
   libraries find wrong comes back as words instead of an exit. */
#include "image_reader.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>
#include <png.h>

#include "allocate.h"
#include "image_orientation.h"
#include "image_rows.h"
#include "pnm_text.h"

#define LARGEST_FILE ((size_t)1 << 30)

static __thread char reason[JMSG_LENGTH_MAX];

/* What is being read, what it became, and the way back out of a library. */
typedef struct {
    const unsigned char *file;
    size_t size, place;
    int channels, width, height, file_channels;
    unsigned char *pixels;
    png_bytep *rows;
    const char *remark; /* on an image that is read; NULL for none */
    jmp_buf back;
    struct jpeg_progress_mgr progress; /* of a JPEG */
} reading;

static void fail(reading *r, const char *words)
{
    snprintf(reason, sizeof reason, "%s", words);
    longjmp(r->back, 1);
}

/* Takes memory for the pixels, `channels` bytes each. */
static void take_pixels(reading *r, size_t width, size_t height, int channels)
{
    if (!width || !height || width > LARGEST_IMAGE || height > LARGEST_IMAGE ||
        width * height > LARGEST_IMAGE) {
        snprintf(reason, sizeof reason, "%zu x %zu pixels; at least 1 and at most %d are read",
                 width, height, LARGEST_IMAGE);
        longjmp(r->back, 1);
    }
    r->width = (int)width;
    r->height = (int)height;
    r->file_channels = channels;
    r->pixels = allocate_unset(width * height * channels);
}

/* ---- JPEG ---- */

typedef struct {
    struct jpeg_error_mgr manager;
    reading *r;
} jpeg_errors;

static void jpeg_fail(j_common_ptr jpeg)
{
    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY) out_of_memory(0);
    jpeg->err->format_message(jpeg, reason);
    longjmp(((jpeg_errors *)jpeg->err)->r->back, 1);
}

/* The library paints grey what a damaged file lacks, and warns: that is no image to learn from.
   Other warnings are of oddities that harm no pixel. */
static void jpeg_warn(j_common_ptr jpeg, int level)
{
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
        jpeg_fail(jpeg);
    }
}

/* A few bytes can ask for any number of passes over a large progressive image. */
static void limit_scans(j_common_ptr jpeg)
{
    if (((j_decompress_ptr)jpeg)->input_scan_number > 500) {
        jpeg_errors *errors = (jpeg_errors *)jpeg->err;
        fail(errors->r, "a JPEG of more than 500 scans");
    }
}

static unsigned char times(int a, int b)
{
    int product = a * b + 128;
    return (unsigned char)((product + (product >> 8)) >> 8);
}

/* Adobe's programs, who write nearly all of these files, store them inverted. */
static void cmyk_row_to_rgb(const unsigned char *cmyk, int width, int inverted, unsigned char *rgb)
{
    for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3)
        for (int i = 0; i < 3; ++i)
            rgb[i] = inverted ? times(cmyk[i], cmyk[3]) : times(255 - cmyk[i], 255 - cmyk[3]);
}

static void read_jpeg(reading *r, struct jpeg_decompress_struct *jpeg)
{
    r->progress.progress_monitor = limit_scans;
    jpeg->progress = &r->progress;
    jpeg_mem_src(jpeg, r->file, r->size);
    jpeg_read_header(jpeg, TRUE);
    int cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    int gray = !cmyk &&
               (r->channels == 1 || (r->channels == 0 && jpeg->jpeg_color_space == JCS_GRAYSCALE));
    jpeg->out_color_space = cmyk ? JCS_CMYK : gray ? JCS_GRAYSCALE : JCS_RGB;
    /* The library's own memory for a progressive image comes with the next call. */
    take_pixels(r, jpeg->image_width, jpeg->image_height, gray ? 1 : 3);
    jpeg_start_decompress(jpeg);
    JSAMPARRAY row = jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, r->width * 4, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        unsigned char *to = r->pixels + (size_t)jpeg->output_scanline * r->width * r->file_channels;
        jpeg_read_scanlines(jpeg, cmyk ? row : &to, 1);
        if (cmyk) cmyk_row_to_rgb(row[0], r->width, jpeg->saw_Adobe_marker, to);
    }
    jpeg_finish_decompress(jpeg);
}

static int decode_jpeg(reading *r)
{
    jpeg_errors errors = {.r = r};
    struct jpeg_decompress_struct jpeg;
    memset(&jpeg, 0, sizeof jpeg);
    jpeg.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = jpeg_fail;
    errors.manager.emit_message = jpeg_warn;
    int failed = setjmp(r->back);
    if (!failed) {
        jpeg_create_decompress(&jpeg);
        read_jpeg(r, &jpeg);
    }
    jpeg_destroy_decompress(&jpeg);
    return !failed;
}

/* ---- PNG ---- */

static void png_fail(png_structp png, png_const_charp words)
{
    fail(png_get_error_ptr(png), words);
}

static void png_ignore(png_structp png, png_const_charp words)
{
    (void)png;
    (void)words;
}

static void png_next_bytes(png_structp png, png_bytep to, size_t count)
{
    reading *r = png_get_io_ptr(png);
    if (count > r->size - r->place) png_error(png, "truncated PNG");
    memcpy(to, r->file + r->place, count);
    r->place += count;
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
    png_set_chunk_malloc_max(png, LARGEST_FILE);
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
    if (png_get_rowbytes(png, info) != row) fail(r, "a PNG with rows of an unexpected size");
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
    if (wrong) fail(r, wrong);
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
    if (wrong) fail(r, wrong);
    take_pixels(r, text.width, text.height, text.channels);
    wrong = read_pnm_text(&text, r->pixels);
    if (wrong) fail(r, wrong);
    return 1;
}

static int begins_with(const unsigned char *file, size_t size, const char *mark, size_t length)
{
    return size >= length && memcmp(file, mark, length) == 0;
}

typedef enum { JPEG_FILE, PNG_FILE, ROWS_FILE, TEXT_FILE, UNKNOWN_FILE } image_format;

static image_format format_of(const unsigned char *file, size_t size)
{
    if (begins_with(file, size, "\xff\xd8\xff", 3)) return JPEG_FILE;
    if (begins_with(file, size, "\x89PNG\r\n\x1a\n", 8)) return PNG_FILE;
    if (begins_with(file, size, "BM", 2)) return ROWS_FILE;
    if (size >= 2 && file[0] == 'P' && file[1] >= '1' && file[1] <= '6')
        return file[1] < '4' ? TEXT_FILE : ROWS_FILE;
    return UNKNOWN_FILE;
}

int is_known_image(const unsigned char *file, size_t size)
{
    return format_of(file, size) != UNKNOWN_FILE;
}

/* What a file of no known format is, where that is easily told. */
static const char *name_of(const unsigned char *file, size_t size)
{
    if (begins_with(file, size, "GIF8", 4)) return "a GIF image; ";
    if (begins_with(file, size, "II*", 3) || begins_with(file, size, "MM\0*", 4))
        return "a TIFF image; ";
    if (begins_with(file, size, "RIFF", 4)) return "a WebP image; ";
    return "";
}

/* Gray or colors as `channels` of them: gray by the weights of the eye, 77, 150 and 29 parts of
   256, and full opacity. */
static void convert(reading *r, int channels)
{
    size_t count = (size_t)r->width * r->height;
    unsigned char *pixels = allocate_unset(count * channels), *to = pixels;
    const unsigned char *from = r->pixels;
    int color = r->file_channels == 3 ? 1 : 0; /* the step from red to green */
    for (size_t i = 0; i < count; ++i, from += r->file_channels, to += channels) {
        int red = from[0], green = from[color], blue = from[2 * color];
        to[0] = (unsigned char)red;
        if (channels == 1) {
            to[0] = (unsigned char)((77 * red + 150 * green + 29 * blue) >> 8);
            continue;
        }
        to[1] = (unsigned char)green;
        to[2] = (unsigned char)blue;
        if (channels == 4) to[3] = 255;
    }
    free(r->pixels);
    r->pixels = pixels;
    r->file_channels = channels;
}

unsigned char *read_image(const unsigned char *file, size_t size, int channels, int *width,
                          int *height, int *file_channels, const char **why)
{
    static int (*const decode[])(reading *) = {decode_jpeg, decode_png, decode_rows, decode_text};
    reading r = {.file = file, .size = size, .channels = channels};
    image_format format = format_of(file, size);
    int good = 0;
    *why = reason;
    if (format == UNKNOWN_FILE)
        snprintf(reason, sizeof reason, "%sJPEG, PNG, BMP and PNM are read", name_of(file, size));
    else
        good = decode[format](&r);
    if (!good) {
        free(r.pixels);
        return NULL;
    }
    *why = r.remark;
    if (channels && r.file_channels != channels) convert(&r, channels);
    turn_upright(&r.pixels, &r.width, &r.height, r.file_channels, image_orientation(file, size));
    *width = r.width;
    *height = r.height;
    *file_channels = r.file_channels;
    return r.pixels;
}

unsigned char *read_whole_file(const char *path, size_t *size, const char **why)
{
    FILE *file = fopen(path, "rb");
    size_t room = 1 << 16, count = 0, got = 0;
    unsigned char *bytes = file ? allocate_unset(room) : NULL;
    *why = reason;
    while (bytes && (got = fread(bytes + count, 1, room - count, file)) > 0) {
        count += got;
        if (count < room) continue;
        if (room >= LARGEST_FILE) {
            errno = EFBIG;
            break;
        }
        bytes = reallocate(bytes, 1, room *= 2);
    }
    if (!bytes || ferror(file) || got > 0)
        snprintf(reason, sizeof reason, "%s", strerror(errno));
    else if (count == 0)
        snprintf(reason, sizeof reason, "the file is empty");
    else
        *why = NULL;
    if (file) fclose(file);
    if (*why) {
        free(bytes);
        return NULL;
    }
    *size = count;
    return bytes;
}
