/* How many images of a training list each class has. */
#include "class_counts.h"

#include "allocate.h"
#include "smooth_topk_layer.h"

#include <string.h>
#include <unistd.h>

enum { SHOWN = 10 };

/* Lists are often in the order of the classes: the last one is tried first. */
static int class_after(const labeled_images *set, int i, int last)
{
    return last >= 0 && strstr(set->paths[i], set->labels[last]) ? last : class_of_image(set, i);
}

static int *count_images(const labeled_images *set, const char *list_name)
{
    int *counts = allocate((size_t)set->classes, sizeof *counts), last = -1;
    for (int i = 0; i < set->count; ++i) {
        if (set->listed) {
            listed_classes own = begin_listed(set->paths[i]);
            for (int class; (class = next_listed(&own)) >= 0;) ++counts[class];
        } else {
            last = class_after(set, i, last);
            if (last >= 0) ++counts[last];
        }
        if ((i + 1) % 100000) continue;
        fprintf(stderr, "%scounting the classes of %s: %d of %d images%s", isatty(2) ? "\r" : "",
                list_name, i + 1, set->count, isatty(2) ? "" : "\n");
    }
    return counts;
}

void tell_class_counts(network **nets, int count, const labeled_images *set, const char *list_name)
{
    layer l = nets[0]->layers[nets[0]->n - 1];
    if (l.type != SMOOTH_TOPK || !smooth_topk_asks_for_counts(l)) return;
    if (!set->labels) {
        fprintf(stderr, "[smooth_topk] class_margins=auto and class_weights=auto need labels to "
                        "count; they are not for tag= or tree=\n");
        exit(1);
    }
    int *counts = count_images(set, list_name), fewest = 0, most = 0;
    for (int i = 0; i < set->classes; ++i) {
        if (i == 0 || counts[i] < fewest) fewest = counts[i];
        if (counts[i] > most) most = counts[i];
    }
    fprintf(stderr, "%s: %d to %d images a class\n", list_name, fewest, most);
    for (int i = 0; i < count; ++i)
        set_smooth_topk_class_counts(nets[i]->layers[nets[i]->n - 1], counts);
    free(counts);
}

/* Notes in `seen` the classes of image i; returns how many of them are new. *last is its class,
   where it has one. */
static int see_classes(const labeled_images *set, int i, int *last, char *seen)
{
    int fresh = 0;
    if (set->listed) {
        listed_classes own = begin_listed(set->paths[i]);
        for (int class; (class = next_listed(&own)) >= 0; seen[class] = 1) fresh += !seen[class];
        return fresh;
    }
    *last = class_after(set, i, *last);
    if (*last < 0) return 0;
    fresh = !seen[*last];
    seen[*last] = 1;
    return fresh;
}

void tell_missing_classes(const labeled_images *set, const char *list_name)
{
    const double most_work = 3e7; /* comparisons: about a second */
    if (!set->labels) return;
    char *seen = allocate((size_t)set->classes, 1);
    int missing = set->classes, i = 0, last = -1, shown = 0;
    for (double work = 0; i < set->count && missing && work < most_work; ++i) {
        int before = last;
        missing -= see_classes(set, i, &last, seen);
        work += set->listed || last == before ? 1 : set->classes;
    }
    if (missing && i == set->count) {
        fprintf(stderr, "%s has no image of %d of the %d classes:", list_name, missing,
                set->classes);
        for (int j = 0; j < set->classes && shown < SHOWN; ++j)
            if (!seen[j]) fprintf(stderr, "%s %s", shown++ ? "," : "", set->labels[j]);
        fprintf(stderr, "%s; the network cannot learn them\n", missing > SHOWN ? ", ..." : "");
    }
    free(seen);
}
