/* Top-1 and top-k accuracy of a network on a list of images. */
#include "accuracy.h"

#include "allocate.h"
#include "predictions.h"
#include "utils.h"

#include <string.h>

typedef struct {
    labeled_images *set;
    int k, *best; /* k */
    int kept;
    double right1, right;
    ranking *ranking; /* of a list with several labels an image; else NULL */
    float *truth;     /* a number a class */
} count_of_right;

static int is_of_class(const labeled_images *set, const char *path, int class)
{
    if (!set->listed) return strstr(path, set->labels[class]) != NULL;
    listed_classes own = begin_listed(path);
    return next_listed(&own) == class;
}

/* The place of the path's class among the k best scores, -1 if it is not there. */
static int find_rank(const labeled_images *set, const char *path, float *scores, int k, int *best)
{
    top_k(scores, set->classes, k, best);
    for (int i = 0; i < k; ++i)
        if (is_of_class(set, path, best[i])) return i;
    return -1;
}

static void count_prediction(void *argument, const prediction *p)
{
    count_of_right *c = argument;
    if (p->fault) {
        fprintf(stderr, "Left out of the validation: %s: %s\n", p->path, p->fault);
        return;
    }
    c->set->paths[c->kept++] = p->path;
    if (c->ranking) {
        fill_listed_truth(p->path, c->set->classes, c->truth);
        add_to_ranking(c->ranking, p->scores, c->truth);
        return;
    }
    int rank = find_rank(c->set, p->path, p->scores, c->k, c->best);
    c->right += rank >= 0;
    c->right1 += rank == 0;
}

int measure_accuracy(network *net, labeled_images *set, int k, accuracy *result)
{
    count_of_right c = {.set = set, .k = k, .best = allocate((size_t)k, sizeof *c.best)};
    if (set->several) {
        c.ranking = begin_ranking(set->count, set->classes, k);
        c.truth = allocate((size_t)set->classes, sizeof *c.truth);
    }
    int all = predict_images(net, set->paths, set->count, VIEW_CENTER, count_prediction, &c);
    free(c.best);
    free(c.truth);
    *result = (accuracy){0};
    if (c.ranking) result->ranking = end_ranking(c.ranking);
    if (!all) return 0;
    set->count = c.kept;
    result->images = c.kept;
    if (set->several) {
        result->top1 = (float)result->ranking.precision1;
        result->topk = (float)result->ranking.recallk;
        return c.kept > 0;
    }
    result->top1 = c.kept ? (float)(c.right1 / c.kept) : 0;
    result->topk = c.kept ? (float)(c.right / c.kept) : 0;
    return c.kept > 0;
}
