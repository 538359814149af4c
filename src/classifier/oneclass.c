/* `classifier oneclass`: scores by the nearest template, the area under their ROC curve, a
 * threshold. */
#include "oneclass.h"

#include "allocate.h"
#include "data_checks.h"
#include "data_file.h"
#include "file_replacement.h"
#include "label_lists.h"
#include "one_class.h"
#include "predictions.h"
#include "quoted_text.h"

#include <limits.h>
#include <string.h>

#define LIST_START "path,truth,score\n"

/* What a list of test= calls an image that is not of the target. */
static char unknown_label[] = "unknown";

typedef struct {
    const one_class_options *options;
    network *net; /* up to the features */
    int size;     /* of the features */
    char **labels;
    int classes; /* and one more: unknown */
    labeled_images set;
    float *templates;
    int template_count;
    double *targets, *unknowns; /* scores */
    int target_count, unknown_count, unread;
    file_replacement list;
} detector;

static void refuse(const char *text, const char *name)
{
    fprintf(stderr, "classifier oneclass: %s: %s\n", name, text);
    exit(1);
}

static int has_weights(const layer *l)
{
    return l->type == CONVOLUTIONAL || l->type == CONNECTED || l->type == LOCAL;
}

/* The layer whose output the features are. */
static int find_features(const network *net, const char *cfg)
{
    for (int i = net->n - 1; i >= 0; --i)
        if (net->layers[i].type == COMPACTNESS) return i;
    for (int i = net->n - 1; i > 0; --i)
        if (has_weights(net->layers + i)) return i - 1;
    refuse("has no [compactness], and no layer before its last one with weights", cfg);
    return 0;
}

/* From now on the output of layer i is the network's. */
static void end_network(network *net, int i)
{
    const layer *l = net->layers + i;
    net->n = i + 1;
    net->outputs = l->outputs;
    net->output = l->output;
#ifdef GPU
    net->output_gpu = l->output_gpu;
#endif
}

/* The labels of the .data file and `unknown`, unless it is one of them. */
static void read_labels(detector *d, const data_file *data)
{
    int classes = data_number(data, "classes", 2);
    char **own = data_labels(data, classes);
    d->labels = allocate((size_t)classes + 1, sizeof *d->labels);
    memcpy(d->labels, own, (size_t)classes * sizeof *own);
    d->labels[classes] = unknown_label;
    d->classes = classes + 1;
    for (int i = 0; i < classes; ++i)
        if (strcmp(own[i], unknown_label) == 0) d->classes = classes;
}

static void start(detector *d, const one_class_options *o)
{
    const data_file data = read_data_file((char *)o->data);
    d->options = o;
    d->net = load_network((char *)o->cfg, (char *)o->weights, 0);
    check_image_network(d->net, o->cfg);
    if (d->net->hierarchy) refuse("a tree of classes is not for one class", o->cfg);
    end_network(d->net, find_features(d->net, o->cfg));
    d->size = d->net->outputs;
    read_labels(d, &data);
}

/* A list whose lines have their labels behind a TAB. */
static labeled_images read_set(const detector *d, char *list_name)
{
    labeled_images set = read_image_list(list_name, 1, d->labels, d->classes);
    if (!set.listed)
        refuse("needs labels behind a TAB; nothing behind it is an image of the target", list_name);
    return set;
}

static int is_target(const char *path)
{
    listed_classes own = begin_listed(path);
    return next_listed(&own) < 0;
}

/* Whether the image could be read and its features are finite. */
static int is_usable(detector *d, const prediction *p)
{
    if (!p->fault) return 1;
    ++d->unread;
    fprintf(stderr, "Left out: %s: %s\n", p->path, p->fault);
    return 0;
}

static void keep_template(void *argument, const prediction *p)
{
    detector *d = argument;
    if (!is_usable(d, p)) return;
    memcpy(d->templates + (size_t)d->template_count++ * (size_t)d->size, p->scores,
           (size_t)d->size * sizeof *p->scores);
}

static void make_templates(detector *d, char *list_name)
{
    int kept = 0;
    labeled_images set = read_set(d, list_name);
    for (int i = 0; i < set.count; ++i)
        if (is_target(set.paths[i])) set.paths[kept++] = set.paths[i];
    if (!kept) refuse("has no image without a label, to be a template of the target", list_name);
    d->templates = allocate((size_t)kept, (size_t)d->size * sizeof *d->templates);
    predict_images(d->net, set.paths, kept, VIEW_CENTER, keep_template, d);
    if (!d->template_count) refuse("none of its images of the target can be read", list_name);
}

static void refuse_list(const detector *d, int error)
{
    fprintf(stderr, "-list %s: cannot be written: %s\n", d->options->list, strerror(error));
    exit(1);
}

static void begin_list(detector *d)
{
    if (!d->options->list) return;
    refuse_other_file("-list", d->options->list, LIST_START, "", "a list of classifier oneclass");
    int error = begin_replacement(&d->list, d->options->list);
    if (error) refuse_list(d, error);
    fprintf(d->list.file, LIST_START);
}

static void score_image(void *argument, const prediction *p)
{
    detector *d = argument;
    if (!is_usable(d, p)) return;
    int target = is_target(p->path);
    double score = template_score(d->templates, d->template_count, d->size, p->scores);
    if (target)
        d->targets[d->target_count++] = score;
    else
        d->unknowns[d->unknown_count++] = score;
    if (!d->options->list) return;
    print_csv_text(d->list.file, p->path);
    fprintf(d->list.file, ",%s,%.9g\n", target ? "target" : unknown_label, score);
}

static void score_images(detector *d, char *list_name)
{
    labeled_images set = read_set(d, list_name);
    d->targets = allocate((size_t)set.count, sizeof *d->targets);
    d->unknowns = allocate((size_t)set.count, sizeof *d->unknowns);
    begin_list(d);
    int whole = predict_images(d->net, set.paths, set.count, VIEW_CENTER, score_image, d);
    int error = d->options->list ? end_replacement(&d->list, whole) : 0;
    if (error) refuse_list(d, error);
    if (!d->target_count || !d->unknown_count)
        refuse("must have images of the target (nothing behind the TAB) and others (a label, or "
               "unknown)",
               list_name);
}

static void print_result(const detector *d)
{
    double area = area_under_curve(d->targets, d->target_count, d->unknowns, d->unknown_count);
    auc_interval interval = area_interval(area, d->target_count, d->unknown_count);
    operating_point point = point_for_false_alarms(d->targets, d->target_count, d->unknowns,
                                                   d->unknown_count, d->options->false_alarms);
    printf("%d templates of %d features; %d images of the target, %d others\n", d->template_count,
           d->size, d->target_count, d->unknown_count);
    printf("AUC %.4f (95 %% interval %.4f to %.4f)\n", area, interval.low, interval.high);
    printf("threshold %.9g: %.2f %% of the others are at or above it (false alarms; at most %g %% "
           "were asked for), and %.2f %% of the target\n",
           point.threshold, 100 * point.false_alarms, 100 * d->options->false_alarms,
           100 * point.found);
}

void measure_one_class(const one_class_options *options)
{
    detector d = {0};
    start(&d, options);
    const data_file data = read_data_file((char *)options->data);
    make_templates(&d, data_train_path(&data));
    score_images(&d, data_path(&data, "test", "data/test.list"));
    print_result(&d);
    free(d.templates);
    free(d.targets);
    free(d.unknowns);
    if (!d.unread) return;
    fprintf(stderr, "%d images were left out\n", d.unread);
    exit(1);
}
