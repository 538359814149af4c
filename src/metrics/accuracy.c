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
} count_of_right;

/* The place of the path's class among the k best scores, -1 if it is not there. */
static int find_rank(const labeled_images *set, const char *path, float *scores, int k, int *best)
{
    top_k(scores, set->classes, k, best);
    for (int i = 0; i < k; ++i)
        if (strstr(path, set->labels[best[i]])) return i;
    return -1;
}

static void count_prediction(void *argument, const prediction *p)
{
    count_of_right *c = argument;
    if (p->fault) {
        fprintf(stderr, "Left out of the validation: %s: %s\n", p->path, p->fault);
        return;
    }
    int rank = find_rank(c->set, p->path, p->scores, c->k, c->best);
    c->set->paths[c->kept++] = p->path;
    c->right += rank >= 0;
    c->right1 += rank == 0;
}

int measure_accuracy(network *net, labeled_images *set, int k, accuracy *result)
{
    count_of_right c = {.set = set, .k = k, .best = allocate((size_t)k, sizeof *c.best)};
    int all = predict_images(net, set->paths, set->count, VIEW_CENTER, count_prediction, &c);
    free(c.best);
    if (!all) return 0;
    set->count = c.kept;
    result->images = c.kept;
    result->top1 = c.kept ? (float)(c.right1 / c.kept) : 0;
    result->topk = c.kept ? (float)(c.right / c.kept) : 0;
    return c.kept > 0;
}
