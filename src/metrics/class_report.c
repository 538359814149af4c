/* Counts guesses by class. */
#include "class_report.h"

#include "allocate.h"
#include "utils.h"

#include <stdlib.h>

typedef struct {
    int class, guess;
} class_guess;

struct class_report {
    int classes, k;
    int *best; /* k */
    report_counts all, *counts;
    long *guessed;        /* counts, guessed: classes */
    class_guess *guesses; /* of the images that have a class, with room for more */
    size_t count, room;
    size_t *first; /* classes + 1: where the guesses of each class begin, once finished */
};

class_report *begin_class_report(int classes, int k)
{
    class_report *r = allocate(1, sizeof *r);
    r->classes = classes;
    r->k = k;
    r->best = allocate((size_t)k, sizeof *r->best);
    r->counts = allocate((size_t)classes, sizeof *r->counts);
    r->guessed = allocate((size_t)classes, sizeof *r->guessed);
    r->first = allocate((size_t)classes + 1, sizeof *r->first);
    return r;
}

static void add_guess(class_report *r, int class, int guess)
{
    if (r->count == r->room) {
        r->room = 2 * r->room + 1024;
        r->guesses = reallocate(r->guesses, r->room, sizeof *r->guesses);
    }
    r->guesses[r->count++] = (class_guess){class, guess};
}

void add_to_class_report(class_report *r, int class, float *scores)
{
    top_k(scores, r->classes, r->k, r->best);
    int right = r->best[0] == class, within = 0;
    for (int i = 0; i < r->k; ++i) within |= r->best[i] == class;
    report_counts *counts[] = {&r->all, class < 0 ? NULL : r->counts + class};
    for (int i = 0; i < 2 && counts[i]; ++i) {
        ++counts[i]->images;
        counts[i]->right += right;
        counts[i]->within += within;
    }
    ++r->guessed[r->best[0]];
    if (class >= 0) add_guess(r, class, r->best[0]);
}

report_counts count_all(const class_report *r)
{
    return r->all;
}

static int by_class_and_guess(const void *left, const void *right)
{
    const class_guess *a = left, *b = right;
    if (a->class != b->class) return a->class < b->class ? -1 : 1;
    return a->guess < b->guess ? -1 : a->guess > b->guess;
}

void finish_class_report(class_report *r)
{
    if (r->count) qsort(r->guesses, r->count, sizeof *r->guesses, by_class_and_guess);
    for (int i = 0; i < r->classes; ++i)
        r->first[i + 1] = r->first[i] + (size_t)r->counts[i].images;
}

static double share(long part, long whole)
{
    return whole ? (double)part / (double)whole : 0;
}

class_figures figures_of_class(const class_report *r, int class)
{
    report_counts c = r->counts[class];
    class_figures f = {.counts = c,
                       .guessed = r->guessed[class],
                       .top1 = share(c.right, c.images),
                       .topk = share(c.within, c.images),
                       .precision = share(c.right, r->guessed[class]),
                       .recall = share(c.right, c.images),
                       .f1 = share(2 * c.right, c.images + r->guessed[class]),
                       .confused_with = -1};
    for (size_t i = r->first[class], next; i < r->first[class + 1]; i = next) {
        int guess = r->guesses[i].guess;
        for (next = i; next < r->first[class + 1] && r->guesses[next].guess == guess;) ++next;
        if (guess == class || (long)(next - i) <= f.confused) continue;
        f.confused_with = guess;
        f.confused = (long)(next - i);
    }
    return f;
}

class_figures mean_figures(const class_report *r)
{
    class_figures mean = {.counts = r->all, .confused_with = -1};
    int with_images = 0;
    for (int i = 0; i < r->classes; ++i) {
        class_figures f = figures_of_class(r, i);
        mean.guessed += f.guessed;
        mean.confused += f.confused;
        if (!f.counts.images) continue;
        ++with_images;
        mean.top1 += f.top1;
        mean.topk += f.topk;
        mean.precision += f.precision;
        mean.f1 += f.f1;
    }
    if (!with_images) return mean;
    mean.top1 /= with_images;
    mean.topk /= with_images;
    mean.precision /= with_images;
    mean.recall = mean.top1;
    mean.f1 /= with_images;
    return mean;
}

void confusion_row(const class_report *r, int class, long *row)
{
    for (int i = 0; i < r->classes; ++i) row[i] = 0;
    for (size_t i = r->first[class]; i < r->first[class + 1]; ++i) ++row[r->guesses[i].guess];
}

/* Whether class a does worse than b. */
static int is_worse(const class_report *r, int a, int b)
{
    report_counts x = r->counts[a], y = r->counts[b];
    double top1 = share(x.right, x.images), other = share(y.right, y.images);
    return top1 != other ? top1 < other : x.images > y.images;
}

int worst_classes(const class_report *r, int count, int *worst)
{
    int found = 0;
    for (int i = 0; i < r->classes; ++i) {
        if (r->counts[i].right == r->counts[i].images) continue; /* or it has no images */
        if (found == count && !is_worse(r, i, worst[found - 1])) continue;
        int place = found < count ? found++ : found - 1;
        for (; place > 0 && is_worse(r, i, worst[place - 1]); --place)
            worst[place] = worst[place - 1];
        worst[place] = i;
    }
    return found;
}

void free_class_report(class_report *r)
{
    free(r->best);
    free(r->counts);
    free(r->guessed);
    free(r->guesses);
    free(r->first);
    free(r);
}
