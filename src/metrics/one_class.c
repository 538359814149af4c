/* The metrics of a detector of one class. */
#include "one_class.h"

#include "allocate.h"

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

double template_score(const float *templates, int count, int size, const float *features)
{
    double least = 0;
    for (int i = 0; i < count; ++i) {
        const float *template = templates + (size_t)i * (size_t)size;
        double sum = 0;
        for (int j = 0; j < size; ++j) {
            double distance = (double)features[j] - (double)template[j];
            sum += distance * distance;
        }
        if (!i || sum < least) least = sum;
    }
    return -sqrt(least);
}

static int by_number(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double *sorted(const double *scores, int count)
{
    double *copy = allocate((size_t)count, sizeof *copy);
    memcpy(copy, scores, (size_t)count * sizeof *copy);
    qsort(copy, (size_t)count, sizeof *copy, by_number);
    return copy;
}

double area_under_curve(const double *targets, int target_count, const double *unknowns,
                        int unknown_count)
{
    double *target = sorted(targets, target_count), *unknown = sorted(unknowns, unknown_count);
    double pairs = 0; /* twice the pairs in which the target is above */
    int below = 0, not_above = 0;
    for (int i = 0; i < target_count; ++i) {
        while (below < unknown_count && unknown[below] < target[i]) ++below;
        while (not_above < unknown_count && unknown[not_above] <= target[i]) ++not_above;
        pairs += below + not_above;
    }
    free(target);
    free(unknown);
    return pairs / 2 / target_count / unknown_count;
}

/* How many of their standard deviations `area` is from the one that was seen. */
static double deviations(double seen, double area, double targets, double unknowns)
{
    double s = (targets + unknowns) / 2 - 1;
    double variance = area * (1 - area) *
                      (1 + s * (1 - area) / (2 - area) + s * area / (1 + area)) /
                      (targets * unknowns);
    return fabs(seen - area) / sqrt(variance);
}

/* Between `inside`, the area seen, and `outside`, 0 or 1, where the deviations reach 1.96. */
static double interval_end(double inside, double outside, double targets, double unknowns)
{
    double seen = inside;
    if (seen == outside) return outside;
    for (int i = 0; i < 60; ++i) {
        double middle = (inside + outside) / 2;
        if (deviations(seen, middle, targets, unknowns) < 1.959964)
            inside = middle;
        else
            outside = middle;
    }
    return inside;
}

auc_interval area_interval(double area, int target_count, int unknown_count)
{
    return (auc_interval){interval_end(area, 0, target_count, unknown_count),
                          interval_end(area, 1, target_count, unknown_count)};
}

static double counted_share(double threshold, const double *scores, int count)
{
    int above = 0;
    for (int i = 0; i < count; ++i) above += scores[i] >= threshold;
    return (double)above / count;
}

/* The next single precision number, which nine digits tell apart. Not a denormal one: -Ofast may
   take that for 0. */
static double next_above(double score)
{
    return score == 0 ? FLT_MIN : (double)nextafterf((float)score, FLT_MAX);
}

operating_point point_for_false_alarms(const double *targets, int target_count,
                                       const double *unknowns, int unknown_count, double rate)
{
    double *unknown = sorted(unknowns, unknown_count);
    /* Rounded down, but 0.3 of 10 are 3. */
    int allowed = (int)floor(rate * unknown_count * (1 + 1e-12));
    double highest_below = unknown[unknown_count - 1 - allowed];
    operating_point point = {DBL_MAX, 0, 0};
    for (int i = 0; i < target_count; ++i)
        if (targets[i] > highest_below && targets[i] < point.threshold)
            point.threshold = targets[i];
    for (int i = 0; i < unknown_count; ++i)
        if (unknown[i] > highest_below && unknown[i] < point.threshold)
            point.threshold = unknown[i];
    if (point.threshold == DBL_MAX) point.threshold = next_above(highest_below);
    free(unknown);
    point.false_alarms = counted_share(point.threshold, unknowns, unknown_count);
    point.found = counted_share(point.threshold, targets, target_count);
    return point;
}
