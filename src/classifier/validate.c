/* Validation of a classifier, in Darknet's five ways. */
#include "validate.h"

#include "allocate.h"
#include "blas.h"
#include "class_tree.h"
#include "data_checks.h"
#include "image.h"
#include "image_files.h"
#include "label_lists.h"
#include "loading.h"
#include "rankings.h"
#include "utils.h"

#include <time.h>

typedef struct {
    network *net;
    labeled_images set;
    int classes, topk;
    int *best;
    ranking *ranking; /* of a list with several labels an image; else NULL */
    float *truth;     /* a number a class */
    int seen, unread; /* images */
    float right1, right;
} validation;

static validation start(char *datacfg, char *cfgfile, char *weightfile)
{
    validation v = {.net = load_network(cfgfile, weightfile, 0)};
    list *options = read_data_cfg(datacfg);
    char *label_list = option_find_str(options, "labels", "data/labels.list");
    choose_leaves(v.net, option_find_str(options, "leaves", 0), datacfg);
    char *valid_list = option_find_str(options, "valid", "data/train.list");
    v.classes = data_number(options, "classes", 2, datacfg);
    v.topk = data_number(options, "top", 1, datacfg);
    check_image_network(v.net, cfgfile);
    check_classes(v.net, v.classes, 0, datacfg, cfgfile);
    check_top(v.topk, v.classes, datacfg);
    char **labels = get_class_labels(label_list, v.classes);
    v.set = v.net->hierarchy ? read_image_list(valid_list, 1, labels, v.classes)
                             : read_labeled_images(valid_list, labels, v.classes, label_list);
    v.best = allocate((size_t)v.topk, sizeof *v.best);
    v.truth = allocate((size_t)v.classes, sizeof *v.truth);
    if (v.set.several) v.ranking = begin_ranking(v.set.count, v.classes, v.topk);
    return v;
}

/* Image i as large as it is, or w x h; without data where it cannot be read. */
static image load_valid_image(validation *v, int i, int w, int h)
{
    const char *why;
    image im = try_load_image(v->set.paths[i], w, h, v->net->c, &why);
    ++v->seen;
    if (im.data) return im;
    ++v->unread;
    fprintf(stderr, "Left out image number %d, %s: %s\n", v->unread, v->set.paths[i], why);
    return im;
}

static void count_right(validation *v, float *scores, int i)
{
    int class = class_of_image(&v->set, i);
    if (v->ranking) {
        fill_listed_truth(v->set.paths[i], v->classes, v->truth);
        add_to_ranking(v->ranking, scores, v->truth);
        return;
    }
    top_k(scores, v->classes, v->topk, v->best);
    v->right1 += v->best[0] == class;
    for (int j = 0; j < v->topk; ++j) v->right += v->best[j] == class;
}

static void print_so_far(const validation *v, int number)
{
    float read = (float)(v->seen - v->unread);
    if (v->ranking) {
        ranking_figures figures = ranking_so_far(v->ranking);
        printf("%d: precision at 1: %f, recall at %d: %f", number, figures.precision1, v->topk,
               figures.recallk);
        return;
    }
    printf("%d: top 1: %f, top %d: %f", number, v->right1 / read, v->topk, v->right / read);
}

static void print_ranking(ranking_figures figures, int k)
{
    printf("precision at 1: %f, precision at %d: %f, recall at %d: %f\n"
           "mean average precision: %f, label ranking average precision: %f, ranking loss: %f\n",
           figures.precision1, k, figures.precisionk, k, figures.recallk,
           figures.mean_average_precision, figures.label_ranking_precision, figures.ranking_loss);
}

static void end(validation *v)
{
    if (v->ranking) print_ranking(end_ranking(v->ranking), v->topk);
    free(v->best);
    free(v->truth);
    if (!v->unread) return;
    fprintf(stderr, "%d of %d images could not be read: the figures are those of the other %d\n",
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

static void view_center(network *net, image im, int classes, float *scores)
{
    image crop = center_view(im, net->w, net->h);
    add_prediction(net, crop, classes, scores);
    free_image(crop);
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
static void validate(validation *v, view look, int w, int h, int side, int print_scores)
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
        count_right(v, scores, i);
        if (print_scores)
            printf("%s, %d, %f, %f, \n", v->set.paths[i], class_of_image(&v->set, i), scores[0],
                   v->classes > 1 ? scores[1] : 0);
        print_so_far(v, i);
        printf("\n");
    }
    free(scores);
    end(v);
}

void validate_classifier_single(char *datacfg, char *cfgfile, char *weightfile)
{
    validation v = start(datacfg, cfgfile, weightfile);
    validate(&v, view_center, 0, 0, 0, 1);
}

void validate_classifier_10(char *datacfg, char *cfgfile, char *weightfile)
{
    validation v = start(datacfg, cfgfile, weightfile);
    validate(&v, view_ten_crops, v.net->w + TEN_CROPS_SHIFT, v.net->h + TEN_CROPS_SHIFT, 0, 0);
}

void validate_classifier_full(char *datacfg, char *cfgfile, char *weightfile)
{
    validation v = start(datacfg, cfgfile, weightfile);
    validate(&v, view_whole, 0, 0, v.net->w, 0);
}

void validate_classifier_multi(char *datacfg, char *cfgfile, char *weightfile)
{
    validation v = start(datacfg, cfgfile, weightfile);
    validate(&v, view_four_sizes, 0, 0, 0, 0);
}

/* A line after each thousand images. */
void validate_classifier_crop(char *datacfg, char *cfgfile, char *weightfile)
{
    enum { SPLIT = 1000 };
    validation v = start(datacfg, cfgfile, weightfile);
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
            for (int b = 0; b < n; ++b) count_right(&v, scores + b * net->outputs, numbers[b]);
        }
        print_so_far(&v, split);
        printf(", %lf seconds, %d images\n", sec(clock() - time), i - first);
    }
    free(numbers);
    free(input);
    end(&v);
}
