/* How well classes are ranked for images that have several of them, or none. */
#include "rankings.h"

#include "allocate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct ranking {
    int images, classes, k;
    int labeled;             /* images with a label */
    int32_t *keys;           /* images x classes: the scores, as numbers in the same order */
    unsigned char *is_label; /* images x classes */
    double precision1, precisionk, recallk, label_ranking_precision, ranking_loss; /* sums */
};

/* In the order of the scores, by their bits: with -Ofast a NaN may compare as it likes. */
static int32_t order_key(float score)
{
    uint32_t bits;
    memcpy(&bits, &score, sizeof bits);
    int32_t size = (int32_t)(bits & 0x7fffffff);
    if (size > 0x7f800000) return INT32_MIN;
    return bits >> 31 ? -size : size;
}

ranking *begin_ranking(int images, int classes, int k)
{
    ranking *r = allocate(1, sizeof *r);
    size_t cells = (size_t)images * (size_t)classes;
    r->classes = classes;
    r->k = k;
    r->keys = allocate(cells, sizeof *r->keys);
    r->is_label = allocate(cells, sizeof *r->is_label);
    return r;
}

void add_to_ranking(ranking *r, const float *scores, const float *truth)
{
    int classes = r->classes, labels = 0, hits1 = 0, hitsk = 0;
    size_t offset = (size_t)r->images++ * (size_t)classes;
    int32_t *keys = r->keys + offset;
    unsigned char *is_label = r->is_label + offset;
    double precision = 0, wrong_pairs = 0;
    for (int i = 0; i < classes; ++i) {
        keys[i] = order_key(scores[i]);
        is_label[i] = truth[i] != 0;
        labels += is_label[i];
    }
    for (int i = 0; i < classes; ++i) {
        if (!is_label[i]) continue;
        int better = 0, as_good = 0, labels_as_good = 0;
        for (int j = 0; j < classes; ++j) {
            better += keys[j] > keys[i] || (j < i && keys[j] == keys[i]);
            as_good += keys[j] >= keys[i];
            labels_as_good += keys[j] >= keys[i] && is_label[j];
        }
        hits1 += better < 1;
        hitsk += better < r->k;
        precision += (double)labels_as_good / as_good;
        wrong_pairs += as_good - labels_as_good;
    }
    r->labeled += labels > 0;
    r->precision1 += hits1;
    r->precisionk += (double)hitsk / r->k;
    if (labels) r->recallk += (double)hitsk / labels;
    int is_ranked = labels > 0 && labels < classes;
    r->label_ranking_precision += is_ranked ? precision / labels : 1;
    if (is_ranked) r->ranking_loss += wrong_pairs / labels / (classes - labels);
}

static int falling(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a < b) - (a > b);
}

/* Of one class, -1 where no image has it. `order` has room for a number an image. */
static double average_precision(const ranking *r, int class, int64_t *order)
{
    int found = 0;
    double sum = 0;
    for (int i = 0; i < r->images; ++i) {
        size_t cell = (size_t)i * (size_t)r->classes + (size_t) class;
        order[i] = 2 * (int64_t)r->keys[cell] + r->is_label[cell];
    }
    qsort(order, (size_t)r->images, sizeof *order, falling);
    for (int i = 0, next; i < r->images; i = next) { /* images of equal score count together */
        int here = 0;
        for (next = i; next < r->images && order[next] >> 1 == order[i] >> 1; ++next)
            here += order[next] & 1;
        found += here;
        sum += here * ((double)found / next);
    }
    return found ? sum / found : -1;
}

static double mean_average_precision(const ranking *r)
{
    double sum = 0;
    int count = 0;
    int64_t *order = allocate((size_t)r->images, sizeof *order);
    for (int class = 0; class < r->classes; ++class) {
        double precision = average_precision(r, class, order);
        if (precision < 0) continue;
        sum += precision;
        ++count;
    }
    free(order);
    return count ? sum / count : 0;
}

ranking_figures ranking_so_far(const ranking *r)
{
    double images = r->images ? r->images : 1;
    return (ranking_figures){
        .precision1 = r->precision1 / images,
        .precisionk = r->precisionk / images,
        .recallk = r->labeled ? r->recallk / r->labeled : 0,
        .label_ranking_precision = r->label_ranking_precision / images,
        .ranking_loss = r->ranking_loss / images,
    };
}

ranking_figures end_ranking(ranking *r)
{
    ranking_figures figures = ranking_so_far(r);
    figures.mean_average_precision = mean_average_precision(r);
    free(r->keys);
    free(r->is_label);
    free(r);
    return figures;
}
