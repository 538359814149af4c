/* Views of images: the part of a JPEG that is decoded beside the whole, views beside Darknet's own
   functions and beside the average over the area, damage, and instruction sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "image.h"
#include "image_orientation.h"
#include "image_reader.h"
#include "instruction_set.h"

static instruction_set machine_set(void)
{
    return best_instruction_set();
}

/* The sampler of this file chooses the set that is tested. */
static instruction_set tested_set = SIMD_PORTABLE;
#define best_instruction_set() tested_set
#include "../src/data/view_sampler.c"
#undef best_instruction_set

#include "support.h"

static uint64_t random_state = 1;

static float random_unit(void)
{
    return (float)(next_random(&random_state) >> 40) / 16777216.f;
}

/* ---- JPEG files ---- */

typedef struct {
    int w, h, gray, h_factor, v_factor, progressive, restart, noise;
} jpeg_kind;

typedef struct {
    unsigned char *bytes;
    unsigned long size;
} jpeg_file;

static unsigned char pixel_color(const jpeg_kind *k, int x, int y, int c)
{
    double wave = sin(x * (.07 + .02 * c)) * cos(y * .11) * 90 + (x / 37 + y / 23) % 2 * 60;
    return (unsigned char)(100 + wave / 2 + k->noise * (double)random_unit());
}

static jpeg_file make_jpeg(const jpeg_kind *k)
{
    jpeg_file file = {NULL, 0};
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *row = malloc((size_t)k->w * 3);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &file.bytes, &file.size);
    jpeg.image_width = (JDIMENSION)k->w;
    jpeg.image_height = (JDIMENSION)k->h;
    jpeg.input_components = k->gray ? 1 : 3;
    jpeg.in_color_space = k->gray ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 90, TRUE);
    jpeg.comp_info[0].h_samp_factor = k->h_factor;
    jpeg.comp_info[0].v_samp_factor = k->v_factor;
    jpeg.restart_interval = (unsigned)k->restart;
    if (k->progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < k->h; ++y) {
        for (int i = 0; i < k->w * jpeg.input_components; ++i)
            row[i] = pixel_color(k, i / jpeg.input_components, y, i % jpeg.input_components);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return file;
}

/* All of the image at so many eighths, by libjpeg alone. */
static unsigned char *decode_whole(const jpeg_file *file, int channels, int eighths, int *w, int *h)
{
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&jpeg);
    jpeg_mem_src(&jpeg, file->bytes, file->size);
    jpeg_read_header(&jpeg, TRUE);
    jpeg.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg.scale_num = (unsigned)eighths;
    jpeg.scale_denom = 8;
    jpeg_start_decompress(&jpeg);
    *w = (int)jpeg.output_width;
    *h = (int)jpeg.output_height;
    unsigned char *pixels = malloc((size_t)*w * (size_t)*h * (size_t)channels);
    while (jpeg.output_scanline < jpeg.output_height) {
        JSAMPROW row = pixels + (size_t)jpeg.output_scanline * (size_t)(*w * channels);
        jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
    jpeg_destroy_decompress(&jpeg);
    return pixels;
}

static const jpeg_kind kinds[] = {
    {203, 155, 0, 2, 2, 0, 0, 60}, {203, 155, 0, 2, 1, 0, 0, 60}, {203, 155, 0, 1, 1, 0, 0, 60},
    {203, 155, 0, 1, 2, 0, 0, 60}, {203, 155, 0, 4, 1, 0, 0, 60}, {203, 155, 1, 1, 1, 0, 0, 60},
    {203, 155, 0, 2, 2, 1, 0, 60}, {203, 155, 0, 2, 2, 0, 3, 60}, {203, 155, 0, 2, 1, 1, 7, 60},
    {17, 300, 0, 2, 2, 0, 0, 60},  {300, 9, 0, 2, 2, 0, 0, 60},   {1, 1, 0, 2, 2, 0, 0, 60},
    {640, 480, 0, 2, 2, 0, 0, 9}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static view_choice random_choice(int kind, int w, int h, int least, int most)
{
    return (view_choice){.kind = kind,
                         .w = w,
                         .h = h,
                         .flip = random_unit() < .5f,
                         .width = least + (int)(random_unit() * (float)(most - least)),
                         .aspect = .75f + random_unit() * .58f,
                         .radians = (random_unit() - .5f) * .5f,
                         .right = random_unit(),
                         .down = random_unit()};
}

/* ---- the part that is decoded is that of the whole, byte for byte ---- */

static void assert_part(const jpeg_file *file, const jpeg_kind *k, const view_choice *choice,
                        int channels)
{
    int w, h;
    const char *why = NULL;
    view_map map, expected = map_view(choice, k->w, k->h);
    int eighths = eighths_needed(&expected);
    reduce_map(&expected, eighths);
    unsigned char *whole = decode_whole(file, channels, eighths, &w, &h);
    image_part part = read_image_part(file->bytes, file->size, channels, choice, &map, &why);
    if (!part.pixels) fail_msg("%s", why);
    assert_memory_equal(&map.ax, &expected.ax, 6 * sizeof map.ax);
    assert_int_equal(part.width, w);
    assert_int_equal(part.height, h);
    assert_int_equal(part.channels, channels);
    view_window need = find_window(&map, w, h), has = part.window;
    assert_true(has.left <= need.left && has.right >= need.right && has.top <= need.top &&
                has.bottom >= need.bottom);
    size_t columns = (size_t)(need.right - need.left);
    for (int y = need.top; y < need.bottom; ++y) {
        size_t place = (size_t)(y - has.top) * (size_t)(has.right - has.left);
        place += (size_t)(need.left - has.left);
        assert_memory_equal(part.pixels + place * (size_t)channels,
                            whole + ((size_t)y * (size_t)w + (size_t)need.left) * (size_t)channels,
                            columns * (size_t)channels);
    }
    free(part.pixels);
    free(whole);
}

static void parts(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; ++k) {
        jpeg_file file = make_jpeg(kinds + k);
        for (int i = 0; i < 120; ++i) {
            int side = 4 << i % 6;
            view_choice choice = random_choice(i % 7 ? VIEW_RANDOM : i % 3, side,
                                               i % 5 ? side : side / 2, side, side * 2);
            assert_part(&file, kinds + k, &choice, kinds[k].gray || i % 4 == 0 ? 1 : 3);
        }
        free(file.bytes);
    }
}

/* What is seen of a part is what is seen of the whole, whichever side is up. */
static void orientations(void **state)
{
    (void)state;
    jpeg_file file = make_jpeg(kinds);
    unsigned char exif[] = "\xff\xe1\0\x22"
                           "Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\0\0\0\0\0\0\0";
    size_t length = sizeof exif - 1;
    unsigned char *turned = malloc(file.size + length);
    memcpy(turned, file.bytes, 2);
    memcpy(turned + 2 + length, file.bytes + 2, file.size - 2);
    for (int i = 0; i < 160; ++i) {
        exif[2 + 2 + 6 + 8 + 2 + 9] = (unsigned char)(i % 8 + 1);
        memcpy(turned + 2, exif, length);
        assert_int_equal(image_orientation(turned, file.size + length), i % 8 + 1);
        const char *why;
        view_map map;
        static float seen[3 * 200 * 200], expected[3 * 200 * 200];
        view_choice choice = random_choice(i / 8 % 4, 200, i / 32 % 2 ? 200 : 120, 220, 400);
        image_part whole = {.channels = 3},
                   part = read_image_part(turned, file.size + length, 3, &choice, &map, &why);
        assert_non_null(part.pixels);
        sample_view(&part, &map, choice.w, choice.h, seen);
        int channels;
        whole.pixels =
            read_image(turned, file.size + length, 3, &whole.width, &whole.height, &channels, &why);
        whole.window = (view_window){0, whole.width, 0, whole.height};
        map = map_view(&choice, whole.width, whole.height);
        if (eighths_needed(&map) == 8) {
            sample_view(&whole, &map, choice.w, choice.h, expected);
            for (int j = 0; j < 3 * choice.w * choice.h; ++j)
                if (fabsf(seen[j] - expected[j]) > 2e-4f)
                    fail_msg("orientation %d, view %d, %d: %g, not %g", i % 8 + 1, choice.kind, j,
                             seen[j], expected[j]);
        }
        free(whole.pixels);
        free(part.pixels);
    }
    free(turned);
    free(file.bytes);
}

/* ---- beside Darknet's functions ---- */

static image as_planes(const image_part *part)
{
    image im = make_image(part->width, part->height, part->channels);
    int plane = im.w * im.h;
    for (int c = 0; c < im.c; ++c)
        for (int i = 0; i < plane; ++i)
            im.data[c * plane + i] = (float)part->pixels[i * im.c + c] / 255.f;
    return im;
}

static image darknet_view(image im, const view_choice *v)
{
    if (v->kind == VIEW_STRETCHED) return resize_image(im, v->w, v->h);
    if (v->kind == VIEW_CENTER && v->w == v->h) return center_crop_image(im, v->w, v->h);
    if (v->kind != VIEW_RANDOM) return letterbox_image(im, v->w, v->h);
    int least = (float)im.h < (float)im.w * v->aspect ? im.h : (int)((float)im.w * v->aspect);
    float scale = (float)v->width / (float)least;
    float right = fabsf(((float)im.w * scale / v->aspect - (float)v->w) / 2);
    float down = fabsf(((float)im.h * scale - (float)v->h) / 2);
    return rotate_crop_image(im, v->radians, scale, v->w, v->h, v->right * 2 * right - right,
                             v->down * 2 * down - down, v->aspect);
}

static image_part random_part(int w, int h, int channels)
{
    image_part part = {.width = w, .height = h, .channels = channels, .window = {0, w, 0, h}};
    size_t count = (size_t)w * (size_t)h * (size_t)channels;
    part.pixels = malloc(count + 1);
    for (size_t i = 0; i < count; ++i) part.pixels[i] = (unsigned char)(random_unit() * 256);
    return part;
}

static void as_darknet(void **state)
{
    (void)state;
    for (int i = 0; i < 200; ++i) {
        int channels = i % 3 ? 3 : 1, side = 5 + i % 40, kind = i % 4;
        int h = kind == VIEW_RANDOM || i % 8 < 4 ? side : side / 2 + 1;
        image_part part = random_part(20 + i * 7 % 90, 20 + i * 5 % 70, channels);
        view_choice choice = random_choice(kind, side, h, side, 2 * side);
        view_map map = map_view(&choice, part.width, part.height);
        float *seen = malloc((size_t)(side * h * channels) * sizeof *seen);
        sample_view(&part, &map, side, h, seen);
        image im = as_planes(&part), expected = darknet_view(im, &choice);
        if (choice.flip) flip_image(expected);
        double sum = 0;
        for (int j = 0; j < side * h * channels; ++j) {
            double error = fabs((double)seen[j] - (double)expected.data[j]);
            sum += error;
            if (error > 1 / 255.) fail_msg("view %d, %d: %g", i, j, error * 255);
        }
        assert_true(sum / (side * h * channels) < .01 / 255);
        free(seen);
        free_image(im);
        free_image(expected);
        free(part.pixels);
    }
}

/* An image that is not scaled comes through with the same bits, whatever its channels. */
static void unscaled(void **state)
{
    enum { W = 45, H = 31 };
    float seen[3 * W * H];
    (void)state;
    for (int channels = 1; channels <= 3; channels += 2) {
        image_part part = random_part(W, H, channels);
        view_choice choice = {.kind = VIEW_STRETCHED, .w = W, .h = H};
        view_map map = map_view(&choice, W, H);
        sample_view(&part, &map, W, H, seen);
        for (int c = 0; c < channels; ++c)
            for (int i = 0; i < W * H; ++i)
                assert_true(seen[c * W * H + i] ==
                            (float)((double)part.pixels[i * channels + c] / 255));
        free(part.pixels);
    }
}

/* Gray, black and every color among the pixels. */
static void colors(void **state)
{
    (void)state;
    for (int i = 0; i < 60; ++i) {
        image im = make_image(37, 11, 3);
        for (int j = 0; j < 3 * 37 * 11; ++j)
            im.data[j] = (float)(int)(random_unit() * (i % 3 ? 256 : 3)) / 255.f;
        for (int j = 0; j < 5; ++j) im.data[j] = im.data[j + 407] = im.data[j + 814] = .25f * j;
        float hue = .2f * (random_unit() - .5f), saturation = .5f + random_unit() * 1.5f;
        float exposure = .5f + random_unit() * 1.5f;
        image expected = copy_image(im);
        distort_image(expected, hue, saturation, exposure);
        distort_colors(im.data, 37 * 11, hue, saturation, exposure);
        for (int j = 0; j < 3 * 37 * 11; ++j)
            if (fabsf(im.data[j] - expected.data[j]) > 2e-5f)
                fail_msg("%d: %g, not %g", j, im.data[j], expected.data[j]);
        free_image(im);
        free_image(expected);
    }
}

/* ---- reduced images ---- */

/* Each pixel of the view as the mean of 16 x 16 places in it. */
static void average_over_area(const image_part *whole, const view_map *map, const view_choice *v,
                              float *average)
{
    enum { PLACES = 16 };
    size_t count = (size_t)(3 * v->w * v->h);
    float *seen = malloc(count * sizeof *seen);
    memset(average, 0, count * sizeof *average);
    for (int i = 0; i < PLACES * PLACES; ++i) {
        view_map moved = *map;
        double x = (i % PLACES + .5) / PLACES - .5, y = (i / PLACES + .5) / PLACES - .5;
        moved.cx += map->ax * x + map->bx * y;
        moved.cy += map->ay * x + map->by * y;
        sample_view(whole, &moved, v->w, v->h, seen);
        for (size_t j = 0; j < count; ++j) average[j] += seen[j] / (PLACES * PLACES);
    }
    free(seen);
}

static double distance(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += pow((double)a[i] - (double)b[i], 2);
    return 255 * sqrt(sum / (double)count);
}

static void nearer_to_the_area(void **state)
{
    static const int kinds_of_view[] = {VIEW_RANDOM, VIEW_CENTER, VIEW_LETTERBOX, VIEW_STRETCHED};
    jpeg_kind kind = {1000, 750, 0, 2, 2, 0, 0, 90};
    jpeg_file file = make_jpeg(&kind);
    const char *why;
    int channels;
    (void)state;
    image_part whole = {.channels = 3};
    whole.pixels =
        read_image(file.bytes, file.size, 3, &whole.width, &whole.height, &channels, &why);
    whole.window = (view_window){0, whole.width, 0, whole.height};
    for (int i = 0; i < 12; ++i) {
        enum { SIDE = 64 };
        static float reduced[3 * SIDE * SIDE], points[3 * SIDE * SIDE], area[3 * SIDE * SIDE];
        size_t count = sizeof area / sizeof *area;
        view_choice choice = random_choice(kinds_of_view[i % 4], SIDE, SIDE, SIDE, 90);
        view_map map;
        image_part part = read_image_part(file.bytes, file.size, 3, &choice, &map, &why);
        sample_view(&part, &map, SIDE, SIDE, reduced);
        free(part.pixels);
        map = map_view(&choice, whole.width, whole.height);
        sample_view(&whole, &map, SIDE, SIDE, points);
        average_over_area(&whole, &map, &choice, area);
        double now = distance(reduced, area, count), before = distance(points, area, count);
        print_message("# view %d: %.2f of 255 from the area's average, by points %.2f\n",
                      choice.kind, now, before);
        assert_true(now < .6 * before);
    }
    free(whole.pixels);
    free(file.bytes);
}

/* ---- damage ---- */

/* A file that is refused whole is refused whatever is seen of it, and the other way round. */
static void damage(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS - 1; ++k) {
        jpeg_file file = make_jpeg(kinds + k);
        unsigned char *bytes = malloc(file.size);
        for (int i = 0; i < 150; ++i) {
            int w, h, c;
            size_t size = file.size, place = (size_t)(random_unit() * (float)size);
            memcpy(bytes, file.bytes, size);
            if (i % 3)
                bytes[place] ^= (unsigned char)(1 + random_unit() * 255);
            else
                size = place;
            const char *why, *of_view;
            unsigned char *whole = read_image(bytes, size, 3, &w, &h, &c, &why);
            char reason[200];
            snprintf(reason, sizeof reason, "%s", whole ? "" : why);
            int side = 4 << i % 6;
            view_choice choice = random_choice(VIEW_RANDOM, side, side, side, side * 2);
            view_map map;
            image_part part = read_image_part(bytes, size, 3, &choice, &map, &of_view);
            if (!whole != !part.pixels)
                fail_msg("kind %d, damage %d at %zu: whole %s, view %s", k, i, place,
                         whole ? "good" : reason, part.pixels ? "good" : of_view);
            if (!whole) assert_string_equal(reason, of_view);
            free(whole);
            free(part.pixels);
        }
        free(bytes);
        free(file.bytes);
    }
}

/* ---- instruction sets ---- */

static void the_same_bits(void **state)
{
    enum { SIDE = 61, COUNT = 3 * SIDE * SIDE };
    static float first[COUNT], other[COUNT];
    image_part part = random_part(300, 200, 3);
    instruction_set best = machine_set();
    (void)state;
    for (int i = 0; i < 20; ++i) {
        view_choice choice = random_choice(i % 4, SIDE, SIDE, SIDE, 2 * SIDE);
        view_map map = map_view(&choice, part.width, part.height);
        for (int set = SIMD_PORTABLE; set <= (int)best; ++set) {
            float *seen = set == SIMD_PORTABLE ? first : other;
            tested_set = (instruction_set)set;
            sample_view(&part, &map, SIDE, SIDE, seen);
            distort_colors(seen, SIDE * SIDE, .07f, 1.3f, .8f);
            assert_memory_equal(first, seen, sizeof first);
        }
    }
    tested_set = SIMD_PORTABLE;
    free(part.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parts),
                                       cmocka_unit_test(orientations),
                                       cmocka_unit_test(as_darknet),
                                       cmocka_unit_test(unscaled),
                                       cmocka_unit_test(colors),
                                       cmocka_unit_test(damage),
                                       cmocka_unit_test(nearer_to_the_area),
                                       cmocka_unit_test(the_same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
