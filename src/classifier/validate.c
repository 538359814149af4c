/* Validation of a classifier: valid, valid10, validfull, validmulti and validcrop. */
#include "validate.h"

#include "allocate.h"
#include "blas.h"
#include "class_tree.h"
#include "data_checks.h"
#include "data_file.h"
#include "image.h"
#include "image_files.h"
#include "label_lists.h"
#include "loading.h"
#include "measured_sets.h"
#include "predictions.h"
#include "rankings.h"
#include "report_file.h"
#include "utils.h"

#include <string.h>
#include <time.h>

typedef struct {
    const validate_options *options;
    network *net;
    labeled_images set;
    char **names;
    int classes, topk;
    int seen, unread; /* images */
    ranking *ranking; /* of a list with several labels an image; else NULL */
    float *truth;     /* a number a class */
    class_report *report;
    int has_percentages; /* not those of several views of an image, which are sums */
    reliability percentages;
    measured_sets *sets; /* NULL: none */
} validation;

static void refuse_several_labels(const validate_options *o, const char *valid_list)
{
    if (!o->report && !o->sets) return;
    fprintf(stderr, "%s: %s is not for a list with several labels an image\n", valid_list,
            o->report ? "-report" : "-sets");
    exit(1);
}

static validation start(const validate_options *o)
{
    if (o->report) refuse_other_report("-report", o->report);
    validation v = {.options = o, .net = load_network(o->cfg, o->weights, 0)};
    const data_file data = read_data_file(o->data);
    char *label_list = data_labels_path(&data), *valid_list = data_valid_path(&data);
    choose_leaves(v.net, data_text(&data, "leaves", NULL), o->data);
    v.classes = data_number(&data, "classes", 2);
    v.topk = data_number(&data, "top", 1);
    check_image_network(v.net, o->cfg);
    check_classes(v.net, v.classes, 0, o->data, o->cfg);
    check_top(v.topk, v.classes, o->data);
    char **labels = data_labels(&data, v.classes);
    v.names = data_names(&data, v.classes);
    v.set = v.net->hierarchy ? read_image_list(valid_list, 1, labels, v.classes)
                             : read_labeled_images(valid_list, labels, v.classes, label_list);
    v.truth = allocate((size_t)v.classes, sizeof *v.truth);
    if (v.set.several) {
        refuse_several_labels(o, valid_list);
        v.ranking = begin_ranking(v.set.count, v.classes, v.topk);
    }
    v.report = begin_class_report(v.classes, v.topk);
    if (o->sets) {
        sets_origin origin = origin_of_network(v.net, o->cfg, o->weights, labels, v.classes);
        v.sets = begin_measured_sets(o->sets, &origin, v.set.paths, v.set.count);
    }
    return v;
}

static void name_unread(validation *v, const char *path, const char *why)
{
    ++v->unread;
    fprintf(stderr, "Left out image number %d, %s: %s\n", v->unread, path, why);
}

/* Image i as large as it is, or w x h; without data where it cannot be read. */
static image load_valid_image(validation *v, int i, int w, int h)
{
    const char *why;
    image im = try_load_image(v->set.paths[i], w, h, v->net->c, &why);
    ++v->seen;
    if (im.data) return im;
    name_unread(v, v->set.paths[i], why);
    return im;
}

/* Scores of image i. */
static void count_image(validation *v, float *scores, int i)
{
    if (v->ranking) {
        fill_listed_truth(v->set.paths[i], v->classes, v->truth);
        add_to_ranking(v->ranking, scores, v->truth);
    } else {
        add_to_class_report(v->report, class_of_image(&v->set, i), scores);
    }
}

/* The same of scores that predict_images has not looked at. */
static void count_view(validation *v, float *scores, int i)
{
    const char *fault = find_output_fault(scores, v->classes);
    if (fault)
        name_unread(v, v->set.paths[i], fault);
    else
        count_image(v, scores, i);
}

static void print_so_far(const validation *v, int number)
{
    if (v->ranking) {
        ranking_figures figures = ranking_so_far(v->ranking);
        printf("%d: precision at 1: %f, recall at %d: %f", number, figures.precision1, v->topk,
               figures.recallk);
        return;
    }
    report_counts all = count_all(v->report);
    float read = (float)all.images;
    printf("%d: top 1: %f, top %d: %f", number, (float)all.right / read, v->topk,
           (float)all.within / read);
}

static void print_ranking(int images, ranking_figures figures, int k)
{
    printf("%d images: precision@1 %.2f %%, ", images, 100 * figures.precision1);
    if (k > 1) printf("precision@%d %.2f %%, ", k, 100 * figures.precisionk);
    printf("recall@%d %.2f %%, mean average precision %.2f %%, label ranking average precision "
           "%.2f %%, ranking loss %.2f %%\n",
           k, 100 * figures.recallk, 100 * figures.mean_average_precision,
           100 * figures.label_ranking_precision, 100 * figures.ranking_loss);
}

static void print_summary(const validation *v)
{
    enum { WORST = 5 };
    int worst[WORST], count = worst_classes(v->report, WORST, worst);
    report_counts all = count_all(v->report);
    double images = (double)all.images;
    printf("%ld images: top-1 %.2f %%", all.images, 100 * (double)all.right / images);
    if (v->topk > 1) printf(", top-%d %.2f %%", v->topk, 100 * (double)all.within / images);
    for (int i = 0; i < count; ++i)
        printf("%s%s %.2f %%", i ? ", " : "; worst classes by top-1: ", v->names[worst[i]],
               100 * figures_of_class(v->report, worst[i]).top1);
    printf("\n");
}

static void write_report(const validation *v)
{
    const char *filename = v->options->report;
    const report_content content = {
        .report = v->report,
        .classes = v->classes,
        .k = v->topk,
        .names = v->names,
        .unread = v->unread,
        .calibration_error = v->has_percentages ? calibration_error(&v->percentages) : -1,
        .sets = v->sets ? &v->sets->file.sets : NULL,
        .coverage = v->sets ? &v->sets->coverage : NULL};
    int error = write_report_file(filename, &content);
    if (!error) return;
    fprintf(stderr, "-report %s: cannot be written: %s\n", filename, strerror(error));
    exit(1);
}

static void end(validation *v)
{
    if (v->unread == v->set.count) {
        fprintf(stderr, "none of the %d images can be read\n", v->set.count);
        exit(1);
    }
    finish_class_report(v->report);
    if (v->sets) print_measured_sets(v->sets, v->names);
    if (v->ranking)
        print_ranking(v->seen - v->unread, end_ranking(v->ranking), v->topk);
    else
        print_summary(v);
    if (v->options->report) write_report(v);
    free(v->truth);
    free_class_report(v->report);
    if (!v->unread) return;
    fprintf(stderr, "%d of %d images were left out: the figures are those of the other %d\n",
            v->unread, v->set.count, v->set.count - v->unread);
    exit(1);
}

static float *predict(network *net, float *input)
{
    float *scores = network_predict(net, input);
    if (net->hierarchy) hierarchy_predictions(scores, net->outputs, net->hierarchy, 1, 1);
    return scores;
}

/* Adds what the network says of an image to scores; may resize the network. */
typedef void (*view)(network *net, image im, int classes, float *scores);

static void add_prediction(network *net, image im, int classes, float *scores)
{
    axpy_cpu(classes, 1, predict(net, im.data), 1, scores, 1);
}

enum { TEN_CROPS_SHIFT = 32 };

/* Four corners and the center, then the same mirrored. */
static void view_ten_crops(network *net, image im, int classes, float *scores)
{
    static const int places[5][2] = {{-1, -1}, {1, -1}, {0, 0}, {-1, 1}, {1, 1}};
    for (int i = 0; i < 10; ++i) {
        if (i == 5) flip_image(im);
        image crop = crop_image(im, places[i % 5][0] * TEN_CROPS_SHIFT,
                                places[i % 5][1] * TEN_CROPS_SHIFT, net->w, net->h);
        add_prediction(net, crop, classes, scores);
        free_image(crop);
    }
}

static void view_whole(network *net, image im, int classes, float *scores)
{
    resize_network(net, im.w, im.h);
    add_prediction(net, im, classes, scores);
}

static void view_four_sizes(network *net, image im, int classes, float *scores)
{
    static const int sizes[] = {224, 256, 288, 320};
    for (int i = 0; i < 4; ++i) {
        image resized = resize_max(im, sizes[i]);
        if (resized.w < 1 || resized.h < 1) continue; /* a line, not a picture */
        view_whole(net, resized, classes, scores);
        flip_image(resized);
        add_prediction(net, resized, classes, scores);
        if (resized.data != im.data) free_image(resized);
    }
}

/* Image by image, loaded as w x h where these are not 0, then with its smaller side scaled to
   `side` where that is not 0. */
static void validate(validation *v, view look, int w, int h, int side)
{
    set_batch_network(v->net, 1);
    float *scores = allocate((size_t)v->classes, sizeof *scores);
    for (int i = 0; i < v->set.count; ++i) {
        image im = load_valid_image(v, i, w, h);
        if (!im.data) continue;
        image resized = side ? resize_min(im, side) : im;
        for (int j = 0; j < v->classes; ++j) scores[j] = 0;
        look(v->net, resized, v->classes, scores);
        if (resized.data != im.data) free_image(resized);
        free_image(im);
        count_view(v, scores, i);
        if (!v->options->verbose) continue;
        print_so_far(v, i);
        printf("\n");
    }
    free(scores);
    end(v);
}

static void add_prediction_of_image(void *argument, const prediction *p)
{
    validation *v = argument;
    ++v->seen;
    if (p->fault) {
        name_unread(v, p->path, p->fault);
        return;
    }
    int class = class_of_image(&v->set, p->number), best = max_index(p->scores, v->classes);
    count_image(v, p->scores, p->number);
    add_to_reliability(&v->percentages, (double)p->scores[best], best == class);
    v->has_percentages = 1;
    if (v->sets) measure_set(v->sets, p->number, class, p->scores);
    if (!v->options->verbose) return;
    printf("%s, %d, %f, %f, \n", p->path, class, p->scores[0], v->classes > 1 ? p->scores[1] : 0);
    print_so_far(v, p->number);
    printf("\n");
}

void validate_classifier_single(const validate_options *options)
{
    validation v = start(options);
    predict_images(v.net, v.set.paths, v.set.count, VIEW_CENTER, add_prediction_of_image, &v);
    end(&v);
}

void validate_classifier_10(const validate_options *options)
{
    validation v = start(options);
    validate(&v, view_ten_crops, v.net->w + TEN_CROPS_SHIFT, v.net->h + TEN_CROPS_SHIFT, 0);
}

void validate_classifier_full(const validate_options *options)
{
    validation v = start(options);
    validate(&v, view_whole, 0, 0, v.net->w);
}

void validate_classifier_multi(const validate_options *options)
{
    validation v = start(options);
    validate(&v, view_four_sizes, 0, 0, 0);
}

/* With -verbose a line after each thousand images. */
void validate_classifier_crop(const validate_options *options)
{
    enum { SPLIT = 1000 };
    validation v = start(options);
    network *net = v.net;
    int images = v.set.count, splits = images < SPLIT ? 1 : images / SPLIT;
    size_t inputs = (size_t)net->inputs;
    float *input = allocate((size_t)net->batch * inputs, sizeof *input);
    int *numbers = allocate((size_t)net->batch, sizeof *numbers); /* of the images */
    for (int split = 1, i = 0; split <= splits; ++split) {
        clock_t time = clock();
        int until = (int)((long long)split * images / splits), first = i;
        while (i < until) {
            int n = 0;
            while (n < net->batch && i < until) {
                image im = load_valid_image(&v, i++, net->w, net->h);
                if (!im.data) continue;
                memcpy(input + (size_t)n * inputs, im.data, inputs * sizeof *input);
                free_image(im);
                numbers[n++] = i - 1;
            }
            float *scores = n ? network_predict(net, input) : NULL;
            for (int b = 0; b < n; ++b) count_view(&v, scores + b * net->outputs, numbers[b]);
        }
        if (!options->verbose) continue;
        print_so_far(&v, split);
        printf(", %lf seconds, %d images\n", sec(clock() - time), i - first);
    }
    free(numbers);
    free(input);
    end(&v);
}
