/* Mean sizes of prediction sets, resampled. */
#include "set_sizes.h"

#include "allocate.h"
#include "prediction_sets.h"
#include "seed.h"

#include <stdlib.h>

typedef struct {
    double score;
    int number; /* of the image */
} calibration_image;

typedef struct {
    double threshold;
    int resample;
} resampled_threshold;

struct set_sizes {
    int classes, count, measured;
    double cover;
    calibration_image *images;
    double threshold; /* of the images as they are */
    long sizes, covered;
    resampled_threshold thresholds[RESAMPLES]; /* sorted */
    long larger[RESAMPLES];                    /* scratch: classes that come in at this threshold */
    double weights[RESAMPLES], sums[RESAMPLES]; /* of the images measured; of their sets' sizes */
};

set_sizes *begin_set_sizes(int classes, double cover, int images)
{
    set_sizes *s = allocate(1, sizeof *s);
    s->classes = classes;
    s->cover = cover;
    s->images = allocate((size_t)images, sizeof *s->images);
    return s;
}

/* A Poisson number with mean 1: 0 to 10. */
static int resampled_count(int resample, int number)
{
    enum { SEED = 1000 };
    double u =
        (double)(mix_seed((unsigned long long)(SEED + resample), (unsigned long long)number) >>
                 11) /
        9007199254740992.;
    double probability = 0.36787944117144233; /* exp(-1) */
    int count = 0;
    for (; u >= probability && count < 10; probability /= count) {
        u -= probability;
        ++count;
    }
    return count;
}

void add_calibration(set_sizes *s, int number, int class, const float *output)
{
    s->images[s->count++] = (calibration_image){1 - (double)output[class], number};
}

static int by_score(const void *left, const void *right)
{
    double a = ((const calibration_image *)left)->score,
           b = ((const calibration_image *)right)->score;
    return a < b ? -1 : a > b;
}

static int by_threshold(const void *left, const void *right)
{
    double a = ((const resampled_threshold *)left)->threshold,
           b = ((const resampled_threshold *)right)->threshold;
    return a < b ? -1 : a > b;
}

/* The threshold of a resample: images are sorted. A resample of too few images has the largest
   score. */
static double resample_threshold(const set_sizes *s, int resample)
{
    long total = 0, seen = 0;
    for (int i = 0; i < s->count; ++i) total += resampled_count(resample, s->images[i].number);
    long place = threshold_place(total, s->cover);
    for (int i = 0; i < s->count; ++i) {
        seen += resampled_count(resample, s->images[i].number);
        if (seen >= place) return s->images[i].score;
    }
    return s->images[s->count - 1].score;
}

int end_calibration(set_sizes *s)
{
    if (s->count < images_for_cover(s->cover)) return 0;
    qsort(s->images, (size_t)s->count, sizeof *s->images, by_score);
    s->threshold = s->images[threshold_place(s->count, s->cover) - 1].score;
    for (int i = 0; i < RESAMPLES; ++i)
        s->thresholds[i] = (resampled_threshold){resample_threshold(s, i), i};
    qsort(s->thresholds, RESAMPLES, sizeof *s->thresholds, by_threshold);
    return 1;
}

/* The first of the sorted thresholds that lets a score in, RESAMPLES for none. */
static int first_threshold(const set_sizes *s, double score)
{
    int low = 0, high = RESAMPLES;
    while (low < high) {
        int middle = (low + high) / 2;
        if (s->thresholds[middle].threshold < score)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void add_measured(set_sizes *s, int number, int class, const float *output)
{
    for (int i = 0; i < RESAMPLES; ++i) s->larger[i] = 0;
    for (int i = 0; i < s->classes; ++i) {
        double score = 1 - (double)output[i];
        int first = first_threshold(s, score);
        if (first < RESAMPLES) ++s->larger[first];
        s->sizes += score <= s->threshold;
    }
    s->covered += 1 - (double)output[class] <= s->threshold;
    ++s->measured;
    long size = 0;
    for (int i = 0; i < RESAMPLES; ++i) {
        int resample = s->thresholds[i].resample, count = resampled_count(resample, number);
        size += s->larger[i];
        s->weights[resample] += count;
        s->sums[resample] += (double)(count * size);
    }
}

void find_set_sizes(const set_sizes *s, set_size_figures *figures)
{
    figures->calibrated = s->count;
    figures->measured = s->measured;
    if (!s->measured) return;
    figures->mean_size = (double)s->sizes / s->measured;
    figures->coverage = (double)s->covered / s->measured;
    for (int i = 0; i < RESAMPLES; ++i)
        figures->resampled[i] = s->weights[i] > 0 ? s->sums[i] / s->weights[i] : figures->mean_size;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

void compare_set_sizes(const set_size_figures *a, const set_size_figures *b, double *low,
                       double *high)
{
    double differences[RESAMPLES];
    for (int i = 0; i < RESAMPLES; ++i) differences[i] = b->resampled[i] - a->resampled[i];
    qsort(differences, RESAMPLES, sizeof *differences, by_size);
    *low = differences[RESAMPLES / 40 - 1];
    *high = differences[RESAMPLES - RESAMPLES / 40];
}

void free_set_sizes(set_sizes *s)
{
    free(s->images);
    free(s);
}
