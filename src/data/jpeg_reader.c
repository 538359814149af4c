/* JPEG files, by libjpeg; where it is libjpeg-turbo, a part of an image takes less time. */
#include "jpeg_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "allocate.h"
#include "image_orientation.h"

typedef struct {
    struct jpeg_error_mgr manager;
    struct jpeg_progress_mgr progress;
    reading *r;
} jpeg_errors;

static void jpeg_fail(j_common_ptr jpeg)
{
    char words[JMSG_LENGTH_MAX];
    if (jpeg->err->msg_code == JERR_OUT_OF_MEMORY) out_of_memory(0);
    jpeg->err->format_message(jpeg, words);
    fail_reading(((jpeg_errors *)jpeg->err)->r, words);
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
    if (((j_decompress_ptr)jpeg)->input_scan_number > 500)
        fail_reading(((jpeg_errors *)jpeg->err)->r, "a JPEG of more than 500 scans");
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

/* Chooses the resolution that the view needs. */
static void reduce(reading *r, struct jpeg_decompress_struct *jpeg)
{
    int width = (int)jpeg->image_width, height = (int)jpeg->image_height;
    int orientation = image_orientation(r->file, r->size), swapped = orientation >= 5;
    r->is_part = 1;
    r->map = map_view(r->choice, swapped ? height : width, swapped ? width : height);
    map_to_file(&r->map, orientation, width, height);
    jpeg->scale_num = (unsigned)eighths_needed(&r->map);
    jpeg->scale_denom = 8;
    reduce_map(&r->map, (int)jpeg->scale_num);
}

/* Where the library can leave out columns, it leaves out those that the view does not need. */
static void crop_columns(view_window *window, struct jpeg_decompress_struct *jpeg)
{
#ifdef LIBJPEG_TURBO_VERSION
    int width = (int)jpeg->output_width;
    /* At the edges colors are interpolated from one column less of them: those are not shown. */
    int more = jpeg->max_h_samp_factor + 1;
    int left = window->left > more ? window->left - more : 0;
    int right = width - window->right > more ? window->right + more : width;
    JDIMENSION first = (JDIMENSION)left, columns = (JDIMENSION)(right - left);
    if (right - left < width) jpeg_crop_scanline(jpeg, &first, &columns);
    window->left = (int)first;
    window->right = (int)(first + columns);
#else
    window->left = 0;
    window->right = (int)jpeg->output_width;
#endif
}

static void skip_rows(struct jpeg_decompress_struct *jpeg, int count, JSAMPARRAY row)
{
#ifdef LIBJPEG_TURBO_VERSION
    (void)row;
    if (count) jpeg_skip_scanlines(jpeg, (JDIMENSION)count);
#else
    while (count--) jpeg_read_scanlines(jpeg, row, 1);
#endif
}

/* Rows below the window are decoded too, so that a damaged file is always noticed. (A second skip
   would be of no use: libjpeg-turbo's may then show wrong pixels, its issue 915.) */
static void read_rows(reading *r, struct jpeg_decompress_struct *jpeg, int is_cmyk)
{
    size_t stride = (size_t)r->width * (size_t)r->file_channels;
    JSAMPARRAY row =
        jpeg->mem->alloc_sarray((j_common_ptr)jpeg, JPOOL_IMAGE, jpeg->output_width * 4, 1);
    skip_rows(jpeg, r->window.top, row);
    for (int y = 0; y < r->height; ++y) {
        unsigned char *target = r->pixels + (size_t)y * stride;
        jpeg_read_scanlines(jpeg, is_cmyk ? row : &target, 1);
        if (is_cmyk) cmyk_row_to_rgb(row[0], r->width, jpeg->saw_Adobe_marker, target);
    }
    while (jpeg->output_scanline < jpeg->output_height) jpeg_read_scanlines(jpeg, row, 1);
}

static void read_jpeg(reading *r, struct jpeg_decompress_struct *jpeg)
{
    jpeg_mem_src(jpeg, r->file, r->size);
    jpeg_read_header(jpeg, TRUE);
    int is_cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    int is_gray = !is_cmyk && (r->channels == 1 ||
                               (r->channels == 0 && jpeg->jpeg_color_space == JCS_GRAYSCALE));
    int channels = is_gray ? 1 : 3;
    jpeg->out_color_space = is_cmyk ? JCS_CMYK : is_gray ? JCS_GRAYSCALE : JCS_RGB;
    check_image_size(r, jpeg->image_width, jpeg->image_height);
    if (r->choice && r->channels == channels) reduce(r, jpeg);
    /* The library's own memory for a progressive image comes with this call. */
    jpeg_start_decompress(jpeg);
    r->all_width = (int)jpeg->output_width;
    r->all_height = (int)jpeg->output_height;
    r->window = (view_window){0, r->all_width, 0, r->all_height};
    if (r->is_part) {
        r->window = find_window(&r->map, r->all_width, r->all_height);
        crop_columns(&r->window, jpeg);
    }
    take_pixels(r, (size_t)(r->window.right - r->window.left),
                (size_t)(r->window.bottom - r->window.top), channels);
    read_rows(r, jpeg, is_cmyk);
    jpeg_finish_decompress(jpeg);
}

int decode_jpeg(reading *r)
{
    jpeg_errors errors = {.progress = {.progress_monitor = limit_scans}, .r = r};
    struct jpeg_decompress_struct jpeg;
    memset(&jpeg, 0, sizeof jpeg);
    jpeg.err = jpeg_std_error(&errors.manager);
    errors.manager.error_exit = jpeg_fail;
    errors.manager.emit_message = jpeg_warn;
    int failed = setjmp(r->back);
    if (!failed) {
        jpeg_create_decompress(&jpeg);
        jpeg.progress = &errors.progress;
        read_jpeg(r, &jpeg);
    }
    jpeg_destroy_decompress(&jpeg);
    return !failed;
}
