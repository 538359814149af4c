/* Calibrates prediction sets and a temperature on images that the network has not trained on. */
#include "calibrate.h"

#include "allocate.h"
#include "data_checks.h"
#include "data_file.h"
#include "digest.h"
#include "label_lists.h"
#include "list_half.h"
#include "network_sets.h"
#include "predictions.h"
#include "reliability.h"
#include "utils.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct {
    const calibrate_options *options;
    network *net;
    const char *list_name; /* of the images */
    labeled_images set;
    int is_half; /* of that list */
    sets_file file;
    calibration_score *scores; /* count */
    int scored, unread;
    char *filename; /* of the sets */
    temperature_fit fit;
    double *class_scores; /* classes */
    int *order;           /* classes */
} calibration;

/* Which file a path leads to, however it is written; of none that is there both are 0. */
typedef struct {
    dev_t device;
    ino_t number;
} file_identity;

static file_identity identify_file(const char *path)
{
    struct stat s;
    if (stat(path, &s)) return (file_identity){0};
    return (file_identity){s.st_dev, s.st_ino};
}

static int by_identity(const void *left, const void *right)
{
    const file_identity *a = left, *b = right;
    if (a->device != b->device) return a->device < b->device ? -1 : 1;
    return (a->number > b->number) - (a->number < b->number);
}

/* A network is surer of images it has trained on, so sets calibrated on them would be too small. */
static void refuse_training_images(const calibration *c, const data_file *data)
{
    char *train = data_text(data, "train", NULL);
    if (!train || access(train, R_OK)) return;
    labeled_images trained = read_image_list(train, 0, NULL, 0);
    size_t count = (size_t)trained.count;
    file_identity *files = allocate(count, sizeof *files);
    int common = 0;
    for (size_t i = 0; i < count; ++i) {
        files[i] = identify_file(trained.paths[i]);
        free(trained.paths[i]);
    }
    free(trained.paths);
    qsort(files, count, sizeof *files, by_identity);
    for (int i = 0; i < c->set.count; ++i) {
        file_identity own = identify_file(c->set.paths[i]);
        common += own.number && bsearch(&own, files, count, sizeof *files, by_identity);
    }
    free(files);
    if (common) {
        fprintf(stderr,
                "%s: %d of the %d images are in train=%s too; sets hold what they promise only "
                "where they are calibrated on images that the network has not trained on\n",
                c->list_name, common, c->set.count, train);
        exit(1);
    }
}

static void choose_images(calibration *c, const data_file *data, char **labels, int classes)
{
    char *own = data_text(data, "calibrate", NULL);
    c->list_name = own ? own : data_valid_path(data);
    c->set = read_labeled_images((char *)c->list_name, labels, classes, data_labels_path(data));
    if (c->set.several) {
        fprintf(stderr, "%s: prediction sets are not for a list with several labels an image\n",
                c->list_name);
        exit(1);
    }
    if (!own) {
        int kept = 0;
        c->is_half = 1;
        c->file.half = digest_texts(c->set.paths, c->set.count);
        char *is_drawn = draw_half(c->set.count);
        for (int i = 0; i < c->set.count; ++i)
            if (is_drawn[i]) c->set.paths[kept++] = c->set.paths[i];
        c->set.count = kept;
        free(is_drawn);
    }
    refuse_training_images(c, data);
}

static void check_enough(const calibration *c, int images)
{
    double cover = c->options->cover;
    long needed = images_for_cover(cover);
    if (images >= needed) return;
    fprintf(stderr, "classifier calibrate: %s%s has %d images; -cover %g needs at least %ld\n",
            c->is_half ? "half of " : "", c->list_name, images, cover, needed);
    exit(1);
}

/* The weights' name with .sets in place of its ending. */
static char *name_of_sets(const char *weights)
{
    const char *name = strrchr(weights, '/'), *ending = strrchr(weights, '.');
    int length = ending && ending > (name ? name + 1 : weights) ? (int)(ending - weights)
                                                                : (int)strlen(weights);
    return print_text("%.*s.sets", length, weights);
}

static void start(calibration *c, const calibrate_options *o)
{
    const data_file data = read_data_file(o->data);
    c->options = o;
    c->filename = name_of_sets(o->weights);
    refuse_other_sets("classifier calibrate:", c->filename);
    c->net = load_network(o->cfg, o->weights, 0);
    int classes = data_number(&data, "classes", 2);
    check_image_network(c->net, o->cfg);
    check_classes(c->net, classes, 1, o->data, o->cfg);
    char **labels = data_labels(&data, classes);
    c->file.origin = origin_of_network(c->net, o->cfg, o->weights, labels, classes);
    choose_images(c, &data, labels, classes);
    check_enough(c, c->set.count);
    prediction_sets *sets = &c->file.sets;
    sets->score = o->score;
    sets->cover = o->cover;
    sets->classes = classes;
    if (o->each_class)
        sets->class_thresholds = allocate((size_t)classes, sizeof *sets->class_thresholds);
    c->scores = allocate((size_t)c->set.count, sizeof *c->scores);
    c->class_scores = allocate((size_t)classes, sizeof *c->class_scores);
    c->order = allocate((size_t)classes, sizeof *c->order);
}

static void add_image(void *argument, const prediction *p)
{
    calibration *c = argument;
    if (p->fault) {
        ++c->unread;
        fprintf(stderr, "Left out: %s: %s\n", p->path, p->fault);
        return;
    }
    int class = class_of_image(&c->set, p->number);
    if (class < 0) return; /* of a single class, an image without it */
    if (!score_classes(c->options->score, c->set.classes, p->scores, c->class_scores, c->order)) {
        fprintf(stderr, "%s: the network's output has no score %s: it holds %s\n", p->path,
                name_of_set_score(c->options->score),
                c->options->score == SET_SCORE_LAC || c->options->score == SET_SCORE_RANK
                    ? "a NaN or an infinity"
                    : "a number that is no probability");
        exit(1);
    }
    c->scores[c->scored++] = (calibration_score){class, c->class_scores[class]};
    if (c->file.origin.output == OUTPUT_SOFTMAX)
        add_to_temperature_fit(&c->fit, c->set.classes, p->scores, class, c->class_scores);
}

static void print_result(const calibration *c, int own)
{
    const char *filename = c->filename;
    const prediction_sets *sets = &c->file.sets;
    const sets_origin *origin = &c->file.origin;
    printf("%s: %d images, %s%s: score %s, threshold %.6g for sets that hold the right class with "
           "probability %g %%\n",
           filename, sets->images, c->is_half ? "half of " : "", c->list_name,
           name_of_set_score(sets->score), sets->threshold, 100 * sets->cover);
    if (c->is_half) printf("classifier valid -sets %s measures them on the other half\n", filename);
    if (sets->class_thresholds)
        printf("%d of %d classes have the %ld images for a threshold of their own%s\n", own,
               sets->classes, images_for_cover(sets->cover),
               own < sets->classes ? "; the others have the common one" : "");
    if (c->file.fitted_temperature > 0)
        printf("temperature=%.4g fits the percentages best (now %.4g); predict -sets %s shows "
               "these\n",
               c->file.fitted_temperature, origin->temperature, filename);
}

void calibrate_classifier(const calibrate_options *options)
{
    calibration c = {0};
    start(&c, options);
    predict_images(c.net, c.set.paths, c.set.count, VIEW_CENTER, add_image, &c);
    check_enough(&c, c.scored);
    c.file.sets.images = c.scored;
    int own = calibrate_sets(&c.file.sets, c.scores);
    if (c.file.origin.output == OUTPUT_SOFTMAX)
        c.file.fitted_temperature = c.file.origin.temperature * fitted_temperature(&c.fit);
    int error = write_sets_file(c.filename, &c.file);
    if (error) {
        fprintf(stderr, "%s: cannot be written: %s\n", c.filename, strerror(error));
        exit(1);
    }
    print_result(&c, own);
    free(c.filename);
    free_network(c.net);
    if (!c.unread) return;
    fprintf(stderr, "%d of %d images were left out: the sets are those of the other %d\n", c.unread,
            c.set.count, c.scored);
    exit(1);
}
