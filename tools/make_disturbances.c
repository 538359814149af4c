/* Makes "disturbances", a data set for Darknet's classifier: the voltage of a 50 Hz power grid with
 * the usual disturbances of power quality, alone and combined.
 *
 * Usage and options: run it without arguments. It writes, under OUT_DIR,
 *
 *   - train/, valid/: gray images (PGM), named by their class;
 *   - train.txt, valid.txt: a line an image, its path, a TAB, its class;
 *   - train_labels.txt, valid_labels.txt: the same with its labels, the disturbances in it,
 *     separated by commas; none for a normal voltage;
 *   - labels.tsv: all images of both, their paths below OUT_DIR, with their labels, for make
 *     compare;
 *   - classes.txt, labels.txt: the 29 classes and the 8 labels, one a line;
 *   - signals.tsv: a line an image, its path, class, and the numbers of the equation below, 0 for
 *     those of a disturbance that it lacks.
 *
 * The paths begin with OUT_DIR as it was given.
 *
 * An image is 64 x 10 pixels: 10 cycles of 64 samples, a cycle a row. A pixel is 128 + 64 v,
 * rounded, limited to 0 to 255. With w = 2 pi 50 Hz and the time t in seconds
 *
 *   v(t) = (1 + change u(t)) (1 + l sin(2 pi f t)) h(t)
 *        + b exp(-(t-t1)/T) sin(2 pi g (t-t1))                 from t1 on
 *        - p (exp(-750 (t-t2)) - exp(-344 (t-t2)))             from t2 to t2 + 1 ms
 *        - depth sign(sin(wt))                                 in each notch
 *        + noise,
 *
 *   h(t) = sin(wt) + h3 sin(3wt) + h5 sin(5wt) + h7 sin(7wt),
 *
 * u is 1 for `duration` cycles from `start` on, else 0; change is -0.1 to -0.9 for a sag, 0.1 to
 * 0.8 for a swell, -0.9 to -1 for an interruption. Every cycle has 1, 2, 4 or 6 notches at the same
 * distance, each `width` cycles long; the first begins at a sample. The noise is normal, its power
 * that of the rest of the signal divided by 10^(snr/10).
 *
 * Every image is drawn from a random stream of its own, which depends only on the seed, the class
 * and the image's number. So a smaller set is a part of a larger one, and the signals are the same
 * at every snr. */
#include "data_sets.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CYCLES = 10, SAMPLES = 64, LENGTH = CYCLES * SAMPLES, CLASSES = 29, LABELS = 8 };

const char *const program = "make_disturbances";

static const double pi = 3.14159265358979323846, frequency = 50;

enum {
    SAG = 1,
    SWELL = 2,
    INTERRUPTION = 4,
    HARMONICS = 8,
    FLICKER = 16,
    OSCILLATION = 32,
    IMPULSE = 64,
    NOTCH = 128
};

/* Bit i of a class is label i. */
static const char *const labels[LABELS] = {"sag",     "swell",       "interruption", "harmonics",
                                           "flicker", "oscillation", "impulse",      "notch"};

/* Sag, swell and interruption exclude each other. Converters make notches and harmonics. */
static const unsigned classes[CLASSES] = {
    0,
    SAG,
    SWELL,
    INTERRUPTION,
    HARMONICS,
    FLICKER,
    OSCILLATION,
    IMPULSE,
    NOTCH,
    SAG | HARMONICS,
    SWELL | HARMONICS,
    INTERRUPTION | HARMONICS,
    SAG | FLICKER,
    SWELL | FLICKER,
    SAG | OSCILLATION,
    SWELL | OSCILLATION,
    HARMONICS | FLICKER,
    HARMONICS | OSCILLATION,
    HARMONICS | NOTCH,
    FLICKER | OSCILLATION,
    SAG | HARMONICS | FLICKER,
    SWELL | HARMONICS | FLICKER,
    SAG | HARMONICS | OSCILLATION,
    SWELL | HARMONICS | OSCILLATION,
    SAG | FLICKER | OSCILLATION,
    SWELL | FLICKER | OSCILLATION,
    HARMONICS | FLICKER | OSCILLATION,
    SAG | HARMONICS | FLICKER | OSCILLATION,
    SWELL | HARMONICS | FLICKER | OSCILLATION,
};

enum { TRAIN, VALID, SNR, SEED, OPTIONS };
static option options[OPTIONS] = {
    {"-train", 100, 1, 99999, 1, "training images of each class"},
    {"-valid", 50, 1, 99999, 1, "validation images of each class"},
    {"-snr", 30, 0, 100, 0, "power of the signal over that of the noise, in dB"},
    {"-seed", 1, 0, 4294967295., 1, "what everything is drawn from"},
};

static void usage(void)
{
    fprintf(stderr, "usage: make_disturbances OUT_DIR [options]\n"
                    "OUT_DIR must not hold a data set yet.\n");
    print_options(options, OPTIONS);
    exit(1);
}

/* The numbers of the equation, by the names of signals.tsv. */
enum {
    CHANGE,
    START,
    DURATION,
    H3,
    H5,
    H7,
    L,
    F,
    B,
    T1,
    T,
    G,
    P,
    T2,
    NOTCHES,
    DEPTH,
    WIDTH,
    FIRST_NOTCH,
    NUMBERS
};
static const char *const number_names[NUMBERS] = {
    "change", "start", "duration", "h3", "h5", "h7",      "l",     "f",     "b",
    "t1",     "T",     "g",        "p",  "t2", "notches", "depth", "width", "first_notch"};

/* Times are drawn in cycles and kept in seconds, but for the start and duration of a change, the
   width of a notch and the place of the first, which are kept in cycles. */
static void draw_numbers(stream *s, unsigned class, double *x)
{
    static const int notches[] = {1, 2, 4, 6};
    memset(x, 0, NUMBERS * sizeof *x);
    if (class & SAG) x[CHANGE] = -uniform(s, .1, .9);
    if (class & SWELL) x[CHANGE] = uniform(s, .1, .8);
    if (class & INTERRUPTION) x[CHANGE] = -uniform(s, .9, 1);
    if (class & (SAG | SWELL | INTERRUPTION)) {
        x[DURATION] = uniform(s, 1, CYCLES - 1);
        x[START] = uniform(s, 0, CYCLES - x[DURATION]);
    }
    if (class & HARMONICS)
        for (int i = H3; i <= H7; ++i) x[i] = uniform(s, .05, .15);
    if (class & FLICKER) {
        x[L] = uniform(s, .05, .1);
        x[F] = uniform(s, 8, 25);
    }
    if (class & OSCILLATION) {
        x[B] = uniform(s, .1, .8);
        x[T1] = uniform(s, 0, CYCLES - 2) / frequency;
        x[T] = uniform(s, .008, .04);
        x[G] = uniform(s, 300, 900);
    }
    if (class & IMPULSE) {
        x[P] = uniform(s, .222, 1.11);
        x[T2] = uniform(s, 0, CYCLES - .5) / frequency;
    }
    if (class & NOTCH) {
        x[NOTCHES] = notches[next(s) % 4];
        x[DEPTH] = uniform(s, .1, .4);
        x[WIDTH] = uniform(s, .01, .05);
        x[FIRST_NOTCH] = (double)(next(s) % SAMPLES) / SAMPLES;
    }
}

/* How far the point, in cycles, is behind the beginning of the last notch before it. */
static double since_notch(const double *x, double cycles)
{
    double notch = (cycles - x[FIRST_NOTCH]) * x[NOTCHES];
    notch -= floor(notch + 1e-9); /* a sample at which a notch begins is in it */
    return notch / x[NOTCHES];
}

static double voltage(const double *x, int sample)
{
    double cycles = (double)sample / SAMPLES, t = cycles / frequency, w = 2 * pi * frequency;
    double wave =
        sin(w * t) + x[H3] * sin(3 * w * t) + x[H5] * sin(5 * w * t) + x[H7] * sin(7 * w * t);
    double size = 1 + x[L] * sin(2 * pi * x[F] * t);
    if (cycles >= x[START] && cycles < x[START] + x[DURATION]) size *= 1 + x[CHANGE];
    double v = size * wave;
    if (x[B] > 0 && t >= x[T1])
        v += x[B] * exp(-(t - x[T1]) / x[T]) * sin(2 * pi * x[G] * (t - x[T1]));
    if (x[P] > 0 && t >= x[T2] && t < x[T2] + .001)
        v -= x[P] * (exp(-750 * (t - x[T2])) - exp(-344 * (t - x[T2])));
    /* Half a sample off, sin(wt) is never 0. */
    if (x[NOTCHES] > 0 && since_notch(x, cycles) < x[WIDTH])
        v -= sin(w * t + pi / SAMPLES) > 0 ? x[DEPTH] : -x[DEPTH];
    return v;
}

/* Mean 0, standard deviation 1: Box and Muller's. */
static double normal(stream *s)
{
    double radius = sqrt(-2 * log(1 - uniform(s, 0, 1)));
    return radius * cos(2 * pi * uniform(s, 0, 1));
}

static void draw_pixels(stream *s, const double *x, unsigned char *pixels)
{
    double v[LENGTH], power = 0;
    for (int i = 0; i < LENGTH; ++i) {
        v[i] = voltage(x, i);
        power += v[i] * v[i] / LENGTH;
    }
    double noise = sqrt(power * pow(10, -options[SNR].value / 10));
    for (int i = 0; i < LENGTH; ++i) {
        double pixel = floor(128.5 + 64 * (v[i] + noise * normal(s)));
        pixels[i] = (unsigned char)(pixel < 0 ? 0 : pixel > 255 ? 255 : pixel);
    }
}

/* Files */

/* The labels of a class with `between` between them; `none` where there are none. */
static const char *joined_names(unsigned class, char between, const char *none)
{
    static char text[96];
    char *end = text;
    for (int i = 0; i < LABELS; ++i) {
        if (!(class >> i & 1)) continue;
        if (end != text) *end++ = between;
        end += sprintf(end, "%s", labels[i]);
    }
    return end == text ? none : text;
}

static void write_image(const char *path, const unsigned char *pixels)
{
    FILE *file = open_file(path);
    fprintf(file, "P5\n%d %d\n255\n", SAMPLES, CYCLES);
    fwrite(pixels, 1, LENGTH, file);
    close_file(file, path);
}

static void write_split(const char *directory, const char *split, int purpose, int count,
                        FILE *signals, FILE *all_labels)
{
    char path[MAX_PATH], name[32];
    unsigned char pixels[LENGTH];
    double x[NUMBERS];
    snprintf(path, sizeof path, "%s/%s", directory, split);
    make_directory(path, 1);
    snprintf(name, sizeof name, "%s.txt", split);
    list_file of_classes = open_list(directory, name);
    snprintf(name, sizeof name, "%s_labels.txt", split);
    list_file of_labels = open_list(directory, name);
    for (int c = 0; c < CLASSES; ++c)
        for (int number = 0; number < count; ++number) {
            stream s = make_stream((uint64_t)options[SEED].value, (uint64_t)purpose, (uint64_t)c,
                                   (uint64_t)number);
            const char *class_name = joined_names(classes[c], '+', "normal");
            snprintf(path, sizeof path, "%s/%s/%s_%05d.pgm", directory, split, class_name, number);
            draw_numbers(&s, classes[c], x);
            draw_pixels(&s, x, pixels);
            write_image(path, pixels);
            fprintf(of_classes.file, "%s\t%s\n", path, class_name);
            fprintf(signals, "%s\t%s", path, class_name);
            for (int i = 0; i < NUMBERS; ++i) fprintf(signals, "\t%.17g", x[i]);
            fprintf(signals, "\n");
            const char *own_labels = joined_names(classes[c], ',', "");
            fprintf(of_labels.file, "%s\t%s\n", path, own_labels);
            fprintf(all_labels, "%s\t%s\n", path + strlen(directory) + 1, own_labels);
        }
    close_list(of_classes);
    close_list(of_labels);
}

int main(int argc, char **argv)
{
    if (argc < 2) usage();
    for (int i = 2; i < argc; i += 2) read_option(options, OPTIONS, argv[i], argv[i + 1]);
    const char *directory = argv[1];
    check_out_directory(directory);
    make_directory(directory, 0);

    list_file class_list = open_list(directory, "classes.txt");
    for (int c = 0; c < CLASSES; ++c)
        fprintf(class_list.file, "%s\n", joined_names(classes[c], '+', "normal"));
    close_list(class_list);
    list_file label_list = open_list(directory, "labels.txt");
    for (int i = 0; i < LABELS; ++i) fprintf(label_list.file, "%s\n", labels[i]);
    close_list(label_list);

    list_file signals = open_list(directory, "signals.tsv");
    fprintf(signals.file, "path\tclass");
    for (int i = 0; i < NUMBERS; ++i) fprintf(signals.file, "\t%s", number_names[i]);
    fprintf(signals.file, "\n");
    list_file all_labels = open_list(directory, "labels.tsv");
    write_split(directory, "train", 0, (int)options[TRAIN].value, signals.file, all_labels.file);
    write_split(directory, "valid", 1, (int)options[VALID].value, signals.file, all_labels.file);
    close_list(all_labels);
    close_list(signals);
    return 0;
}
