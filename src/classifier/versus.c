/* Compares two networks on the same images: top 1, top k, and where they differ. */
#include "versus.h"

#include "allocate.h"
#include "data_checks.h"
#include "data_file.h"
#include "file_replacement.h"
#include "label_lists.h"
#include "list_half.h"
#include "paired_test.h"
#include "predictions.h"
#include "quoted_text.h"
#include "rankings.h"
#include "set_sizes.h"
#include "utils.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define LIST_START "path,class,a,b"
#define GUESSES_COVER 0.9

typedef struct {
    int class, guess;
    int network; /* 0: a, 1: b */
} confusion;

/* What the two networks say of an image. */
typedef struct {
    int class, is_unread; /* class: -1 where images have several labels */
    /* right: the guess is a label of the image; within: one of the k best guesses is. */
    int guess[2], right[2], within[2];
} verdict;

typedef struct {
    const versus_options *options;
    network *nets[2];
    labeled_images set;
    char **names;
    int classes, topk;
    char **shown;            /* the paths in the order in which a network sees them: */
    int *numbers;            /* those of the half that sets are calibrated on first */
    int network, calibrated; /* the one at work; whether its sets are calibrated */
    verdict *verdicts;       /* of each image of the list */
    set_sizes *sizes;
    set_size_figures guesses[2]; /* measured is 0: of too few images */
    int *best;                   /* topk */
    ranking *ranking;            /* where images have several labels, else NULL: the one at work */
    ranking_figures figures[2];  /* what came of it */
    float *truth;                /* classes */
    double printed;              /* when the progress was */
    long images, unread, disagreements;
    long right[2][2]; /* [top 1, top k][network] */
    long alone[2][2]; /* the other is wrong */
    confusion *wrong; /* room for two an image */
    size_t wrongs;
    file_replacement list;
} comparison;

static network *load(const versus_options *o, int which, int classes)
{
    network *net = load_network(o->cfg[which], o->weights[which], 0);
    check_image_network(net, o->cfg[which]);
    check_classes(net, classes, 1, o->data, o->cfg[which]);
    if (net->hierarchy) {
        fprintf(stderr, "classifier versus: %s: not for networks with a tree of classes\n",
                o->cfg[which]);
        exit(1);
    }
    return net;
}

static void order_images(comparison *c)
{
    int next = 0, count = c->set.count;
    char *is_first = draw_half(count);
    c->shown = allocate((size_t)count, sizeof *c->shown);
    c->numbers = allocate((size_t)count, sizeof *c->numbers);
    for (int half = 1; half >= 0; --half)
        for (int i = 0; i < count; ++i)
            if (is_first[i] == half) c->numbers[next++] = i;
    for (int i = 0; i < count; ++i) c->shown[i] = c->set.paths[c->numbers[i]];
    free(is_first);
}

static void start(comparison *c, const versus_options *o)
{
    c->options = o;
    const data_file data = read_data_file(o->data);
    char *label_list = data_labels_path(&data), *valid_list = data_valid_path(&data);
    c->classes = data_number(&data, "classes", 2);
    c->topk = data_number(&data, "top", 1);
    check_top(c->topk, c->classes, o->data);
    char **labels = data_labels(&data, c->classes);
    c->names = data_names(&data, c->classes);
    c->set = read_labeled_images(valid_list, labels, c->classes, label_list);
    for (int i = 0; i < 2; ++i) c->nets[i] = load(o, i, c->classes);
    c->best = allocate((size_t)c->topk, sizeof *c->best);
    c->truth = allocate((size_t)c->classes, sizeof *c->truth);
    c->verdicts = allocate((size_t)c->set.count, sizeof *c->verdicts);
    order_images(c);
    c->wrong = allocate(2 * (size_t)c->set.count, sizeof *c->wrong);
}

static void finish(comparison *c)
{
    free(c->shown);
    free(c->numbers);
    free(c->verdicts);
    free(c->best);
    free(c->truth);
    free(c->wrong);
    for (int i = 0; i < 2; ++i) free_network(c->nets[i]);
}

static void refuse_list(const comparison *c, int error)
{
    fprintf(stderr, "-list %s: cannot be written: %s\n", c->options->list, strerror(error));
    exit(1);
}

static void begin_list(comparison *c)
{
    if (!c->options->list) return;
    refuse_other_file("-list", c->options->list, LIST_START, "", "a list of classifier versus");
    int error = begin_replacement(&c->list, c->options->list);
    if (error) refuse_list(c, error);
    fprintf(c->list.file, LIST_START);
    if (c->topk > 1) fprintf(c->list.file, ",a_top%d,b_top%d", c->topk, c->topk);
    fprintf(c->list.file, "\n");
}

/* The names of all labels of an image, with commas between them. */
static void print_labels(const comparison *c, const char *path)
{
    char *all = print_text("%s", "");
    listed_classes own = begin_listed(path);
    for (int class; (class = next_listed(&own)) >= 0;) {
        char *more = print_text("%s%s%s", all, *all ? "," : "", c->names[class]);
        free(all);
        all = more;
    }
    print_csv_text(c->list.file, all);
    free(all);
}

static void add_to_list(const comparison *c, const char *path, const verdict *v)
{
    FILE *file = c->list.file;
    print_csv_text(file, path);
    putc(',', file);
    if (c->set.several)
        print_labels(c, path);
    else if (v->class >= 0)
        print_csv_text(file, c->names[v->class]);
    for (int i = 0; i < 2; ++i) {
        putc(',', file);
        print_csv_text(file, c->names[v->guess[i]]);
    }
    if (c->topk > 1) fprintf(file, ",%d,%d", v->within[0], v->within[1]);
    putc('\n', file);
}

static void end_list(comparison *c)
{
    if (!c->options->list) return;
    int error = end_replacement(&c->list, 1);
    if (error) refuse_list(c, error);
}

/* Counts what the two have said of an image. */
static void count_image(comparison *c, const char *path, const verdict *v)
{
    const int *const right[2] = {v->right, v->within};
    ++c->images;
    for (int top = 0; top < 2; ++top)
        for (int i = 0; i < 2; ++i) {
            c->right[top][i] += right[top][i];
            c->alone[top][i] += right[top][i] && !right[top][1 - i];
        }
    for (int i = 0; i < 2; ++i)
        if (!v->right[i] && v->class >= 0)
            c->wrong[c->wrongs++] = (confusion){v->class, v->guess[i], i};
    if (v->guess[0] == v->guess[1] && v->within[0] == v->within[1]) return;
    ++c->disagreements;
    if (c->options->list) add_to_list(c, path, v);
}

static void print_progress(comparison *c, int shown)
{
    double now = what_time_is_it_now();
    int count = c->set.count, done = (c->network * count + shown) / 2;
    int is_last = c->network == 1 && shown == count;
    if (!isatty(STDERR_FILENO) || (!is_last && now - c->printed < .2)) return;
    c->printed = now;
    fprintf(stderr, "\r%d/%d images\033[K%s", done, count, is_last ? "\n" : "");
}

/* Sets are calibrated on the first images that a network sees, and measured on the others. */
static void count_guesses(comparison *c, int place, int class, const float *scores)
{
    int number = c->numbers[place], is_calibration = place < c->set.count / 2;
    if (is_calibration) {
        if (class >= 0) add_calibration(c->sizes, number, class, scores);
        return;
    }
    if (c->calibrated < 0) c->calibrated = end_calibration(c->sizes);
    if (c->calibrated && class >= 0) add_measured(c->sizes, number, class, scores);
}

static void take_prediction(void *argument, const prediction *p)
{
    comparison *c = argument;
    int network = c->network;
    verdict *v = c->verdicts + c->numbers[p->number];
    print_progress(c, p->number + 1);
    if (p->fault) {
        if (!v->is_unread) fprintf(stderr, "Left out: %s: %s\n", p->path, p->fault);
        v->is_unread = 1;
        return;
    }
    top_k(p->scores, c->classes, c->topk, c->best);
    v->guess[network] = c->best[0];
    if (c->ranking) {
        v->class = -1;
        fill_listed_truth(p->path, c->classes, c->truth);
        add_to_ranking(c->ranking, p->scores, c->truth);
    } else {
        v->class = class_of_image(&c->set, c->numbers[p->number]);
        memset(c->truth, 0, (size_t)c->classes * sizeof *c->truth);
        if (v->class >= 0) c->truth[v->class] = 1;
    }
    v->right[network] = c->truth[c->best[0]] != 0;
    for (int i = 0; i < c->topk; ++i) v->within[network] |= c->truth[c->best[i]] != 0;
    count_guesses(c, p->number, v->class, p->scores);
}

static void show_all_images(comparison *c)
{
    for (int i = 0; i < 2; ++i) {
        c->network = i;
        c->calibrated = -1;
        c->sizes = begin_set_sizes(c->classes, GUESSES_COVER, c->set.count);
        if (c->set.several) c->ranking = begin_ranking(c->set.count, c->classes, c->topk);
        predict_images(c->nets[i], c->shown, c->set.count, VIEW_CENTER, take_prediction, c);
        if (c->ranking) c->figures[i] = end_ranking(c->ranking);
        if (c->calibrated > 0) find_set_sizes(c->sizes, c->guesses + i);
        free_set_sizes(c->sizes);
    }
}

static int by_classes(const void *left, const void *right)
{
    const confusion *a = left, *b = right;
    if (a->class != b->class) return a->class < b->class ? -1 : 1;
    return a->guess < b->guess ? -1 : a->guess > b->guess;
}

/* The confusion whose numbers differ most, the first of several; times[0] = times[1] = 0 where
   there is none. */
static confusion find_confusion(comparison *c, long *times)
{
    confusion most = {0, 0, 0};
    times[0] = times[1] = 0;
    qsort(c->wrong, c->wrongs, sizeof *c->wrong, by_classes);
    for (size_t i = 0, next; i < c->wrongs; i = next) {
        long here[2] = {0, 0};
        for (next = i; next < c->wrongs && !by_classes(c->wrong + i, c->wrong + next); ++next)
            ++here[c->wrong[next].network];
        if (labs(here[0] - here[1]) <= labs(times[0] - times[1])) continue;
        most = c->wrong[i];
        times[0] = here[0];
        times[1] = here[1];
    }
    return most;
}

static double share(const comparison *c, int top, int which)
{
    return (double)c->right[top][which] / (double)c->images;
}

/* The interval is of b - a where they are equal, else of the lead. */
static void print_difference(int top, int several, const paired_result *r)
{
    double low = r->difference < 0 ? -r->high : r->low,
           high = r->difference < 0 ? -r->low : r->high;
    if (several)
        printf("a label among the first %d: ", top);
    else
        printf("top-%d: ", top);
    if (r->difference == 0)
        printf("a and b are equal");
    else
        printf("%s by %.2f points", r->difference > 0 ? "b is ahead of a" : "a is ahead of b",
               100 * fabs(r->difference));
    printf(", 95 %% interval %+.2f to %+.2f", 100 * low, 100 * high);
}

static int has_guesses(const comparison *c)
{
    return c->guesses[0].measured && c->guesses[1].measured;
}

static void print_guesses(const comparison *c)
{
    const set_size_figures *a = c->guesses, *b = a + 1;
    double low, high;
    if (!has_guesses(c)) {
        printf("guesses for %g %%: too few images to calibrate sets on\n", 100 * GUESSES_COVER);
        return;
    }
    compare_set_sizes(a, b, &low, &high);
    printf("guesses for %g %%: b - a = %+.2f, 95 %% interval %+.2f to %+.2f; sets calibrated on %d "
           "images, measured on %d others: the right class is in %.2f and %.2f %%\n",
           100 * GUESSES_COVER, b->mean_size - a->mean_size, low, high, a->calibrated, a->measured,
           100 * a->coverage, 100 * b->coverage);
}

static void print_figures(const comparison *c, int which)
{
    const versus_options *o = c->options;
    const ranking_figures *f = c->figures + which;
    printf("%c: ", 'a' + which);
    if (c->set.several) {
        printf("precision@1 %.2f", 100 * f->precision1);
        if (c->topk > 1) printf(", precision@%d %.2f", c->topk, 100 * f->precisionk);
        printf(", recall@%d %.2f, mean average precision %.2f, label ranking average precision "
               "%.2f, ranking loss %.2f",
               c->topk, 100 * f->recallk, 100 * f->mean_average_precision,
               100 * f->label_ranking_precision, 100 * f->ranking_loss);
    } else {
        printf("top-1 %.2f", 100 * share(c, 0, which));
        if (c->topk > 1) printf(", top-%d %.2f", c->topk, 100 * share(c, 1, which));
    }
    if (has_guesses(c))
        printf(", guesses for %g %% %.2f", 100 * GUESSES_COVER, c->guesses[which].mean_size);
    printf("   %s %s\n", o->cfg[which], o->weights[which]);
}

static void print_lines(comparison *c)
{
    const versus_options *o = c->options;
    int tops[] = {1, c->topk}, count = c->topk > 1 ? 2 : 1;
    long times[2];
    for (int i = 0; i < 2; ++i) print_figures(c, i);
    for (int top = 0; top < count; ++top) {
        paired_result r = compare_paired(c->alone[top][0], c->alone[top][1], c->images);
        print_difference(tops[top], c->set.several, &r);
        printf("; of %ld images a alone is right on %ld, b alone on %ld; McNemar's test p=%.3g\n",
               c->images, c->alone[top][0], c->alone[top][1], r.p);
    }
    if (!c->set.several) print_guesses(c);
    confusion most = find_confusion(c, times);
    if (times[0] != times[1])
        printf("the confusion that differs most: %s taken for %s, %ld times by a, %ld by b\n",
               c->names[most.class], c->names[most.guess], times[0], times[1]);
    printf("they disagree on %ld images%s%s\n", c->disagreements, o->list ? ": " : "",
           o->list ? o->list : "");
}

static void print_json_guesses(const comparison *c)
{
    const set_size_figures *a = c->guesses, *b = a + 1;
    double low, high;
    printf(", \"guesses\": ");
    if (!has_guesses(c)) {
        printf("null");
        return;
    }
    compare_set_sizes(a, b, &low, &high);
    printf("{\"cover\": %g, \"a\": %.6f, \"b\": %.6f, \"difference\": %.6f, \"low\": %.6f, "
           "\"high\": %.6f, \"calibrated\": %d, \"measured\": %d, \"coverage_a\": %.6f, "
           "\"coverage_b\": %.6f}",
           GUESSES_COVER, a->mean_size, b->mean_size, b->mean_size - a->mean_size, low, high,
           a->calibrated, a->measured, a->coverage, b->coverage);
}

static void print_json_ranking(const ranking_figures *f)
{
    printf(", \"precision1\": %.6f, \"precisionk\": %.6f, \"recallk\": %.6f, \"map\": %.6f, "
           "\"lrap\": %.6f, \"ranking_loss\": %.6f",
           f->precision1, f->precisionk, f->recallk, f->mean_average_precision,
           f->label_ranking_precision, f->ranking_loss);
}

static void print_json(comparison *c)
{
    static const char *const names[] = {"top1", "topk"};
    long times[2];
    printf("{\"images\": %ld, \"unread\": %ld, \"k\": %d", c->images, c->unread, c->topk);
    for (int i = 0; i < 2; ++i) {
        printf(", \"%c\": {\"cfg\": ", 'a' + i);
        print_json_text(stdout, c->options->cfg[i]);
        printf(", \"weights\": ");
        print_json_text(stdout, c->options->weights[i]);
        printf(", \"top1\": %.6f, \"topk\": %.6f", share(c, 0, i), share(c, 1, i));
        if (c->set.several) print_json_ranking(c->figures + i);
        printf("}");
    }
    for (int top = 0; top < 2; ++top) {
        paired_result r = compare_paired(c->alone[top][0], c->alone[top][1], c->images);
        printf(", \"%s\": {\"difference\": %.6f, \"low\": %.6f, \"high\": %.6f, \"a_alone\": %ld, "
               "\"b_alone\": %ld, \"p\": %.6g}",
               names[top], r.difference, r.low, r.high, c->alone[top][0], c->alone[top][1], r.p);
    }
    print_json_guesses(c);
    confusion most = find_confusion(c, times);
    printf(", \"confusion\": ");
    if (times[0] != times[1]) {
        printf("{\"class\": ");
        print_json_text(stdout, c->names[most.class]);
        printf(", \"guess\": ");
        print_json_text(stdout, c->names[most.guess]);
        printf(", \"a\": %ld, \"b\": %ld}", times[0], times[1]);
    } else {
        printf("null");
    }
    printf(", \"disagreements\": %ld}\n", c->disagreements);
}

void compare_classifiers(const versus_options *options)
{
    comparison c = {0};
    start(&c, options);
    begin_list(&c);
    show_all_images(&c);
    for (int i = 0; i < c.set.count; ++i) {
        const verdict *v = c.verdicts + i;
        if (v->is_unread)
            ++c.unread;
        else
            count_image(&c, c.set.paths[i], v);
    }
    if (!c.images) {
        if (options->list) end_replacement(&c.list, 0);
        fprintf(stderr, "classifier versus: none of the %d images can be read\n", c.set.count);
        exit(1);
    }
    end_list(&c);
    if (options->json)
        print_json(&c);
    else
        print_lines(&c);
    finish(&c);
    if (!c.unread) return;
    fprintf(stderr, "%ld of %d images were left out: the figures are those of the other %ld\n",
            c.unread, c.set.count, c.images);
    exit(1);
}
