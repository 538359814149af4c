/* How many images of a training list each class has. */
#include "class_counts.h"

#include "allocate.h"
#include "data_checks.h"
#include "smooth_topk_layer.h"

#include <string.h>
#include <unistd.h>

/* Lists are often in the order of the classes: the last one is tried first. */
static int *count_images(list *paths, const char *list_name, char **labels, int classes)
{
    int *counts = allocate((size_t)classes, sizeof *counts), last = -1, done = 0;
    for (node *n = paths->front; n; n = n->next, ++done) {
        char *path = n->val;
        if (last < 0 || !strstr(path, labels[last])) last = class_of_path(path, labels, classes);
        if (last >= 0) ++counts[last];
        if ((done + 1) % 100000) continue;
        fprintf(stderr, "%scounting the classes of %s: %d of %d images%s", isatty(2) ? "\r" : "",
                list_name, done + 1, paths->size, isatty(2) ? "" : "\n");
    }
    return counts;
}

void tell_class_counts(network **nets, int count, list *paths, const char *list_name, char **labels,
                       int classes)
{
    layer l = nets[0]->layers[nets[0]->n - 1];
    if (l.type != SMOOTH_TOPK || !smooth_topk_asks_for_counts(l)) return;
    if (!labels) {
        fprintf(stderr, "[smooth_topk] class_margins=auto and class_weights=auto need labels to "
                        "count; they are not for tag= or tree=\n");
        exit(1);
    }
    int *counts = count_images(paths, list_name, labels, classes), fewest = 0, most = 0;
    for (int i = 0; i < classes; ++i) {
        if (i == 0 || counts[i] < fewest) fewest = counts[i];
        if (counts[i] > most) most = counts[i];
    }
    fprintf(stderr, "%s: %d to %d images a class\n", list_name, fewest, most);
    for (int i = 0; i < count; ++i)
        set_smooth_topk_class_counts(nets[i]->layers[nets[i]->n - 1], counts);
    free(counts);
}
