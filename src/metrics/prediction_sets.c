/* Split conformal prediction: scores of classes, thresholds, sets, and how often these are right.
 */
#define _GNU_SOURCE /* qsort_r */
#include "prediction_sets.h"

#include "allocate.h"
#include "finite.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const score_names[] = {"lac", "aps", "raps", "rank"};

const char *name_of_set_score(set_score score)
{
    return score_names[score];
}

int find_set_score(const char *name)
{
    for (int i = 0; i < (int)(sizeof score_names / sizeof *score_names); ++i)
        if (strcmp(name, score_names[i]) == 0) return i;
    return -1;
}

static int by_probability(const void *left, const void *right, void *probabilities)
{
    const float *p = probabilities;
    int a = *(const int *)left, b = *(const int *)right;
    if (p[a] != p[b]) return p[a] > p[b] ? -1 : 1;
    return a < b ? -1 : a > b;
}

static double sum_of_probabilities(int classes, const float *probabilities)
{
    double sum = 0;
    for (int i = 0; i < classes; ++i) {
        if (probabilities[i] < 0) return 0;
        sum += (double)probabilities[i];
    }
    return sum;
}

int score_classes(set_score score, int classes, const float *probabilities, double *scores,
                  int *order)
{
    const float *p = probabilities;
    if (!all_finite(p, (size_t)classes)) return 0;
    if (score == SET_SCORE_LAC) {
        for (int i = 0; i < classes; ++i) scores[i] = 1 - (double)p[i];
        return 1;
    }
    double total = score == SET_SCORE_RANK ? 1 : sum_of_probabilities(classes, p), sum = 0;
    if (!(total > 0)) return 0;
    for (int i = 0; i < classes; ++i) order[i] = i;
    qsort_r(order, (size_t)classes, sizeof *order, by_probability, (void *)p);
    for (int first = 0, next; first < classes; first = next) {
        for (next = first; next < classes && p[order[next]] == p[order[first]]; ++next)
            sum += (double)p[order[next]];
        double value = score == SET_SCORE_RANK ? next : sum / total;
        if (score == SET_SCORE_RAPS && next > RAPS_FREE_PLACES)
            value += RAPS_PENALTY * (next - RAPS_FREE_PLACES);
        for (int i = first; i < next; ++i) scores[order[i]] = value;
    }
    return 1;
}

long threshold_place(long count, double cover)
{
    double place = ((double)count + 1) * cover;
    return (long)ceil(place - 1e-9 * place);
}

long images_for_cover(double cover)
{
    long count = (long)(cover / (1 - cover));
    while (count > 0 && threshold_place(count - 1, cover) <= count - 1) --count;
    while (threshold_place(count, cover) > count) ++count;
    return count;
}

static int by_size(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

double conformal_threshold(double *scores, long count, double cover)
{
    qsort(scores, (size_t)count, sizeof *scores, by_size);
    return scores[threshold_place(count, cover) - 1];
}

static int by_class(const void *left, const void *right)
{
    int a = ((const calibration_score *)left)->class, b = ((const calibration_score *)right)->class;
    return a < b ? -1 : a > b;
}

int calibrate_sets(prediction_sets *sets, calibration_score *scores)
{
    long n = sets->images, least = images_for_cover(sets->cover);
    int own = 0;
    double *values = allocate((size_t)n, sizeof *values);
    for (long i = 0; i < n; ++i) values[i] = scores[i].score;
    sets->threshold = conformal_threshold(values, n, sets->cover);
    if (sets->class_thresholds) {
        for (int i = 0; i < sets->classes; ++i) sets->class_thresholds[i] = sets->threshold;
        qsort(scores, (size_t)n, sizeof *scores, by_class);
        for (long first = 0, next; first < n; first = next) {
            for (next = first; next < n && scores[next].class == scores[first].class; ++next)
                values[next - first] = scores[next].score;
            if (next - first < least) continue;
            sets->class_thresholds[scores[first].class] =
                conformal_threshold(values, next - first, sets->cover);
            ++own;
        }
    }
    free(values);
    return own;
}

int find_set(const prediction_sets *sets, const float *probabilities, double *scores, int *members)
{
    int count = 0;
    if (!score_classes(sets->score, sets->classes, probabilities, scores, members)) return -1;
    for (int i = 0; i < sets->classes; ++i) {
        double threshold = sets->class_thresholds ? sets->class_thresholds[i] : sets->threshold;
        if (scores[i] <= threshold) members[count++] = i;
    }
    qsort_r(members, (size_t)count, sizeof *members, by_probability, (void *)probabilities);
    return count;
}

void add_to_set_coverage(set_coverage *c, int class, int is_covered, int size)
{
    set_counts *counts[] = {&c->all, c->classes + class};
    for (int i = 0; i < 2; ++i) {
        ++counts[i]->images;
        counts[i]->covered += is_covered;
        counts[i]->sizes += size;
    }
    ++c->with_size[size];
}

/* The size of the set at this place, from 0, when sets are sorted by size. */
static int size_at_place(const set_coverage *c, int classes, long place)
{
    int size = 0;
    for (long below = c->with_size[0]; below <= place && size < classes;)
        below += c->with_size[++size];
    return size;
}

double median_set_size(const set_coverage *c, int classes)
{
    long n = c->all.images;
    if (!n) return 0;
    return (size_at_place(c, classes, (n - 1) / 2) + size_at_place(c, classes, n / 2)) / 2.;
}

int largest_set_size(const set_coverage *c, int classes)
{
    return c->all.images ? size_at_place(c, classes, c->all.images - 1) : 0;
}

void share_interval(long count, long n, double *low, double *high)
{
    const double z = 1.959963985;
    double share = (double)count / (double)n, d = 1 + z * z / (double)n;
    double middle = (share + z * z / (2 * (double)n)) / d;
    double half =
        z * sqrt(share * (1 - share) / (double)n + z * z / (4 * (double)n * (double)n)) / d;
    *low = count ? middle - half : 0;
    *high = count < n ? middle + half : 1;
}
