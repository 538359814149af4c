/* Times the loading of training images, and makes images for it.

   usage: loading make DIR: photographs of W x H as DIR/WxH-N.jpg or .png, four of each size.

   usage: loading PIXELS THREADS COUNT FILE..: loads COUNT views of PIXELS x PIXELS of the files, in
   turn. Prints milliseconds an image: CPU, wall; then, of other views at random on one thread, the
   CPU time of three parts: the file to bytes of pixels, these to the view, its colors. */
#include "darknet.h"

#include "image_reader.h"
#include "loading.h"
#include "view_sampler.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>
#include <png.h>

static double milliseconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

/* ---- photographs: noise of all sizes, the larger the stronger, as in nature, and edges ---- */

static unsigned random_state;

static float random_unit(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (float)(random_state >> 8) / 16777216.f;
}

/* Adds noise of `cells` cells across the image to the three colors of w x h pixels. */
static void add_octave(float *pixels, int w, int h, int cells, float strength)
{
    int columns = cells + 2, rows = cells * h / w + 2;
    float *grid = malloc((size_t)columns * rows * 3 * sizeof *grid);
    for (int i = 0; i < columns * rows; ++i) {
        float light = random_unit() - .5f;
        for (int c = 0; c < 3; ++c) grid[3 * i + c] = light + .4f * (random_unit() - .5f);
    }
    for (int y = 0; y < h; ++y)
        for (int x = 0; x < w; ++x) {
            float gx = (float)x * (float)cells / (float)w, gy = (float)y * (float)cells / (float)w;
            int column = (int)gx, row = (int)gy;
            float dx = gx - (float)column, dy = gy - (float)row;
            const float *a = grid + 3 * (row * columns + column), *b = a + 3 * columns;
            for (int c = 0; c < 3; ++c)
                pixels[((size_t)y * w + x) * 3 + c] +=
                    strength * ((1 - dy) * ((1 - dx) * a[c] + dx * a[c + 3]) +
                                dy * ((1 - dx) * b[c] + dx * b[c + 3]));
        }
    free(grid);
}

static unsigned char *make_photograph(int w, int h, int number)
{
    size_t count = (size_t)w * h * 3;
    float *pixels = calloc(count, sizeof *pixels);
    unsigned char *bytes = malloc(count);
    random_state = 7919u * (unsigned)number + (unsigned)w;
    float strength = 200;
    for (int cells = 2; cells <= w / 2; cells *= 2, strength *= .68f)
        add_octave(pixels, w, h, cells, strength);
    for (size_t i = 0; i < count; ++i) {
        /* Light beyond a threshold is another surface: an edge. */
        float value = pixels[i] + (pixels[i - i % 3] > 30 ? 60.f : 0.f) + 110;
        value += 10 * (random_unit() + random_unit() - 1); /* of the camera */
        bytes[i] = (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
    }
    free(pixels);
    return bytes;
}

static void write_jpeg(FILE *file, unsigned char *pixels, int w, int h)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width = (JDIMENSION)w;
    jpeg.image_height = (JDIMENSION)h;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 90, TRUE);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < h; ++y) {
        JSAMPROW row = pixels + (size_t)y * w * 3;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
}

static void write_png(FILE *file, unsigned char *pixels, int w, int h)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < h; ++y) png_write_row(png, pixels + (size_t)y * w * 3);
    png_write_end(png, NULL);
    png_destroy_write_struct(&png, &info);
}

static void make_photographs(const char *directory)
{
    static const int sizes[][2] = {{32, 32}, {500, 375}, {2000, 1500}, {4000, 3000}};
    for (int i = 0; i < 4; ++i)
        for (int number = 0; number < 4; ++number) {
            char path[4096];
            int w = sizes[i][0], h = sizes[i][1];
            snprintf(path, sizeof path, "%s/%dx%d-%d.%s", directory, w, h, number,
                     w == 32 ? "png" : "jpg");
            FILE *file = fopen(path, "wb");
            if (!file) {
                perror(path);
                exit(1);
            }
            unsigned char *pixels = make_photograph(w, h, number);
            (w == 32 ? write_png : write_jpeg)(file, pixels, w, h);
            free(pixels);
            fclose(file);
        }
}

/* ---- timing ---- */

typedef struct {
    load_args args;
    int count, threads, thread;
} share;

/* As upstream's .cfg for ImageNet has it; for images of 32 x 32 as cfg/cifar100_*.cfg. */
static load_args settings(char **files, int count, int pixels)
{
    load_args args = {.paths = files, .m = count, .channels = 3, .labels_checked = 1, .seed = 1};
    args.type = CLASSIFICATION_DATA;
    args.w = args.h = args.size = pixels;
    args.min = pixels == 32 ? 32 : 128;
    args.max = pixels == 32 ? 40 : 448;
    args.angle = 7;
    args.hue = .1f;
    args.aspect = args.saturation = args.exposure = .75f;
    return args;
}

static void *load_share_of_images(void *work)
{
    share *s = work;
    load_args *a = &s->args;
    a->thread = s->thread;
    begin_loading(a);
    for (int i = s->thread; i < s->count; i += s->threads) {
        char *path = a->paths[i % a->m];
        free_image(load_training_image(&path, a->min, a->max, a->size, a->angle, a->aspect, a->hue,
                                       a->saturation, a->exposure, 0));
    }
    end_loading();
    return NULL;
}

static void load_images(const load_args *args, int count, int threads)
{
    share *shares = calloc((size_t)threads, sizeof *shares);
    pthread_t *others = calloc((size_t)threads, sizeof *others);
    for (int i = 0; i < threads; ++i) {
        shares[i] = (share){*args, count, threads, i};
        if (pthread_create(others + i, NULL, load_share_of_images, shares + i)) exit(1);
    }
    for (int i = 0; i < threads; ++i) pthread_join(others[i], NULL);
    free(others);
    free(shares);
}

typedef struct {
    double reading, sampling, colors; /* milliseconds */
} parts;

/* A view at random and its colors; adds what the parts take. */
static void time_parts(const load_args *a, char *path, float *planes, parts *sum)
{
    const view_choice choice = {.kind = VIEW_RANDOM,
                                .w = a->w,
                                .h = a->h,
                                .width =
                                    a->min + (int)(random_unit() * (float)(a->max - a->min + 1)),
                                .aspect = a->aspect + random_unit() * (1 / a->aspect - a->aspect),
                                .radians = (2 * random_unit() - 1) * a->angle * 3.14159265f / 180,
                                .right = random_unit(),
                                .down = random_unit()};
    const char *why;
    size_t size;
    view_map map;
    double start = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    unsigned char *file = read_whole_file(path, &size, &why);
    image_part part = read_image_part(file, size, 3, &choice, &map, &why);
    free(file);
    double read = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    sample_view(&part, &map, a->w, a->h, planes);
    double sampled = milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    distort_colors(planes, (size_t)(a->w * a->h), .05f, 1.2f, 1.1f);
    sum->colors += milliseconds(CLOCK_PROCESS_CPUTIME_ID) - sampled;
    sum->sampling += sampled - read;
    sum->reading += read - start;
    free(part.pixels);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "make")) {
        make_photographs(argv[2]);
        return 0;
    }
    if (argc < 5) return fprintf(stderr, "usage: see the top of bench/loading.c\n"), 1;
    int pixels = atoi(argv[1]), threads = atoi(argv[2]), count = atoi(argv[3]);
    load_args args = settings(argv + 4, argc - 4, pixels);
    load_images(&args, argc - 4, 1); /* the files are in memory now */
    double cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID), wall = milliseconds(CLOCK_MONOTONIC);
    load_images(&args, count, threads);
    cpu = milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    wall = milliseconds(CLOCK_MONOTONIC) - wall;
    float *planes = malloc((size_t)(3 * pixels * pixels) * sizeof *planes);
    parts sum = {0};
    for (int i = 0; i < count; ++i) time_parts(&args, args.paths[i % args.m], planes, &sum);
    free(planes);
    printf("%.4f %.4f %.4f %.4f %.4f\n", cpu / count, wall / count, sum.reading / count,
           sum.sampling / count, sum.colors / count);
    return 0;
}
