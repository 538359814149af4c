/* Top-1 and top-k accuracy of a network on a list of images. */
#include "accuracy.h"

#include "allocate.h"
#include "data_checks.h"
#include "image_files.h"
#include "loading.h"
#include "stop_signal.h"
#include "utils.h"

#include <string.h>

enum { THREADS = 8 };

/* Why an image could not be read; empty for one that could. */
typedef char reason[160];

typedef struct {
    char **paths;
    int first, count, w, h, channels;
    image *views;
    reason *why;
} loading_task;

static void *load_views(void *pointer)
{
    const loading_task *t = pointer;
    for (int i = t->first; i < t->count; i += THREADS) {
        const char *why;
        image im = try_load_image(t->paths[i], 0, 0, t->channels, &why);
        *t->why[i] = '\0';
        if (im.data) {
            t->views[i] = center_view(im, t->w, t->h);
            free_image(im);
        } else {
            snprintf(t->why[i], sizeof t->why[i], "%s", why); /* this thread's, which ends */
        }
    }
    return NULL;
}

static void load_batch(char **paths, int count, const network *net, image *views, reason *why)
{
    pthread_t threads[THREADS];
    loading_task tasks[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        tasks[i] = (loading_task){paths, i, count, net->w, net->h, net->c, views, why};
        if (pthread_create(threads + i, NULL, load_views, tasks + i))
            error("Thread creation failed");
    }
    for (int i = 0; i < THREADS; ++i) pthread_join(threads[i], NULL);
}

/* The place of the path's class among the k best scores, -1 if it is not there. */
static int find_rank(const labeled_images *set, const char *path, float *scores, int k, int *best)
{
    top_k(scores, set->classes, k, best);
    for (int i = 0; i < k; ++i)
        if (strstr(path, set->labels[best[i]])) return i;
    return -1;
}

int measure_accuracy(network *net, labeled_images *set, int k, accuracy *result)
{
    int batch = net->batch, kept = 0, n, stopped = 0;
    size_t inputs = (size_t)net->inputs;
    double right1 = 0, right = 0;
    int *best = allocate((size_t)k, sizeof *best);
    image *views = allocate((size_t)batch, sizeof *views);
    reason *why = allocate((size_t)batch, sizeof *why);
    float *input = allocate((size_t)batch * inputs, sizeof *input);
    for (int i = 0; i < set->count; i += n) {
        n = set->count - i < batch ? set->count - i : batch;
        if ((stopped = stop_signal() != 0)) break;
        load_batch(set->paths + i, n, net, views, why);
        for (int b = 0; b < n; ++b) {
            if (*why[b]) continue;
            memcpy(input + (size_t)b * inputs, views[b].data, inputs * sizeof *input);
            free_image(views[b]);
        }
        float *scores = network_predict(net, input);
        for (int b = 0; b < n; ++b) {
            char *path = set->paths[i + b];
            if (*why[b]) {
                fprintf(stderr, "Left out of the validation: %s: %s\n", path, why[b]);
                continue;
            }
            set->paths[kept++] = path;
            int rank = find_rank(set, path, scores + (size_t)b * (size_t)net->outputs, k, best);
            right += rank >= 0;
            right1 += rank == 0;
        }
    }
    free(input);
    free(why);
    free(views);
    free(best);
    if (stopped) return 0;
    set->count = kept;
    result->images = kept;
    result->top1 = kept ? (float)(right1 / kept) : 0;
    result->topk = kept ? (float)(right / kept) : 0;
    return kept > 0;
}
