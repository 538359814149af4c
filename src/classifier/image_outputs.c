/* Prints the output of a layer, or of the network, for given images. */
#include "image_outputs.h"

#include "allocate.h"
#include "data_checks.h"
#include "data_file.h"
#include "image.h"
#include "image_files.h"
#include "label_lists.h"
#include "network.h"
#include "predict.h"
#include "utils.h"

#include <string.h>
#include <time.h>

static network *load_for_images(char *cfgfile, char *weightfile)
{
    network *net = load_network(cfgfile, weightfile, 0);
    check_image_network(net, cfgfile);
    set_batch_network(net, 1);
    return net;
}

static float *predict(network *net, float *input, int only_leaves)
{
    float *scores = network_predict(net, input);
    if (net->hierarchy) hierarchy_predictions(scores, net->outputs, net->hierarchy, only_leaves, 1);
    return scores;
}

/* Mean and variance of ImageNet's colors, with which the networks that this is for were trained. */
static void normalize(image im)
{
    float mean[] = {0.48263312050943f, 0.45230225481413f, 0.40099074308742f};
    float deviation[] = {0.22590347483426f, 0.22120921437787f, 0.22103996251583f};
    float variance[3];
    for (int i = 0; i < 3; ++i) variance[i] = deviation[i] * deviation[i];
    normalize_cpu(im.data, mean, variance, 1, 3, im.w * im.h);
}

static void try_image(network *net, char **names, char *path, int layer_number, int top, int *best)
{
    image im = load_image(path, 0, 0, net->c);
    image resized = resize_min(im, net->w * 256 / 224);
    image crop = crop_image(resized, (resized.w - net->w - 1) / 2 + 1,
                            (resized.h - net->h - 1) / 2 + 1, net->w, net->h);
    if (crop.c == 3) normalize(crop);
    clock_t time = clock();
    float *scores = network_predict(net, crop.data);
    layer l = net->layers[layer_number];
    for (int i = 0; i < l.c && l.rolling_mean; ++i)
        printf("%f %f %f\n", l.rolling_mean[i], l.rolling_variance[i], l.scales[i]);
#ifdef GPU
    if (gpu_index >= 0) cuda_pull_array(l.output_gpu, l.output, (size_t)l.outputs);
#endif
    for (int i = 0; i < l.outputs; ++i) printf("%f\n", l.output[i]);
    top_k(scores, net->outputs, top, best);
    printf("%s: Predicted in %f seconds.\n", path, sec(clock() - time));
    for (int i = 0; i < top; ++i) printf("%s: %f\n", names[best[i]], scores[best[i]]);
    free_image(crop);
    if (resized.data != im.data) free_image(resized);
    free_image(im);
}

void try_classifier(char *datacfg, char *cfgfile, char *weightfile, char *filename, int layer)
{
    network *net = load_for_images(cfgfile, weightfile);
    const data_file data = read_data_file(datacfg);
    char **names = data_names(&data, net->outputs);
    int top = data_number(&data, "top", 1);
    check_top(top, net->outputs, datacfg);
    if (layer < 0 || layer >= net->n) {
        fprintf(stderr, "classifier try: layer %d: must be from 0 to %d\n", layer, net->n - 1);
        exit(1);
    }
    int *best = allocate((size_t)top, sizeof *best);
    if (filename) try_image(net, names, filename, layer, top, best);
    for (char *path; !filename && (path = ask_for_path()); free(path))
        try_image(net, names, path, layer, top, best);
    free(best);
}

/* The image's center in the network's shape, as wide or as high as the network. */
static image scaled_center(image im, int w, int h)
{
    double by_w = (double)w / im.w, by_h = (double)h / im.h;
    int scaled_w = by_w > by_h ? w : (int)(im.w * by_h),
        scaled_h = by_w > by_h ? (int)(im.h * by_w) : h;
    image scaled = resize_image(im, scaled_w, scaled_h);
    image crop = crop_image(scaled, (scaled_w - w) / 2, (scaled_h - h) / 2, w, h);
    free_image(scaled);
    return crop;
}

static void print_scores(const char *path, const float *scores, int count)
{
    printf("%s", path);
    for (int i = 0; i < count; ++i) printf("\t%g", scores[i]);
    printf("\n");
}

/* Labels behind a TAB are of no use here. */
static labeled_images test_images(const data_file *data)
{
    return read_image_list(data_path(data, "test", "data/test.list"), 1, NULL, 0);
}

void label_classifier(char *datacfg, char *cfgfile, char *weightfile)
{
    network *net = load_for_images(cfgfile, weightfile);
    const data_file data = read_data_file(datacfg);
    int classes = data_number(&data, "classes", 2);
    check_classes(net, classes, 0, datacfg, cfgfile);
    char **labels = data_names(&data, classes);
    labeled_images images = test_images(&data);
    for (int i = 0; i < images.count; ++i) {
        image im = load_image(images.paths[i], 0, 0, net->c);
        image crop = scaled_center(im, net->w, net->h);
        float *scores = network_predict(net, crop.data);
        printf("%s\n", labels[max_index(scores, classes)]);
        free_image(crop);
        free_image(im);
    }
}

void csv_classifier(char *datacfg, char *cfgfile, char *weightfile)
{
    network *net = load_for_images(cfgfile, weightfile);
    const data_file data = read_data_file(datacfg);
    labeled_images images = test_images(&data);
    int top = data_number(&data, "top", 1);
    check_top(top, net->outputs, datacfg);
    int *best = allocate((size_t)top, sizeof *best);
    const view_choice boxed = {.kind = VIEW_LETTERBOX, .w = net->w, .h = net->h};
    float *input = allocate((size_t)net->inputs, sizeof *input);
    for (int i = 0; i < images.count; ++i) {
        double time = what_time_is_it_now();
        load_view_or_name(images.paths[i], net->c, &boxed, input);
        top_k(predict(net, input, 1), net->outputs, top, best);
        printf("%s", images.paths[i]);
        for (int j = 0; j < top; ++j) printf("\t%d", best[j]);
        printf("\n");
        fprintf(stderr, "%lf seconds, %d images, %d total\n", what_time_is_it_now() - time, i + 1,
                images.count);
    }
    free(input);
    free(best);
}

void test_classifier(char *datacfg, char *cfgfile, char *weightfile)
{
    network *net = load_network(cfgfile, weightfile, 0);
    check_image_network(net, cfgfile);
    const data_file data = read_data_file(datacfg);
    labeled_images images = test_images(&data);
    char **paths = images.paths;
    const view_choice all = {.kind = VIEW_STRETCHED, .w = net->w, .h = net->h};
    size_t inputs = (size_t)net->inputs;
    float *input = allocate((size_t)net->batch * inputs, sizeof *input);
    for (int i = 0, n; i < images.count; i += n) {
        clock_t time = clock();
        n = images.count - i < net->batch ? images.count - i : net->batch;
        for (int b = 0; b < n; ++b)
            load_view_or_name(paths[i + b], net->c, &all, input + (size_t)b * inputs);
        float *scores = network_predict(net, input);
        for (int b = 0; b < n; ++b)
            print_scores(paths[i + b], scores + b * net->outputs, net->outputs);
        fprintf(stderr, "%lf seconds, %d images, %d total\n", sec(clock() - time), n, i + n);
    }
    free(input);
}

void file_output_classifier(char *datacfg, char *cfgfile, char *weightfile, char *filename)
{
    network *net = load_for_images(cfgfile, weightfile);
    const data_file data = read_data_file(datacfg);
    int classes = data_number(&data, "classes", 2);
    check_classes(net, classes, 0, datacfg, cfgfile);
    labeled_images images = read_image_list(filename, 1, NULL, 0);
    for (int i = 0; i < images.count; ++i) {
        image im = load_image(images.paths[i], 0, 0, net->c);
        image crop = scaled_center(im, net->w, net->h);
        print_scores(images.paths[i], predict(net, crop.data, 0), classes);
        free_image(crop);
        free_image(im);
    }
}
