/* Makes "glyphs", a small data set for Darknet's classifier, from the characters in data/labels.
 *
 * Usage and options: run it without arguments. It writes, under OUT_DIR,
 *   train/, valid/          square RGB images; Darknet reads the class from the file name
 *   train.txt, valid.txt    their paths, which begin with OUT_DIR as it was given: a relative one
 *                           is for a Darknet that runs where make_glyphs did
 *   labels.txt              a line a class: the part of a file name that says the class
 *   names.txt               a line a class: its character, for people to read
 *   truth.txt               a line a training image: its path, label and true class (0 to 94)
 * With -several N an image is N characters side by side, 1 to N different ones, and a line of
 * train.txt and valid.txt goes on with a TAB and their labels, separated by commas; there is no
 * truth.txt then.
 *
 * Every image and every label is drawn from a stream of its own, which depends on the seed, the
 * class and the image's number alone. So the images are the same at every noise, a smaller training
 * set is a part of the larger, and the labels spoiled at one noise stay spoiled, in the same way,
 * at a greater one. */
#include "data_sets.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_PNG
#include "stb_image.h"
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include "stb_image_write.h"

enum {
    CLASSES = 95,
    FIRST_CODE = 32,
    FIRST_SIZE = 3, /* the smaller ones have too few pixels to be turned and bent */
    SIZES = 5,
    MOST_SEVERAL = 4,
    SAMPLES = 3 /* a pixel is the mean of SAMPLES x SAMPLES points */
};

const char *const program = "make_glyphs";

enum { TRAIN, VALID, NOISE, GROUP, FRACTION, SIZE, SEVERAL, SEED, OPTIONS };
static option options[OPTIONS] = {
    {"-train", 20, 1, 9999, 1, "training images of each class"},
    {"-valid", 40, 1, 9999, 1, "validation images of each class"},
    {"-noise", 0, 0, 1, 0, "probability that a training label is redrawn within its group"},
    {"-k", 5, 1, CLASSES, 1, "classes in a group: class c may become k*(c/k) .. k*(c/k)+k-1"},
    {"-fraction", 1, 0, 1, 0, "part of the training images that is kept, at least one a class"},
    {"-size", 24, 8, 256, 1, "width and height of a character, and of an image"},
    {"-several", 1, 1, MOST_SEVERAL, 1, "characters side by side; without -noise"},
    {"-seed", 1, 0, 4294967295., 1, "what everything is drawn from"},
};

static void usage(void)
{
    fprintf(stderr, "usage: make_glyphs LABELS_DIR OUT_DIR [options]\n"
                    "LABELS_DIR is Darknet's data/labels; OUT_DIR must not hold a data set yet.\n");
    print_options(options, OPTIONS);
    exit(1);
}

/* Mean 0, standard deviation 1: three uniforms are near enough to a normal number for pixels. */
static double spread(stream *s)
{
    return uniform(s, -1, 1) + uniform(s, -1, 1) + uniform(s, -1, 1);
}

enum purpose { TRAIN_IMAGE, VALID_IMAGE, TRAIN_LABEL, TRAIN_OTHERS, VALID_OTHERS };

static stream seed_stream(enum purpose purpose, int class, int number)
{
    return make_stream((uint64_t)options[SEED].value, purpose, (uint64_t) class, (uint64_t)number);
}

/* Images */

typedef struct {
    int w, h;
    unsigned char *pixels; /* 255 is paper, 0 is ink */
} glyph;

static glyph glyphs[CLASSES][SIZES];

static void load_glyphs(const char *directory)
{
    char path[MAX_PATH];
    for (int class = 0; class < CLASSES; ++class)
        for (int size = 0; size < SIZES; ++size) {
            glyph *g = &glyphs[class][size];
            snprintf(path, sizeof path, "%s/%d_%d.png", directory, class + FIRST_CODE,
                     size + FIRST_SIZE);
            errno = 0;
            g->pixels = stbi_load(path, &g->w, &g->h, NULL, 1);
            if (!g->pixels)
                fail("%s: cannot be read (%s); LABELS_DIR must be Darknet's data/labels", path,
                     errno ? strerror(errno) : stbi_failure_reason());
        }
}

static double pixel_ink(const glyph *g, int x, int y)
{
    return x < 0 || y < 0 || x >= g->w || y >= g->h ? 0 : 1 - g->pixels[y * g->w + x] / 255.;
}

/* Between the four pixels around a point; the centre of pixel 0 is at 0.5. */
static double ink_between(const glyph *g, double x, double y)
{
    double left = floor(x - .5), top = floor(y - .5), u = x - .5 - left, v = y - .5 - top;
    int i = (int)left, j = (int)top;
    return (1 - v) * ((1 - u) * pixel_ink(g, i, j) + u * pixel_ink(g, i + 1, j)) +
           v * ((1 - u) * pixel_ink(g, i, j + 1) + u * pixel_ink(g, i + 1, j + 1));
}

/* Takes a point of the image (in widths, from its centre) to one of the glyph (in heights). */
typedef struct {
    double xx, xy, yx, yy;             /* the inverse of scale, shear and turn */
    double dx, dy;                     /* where the glyph's centre is */
    double bend[2], wave[2], phase[2]; /* a sine across each axis */
} distortion;

static distortion draw_distortion(stream *s)
{
    const double pi = 3.14159265358979323846;
    distortion d;
    double turn = uniform(s, -.3, .3), shear = uniform(s, -.2, .2);
    double height = uniform(s, .75, 1.05), width = height * uniform(s, .85, 1.2);
    d.xx = cos(turn) / width;
    d.xy = (sin(turn) - shear * cos(turn)) / width;
    d.yx = -sin(turn) / height;
    d.yy = (cos(turn) + shear * sin(turn)) / height;
    d.dx = uniform(s, -.08, .08);
    d.dy = uniform(s, -.08, .08);
    for (int axis = 0; axis < 2; ++axis) {
        d.bend[axis] = uniform(s, 0, .04);
        d.wave[axis] = uniform(s, 1, 2) * 2 * pi;
        d.phase[axis] = uniform(s, 0, 2 * pi);
    }
    return d;
}

/* The share of a pixel that is ink. */
static double ink_of_pixel(const glyph *g, const distortion *d, int size, int px, int py)
{
    double ink = 0;
    for (int i = 0; i < SAMPLES * SAMPLES; ++i) {
        double x = (px + (i % SAMPLES + .5) / SAMPLES) / size - .5 - d->dx;
        double y = (py + (i / SAMPLES + .5) / SAMPLES) / size - .5 - d->dy;
        double bent_x = x + d->bend[0] * sin(d->wave[0] * y + d->phase[0]);
        double bent_y = y + d->bend[1] * sin(d->wave[1] * x + d->phase[1]);
        ink += ink_between(g, (d->xx * bent_x + d->xy * bent_y) * g->h + g->w / 2.,
                           (d->yx * bent_x + d->yy * bent_y) * g->h + g->h / 2.);
    }
    return ink / (SAMPLES * SAMPLES);
}

/* Into a row of characters, `width` pixels wide. */
static void draw_character(enum purpose purpose, int class, int number, int width,
                           unsigned char *rgb)
{
    const int size = (int)options[SIZE].value;
    stream s = seed_stream(purpose, class, number);
    const glyph *g = &glyphs[class][next(&s) % SIZES];
    distortion d = draw_distortion(&s);
    double paper[3], ink[3], slope[2], contrast;
    do {
        contrast = 0;
        for (int c = 0; c < 3; ++c) {
            paper[c] = uniform(&s, 0, 1);
            ink[c] = uniform(&s, 0, 1);
            contrast += (ink[c] - paper[c]) / 3;
        }
    } while (fabs(contrast) < .3);
    slope[0] = uniform(&s, -.3, .3);
    slope[1] = uniform(&s, -.3, .3);
    double grain = uniform(&s, .02, .1);
    for (int y = 0; y < size; ++y, rgb += 3 * (width - size))
        for (int x = 0; x < size; ++x) {
            double share = ink_of_pixel(g, &d, size, x, y);
            double shade = slope[0] * (x - size / 2.) / size + slope[1] * (y - size / 2.) / size;
            for (int c = 0; c < 3; ++c) {
                double v = paper[c] + share * (ink[c] - paper[c]) + shade + grain * spread(&s);
                *rgb++ = (unsigned char)(255 * (v < 0 ? 0 : v > 1 ? 1 : v) + .5);
            }
        }
}

/* Both are always drawn: whether a label is redrawn must not change which one it becomes. */
static int draw_label(int class, int number)
{
    const int k = (int)options[GROUP].value;
    stream s = seed_stream(TRAIN_LABEL, class, number);
    int first = class / k * k, members = CLASSES - first < k ? CLASSES - first : k;
    int redrawn = uniform(&s, 0, 1) < options[NOISE].value;
    int other = first + (int)uniform(&s, 0, members);
    return redrawn ? other : class;
}

/* The characters of an image: `class`, and others by chance, of which some are there twice; which
   of them are different is written to `different`. Returns how many these are. */
static int draw_image(enum purpose purpose, int class, int number, unsigned char *rgb,
                      int *different)
{
    const int several = (int)options[SEVERAL].value, size = (int)options[SIZE].value;
    enum purpose others = purpose == TRAIN_IMAGE ? TRAIN_OTHERS : VALID_OTHERS;
    stream s = seed_stream(others, class, number);
    int count = 1, most = 1 + (int)(next(&s) % (unsigned)several), places[MOST_SEVERAL] = {0};
    different[0] = class;
    for (int i = 1; i < most; ++i) {
        int other = (int)(next(&s) % CLASSES), j = 0;
        while (j < count && different[j] != other) ++j;
        if (j == count) different[count++] = other;
    }
    for (int i = 0; i < several; ++i) {
        int j = (int)(next(&s) % (unsigned)(i + 1)); /* shuffled while they are dealt */
        places[i] = places[j];
        places[j] = different[i % count];
    }
    for (int i = 0; i < several; ++i)
        draw_character(purpose, places[i], number + i * 10000, several * size, rgb + 3 * i * size);
    return count;
}

/* Files. Darknet takes a class for an image's wherever its label is part of the path, so all labels
   have one form and width, and OUT_DIR must not contain that form. */

static const char *class_label(int class)
{
    static char label[24];
    snprintf(label, sizeof label, "glyph_%03d_", class + FIRST_CODE);
    return label;
}

static void write_bytes(void *file, void *data, int size)
{
    fwrite(data, 1, size, file);
}

static void write_image(const char *path, const unsigned char *rgb)
{
    const int size = (int)options[SIZE].value, width = (int)options[SEVERAL].value * size;
    FILE *file = open_file(path);
    if (!stbi_write_png_to_func(write_bytes, file, width, size, 3, rgb, 3 * width))
        fail("%s: cannot be written: out of memory", path);
    close_file(file, path);
}

/* One split: images and list; truth, where not NULL, gets the label and true class of each. */
static void write_split(const char *directory, const char *split, enum purpose purpose, int count,
                        FILE *truth)
{
    char path[MAX_PATH], name[16];
    int different[MOST_SEVERAL];
    const int size = (int)options[SIZE].value, width = (int)options[SEVERAL].value * size;
    unsigned char *rgb = malloc((size_t)width * size * 3);
    if (!rgb) fail("out of memory for an image of %d x %d", width, size);
    snprintf(path, sizeof path, "%s/%s", directory, split);
    make_directory(path, 1);
    snprintf(name, sizeof name, "%s.txt", split);
    list_file list = open_list(directory, name);
    for (int class = 0; class < CLASSES; ++class)
        for (int number = 0; number < count; ++number) {
            int label = purpose == TRAIN_IMAGE ? draw_label(class, number) : class;
            snprintf(path, sizeof path, "%s/%s/%sis_%03d_%04d.png", directory, split,
                     class_label(label), class + FIRST_CODE, number);
            int characters = draw_image(purpose, class, number, rgb, different);
            write_image(path, rgb);
            fprintf(list.file, "%s", path);
            for (int i = 0; i < characters && options[SEVERAL].value > 1; ++i)
                fprintf(list.file, "%c%s", i ? ',' : '\t', class_label(different[i]));
            fprintf(list.file, "\n");
            if (truth) fprintf(truth, "%s %d %d\n", path, label, class);
        }
    close_list(list);
    free(rgb);
}

static void check_directory(const char *directory)
{
    check_out_directory(directory);
    for (int class = 0; class < CLASSES; ++class)
        if (strstr(directory, class_label(class)))
            fail("%s: contains %s, which Darknet would take for the label of every image; choose "
                 "another OUT_DIR",
                 directory, class_label(class));
}

int main(int argc, char **argv)
{
    if (argc < 3) usage();
    for (int i = 3; i < argc; i += 2) read_option(options, OPTIONS, argv[i], argv[i + 1]);
    if (options[FRACTION].value == 0) fail("-fraction 0: must be greater than 0");
    const int several = options[SEVERAL].value > 1;
    if (several && options[NOISE].value > 0) fail("-several is for labels without -noise");
    const char *directory = argv[2];
    check_directory(directory);
    load_glyphs(argv[1]);
    make_directory(directory, 0);

    list_file labels = open_list(directory, "labels.txt"),
              names = open_list(directory, "names.txt");
    for (int class = 0; class < CLASSES; ++class) {
        fprintf(labels.file, "%s\n", class_label(class));
        if (class == 0)
            fprintf(names.file, "space\n");
        else
            fprintf(names.file, "%c\n", class + FIRST_CODE);
    }
    close_list(labels);
    close_list(names);

    int kept = (int)(options[TRAIN].value * options[FRACTION].value + .5);
    list_file truth = {0};
    if (!several) truth = open_list(directory, "truth.txt");
    write_split(directory, "train", TRAIN_IMAGE, kept > 0 ? kept : 1, truth.file);
    if (!several) close_list(truth);
    write_split(directory, "valid", VALID_IMAGE, (int)options[VALID].value, NULL);
    return 0;
}
