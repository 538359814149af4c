/* `darknet classifier COMMAND`: which function does what. */
#include "arguments.h"
#include "calibrate.h"
#include "data_checks.h"
#include "image_outputs.h"
#include "oneclass.h"
#include "predict.h"
#include "validate.h"
#include "versus.h"
#include "weights_file.h"

#include <string.h>

static void run_train(const arguments *a)
{
    train_classifier(&a->train);
}

static void run_predict(const arguments *a)
{
    const predict_options options = {.data = a->train.data,
                                     .cfg = a->train.cfg,
                                     .weights = a->train.weights,
                                     .image = a->image,
                                     .list = a->list,
                                     .sets = a->sets,
                                     .top = a->top,
                                     .format = a->json  ? PREDICT_JSON
                                               : a->csv ? PREDICT_CSV
                                                        : PREDICT_TEXT,
                                     .letterbox = a->letterbox};
    predict_classifier(&options);
}

static void run_try(const arguments *a)
{
    try_classifier(a->train.data, a->train.cfg, a->train.weights, a->image,
                   (int)whole_number("classifier try: layer", a->layer, 0, 1000000));
}

static void run_fout(const arguments *a)
{
    file_output_classifier(a->train.data, a->train.cfg, a->train.weights, a->image);
}

static void run_versus(const arguments *a)
{
    const versus_options options = {.data = a->train.data,
                                    .cfg = {a->train.cfg, a->image},
                                    .weights = {a->train.weights, a->layer},
                                    .list = a->list,
                                    .json = a->json};
    compare_classifiers(&options);
}

static void run_calibrate(const arguments *a)
{
    const calibrate_options options = {.data = a->train.data,
                                       .cfg = a->train.cfg,
                                       .weights = a->train.weights,
                                       .cover = a->cover,
                                       .score = a->score,
                                       .each_class = a->each_class};
    calibrate_classifier(&options);
}

static void run_oneclass(const arguments *a)
{
    const one_class_options options = {.data = a->train.data,
                                       .cfg = a->train.cfg,
                                       .weights = a->train.weights,
                                       .list = a->list,
                                       .false_alarms = a->false_alarms};
    measure_one_class(&options);
}

/* Those that need a camera or a video are upstream's. */
#ifdef OPENCV
void demo_classifier(char *datacfg, char *cfg, char *weights, int camera, const char *video);
void gun_classifier(char *datacfg, char *cfg, char *weights, int camera, const char *video);
void threat_classifier(char *datacfg, char *cfg, char *weights, int camera, const char *video);
#define VIDEO_COMMAND(name)                                                                    \
    static void run_##name(const arguments *a)                                                 \
    {                                                                                          \
        name##_classifier(a->train.data, a->train.cfg, a->train.weights, a->camera, a->image); \
    }
#else
#define VIDEO_COMMAND(name)                                                                \
    static void run_##name(const arguments *a)                                             \
    {                                                                                      \
        fprintf(stderr, "classifier %s: needs OpenCV: build with OPENCV=1\n", a->command); \
        exit(1);                                                                           \
    }
#endif
VIDEO_COMMAND(demo)
VIDEO_COMMAND(gun)
VIDEO_COMMAND(threat)

/* Commands that take data, network and weights alone. */
#define LIST_COMMAND(name, function)                             \
    static void run_##name(const arguments *a)                   \
    {                                                            \
        function(a->train.data, a->train.cfg, a->train.weights); \
    }
LIST_COMMAND(test, test_classifier)
LIST_COMMAND(csv, csv_classifier)
LIST_COMMAND(label, label_classifier)

#define VALID_COMMAND(name, function)                                  \
    static void run_##name(const arguments *a)                         \
    {                                                                  \
        const validate_options options = {.data = a->train.data,       \
                                          .cfg = a->train.cfg,         \
                                          .weights = a->train.weights, \
                                          .report = a->report,         \
                                          .sets = a->sets,             \
                                          .verbose = a->verbose};      \
        function(&options);                                            \
    }
VALID_COMMAND(valid, validate_classifier_single)
VALID_COMMAND(validmulti, validate_classifier_multi)
VALID_COMMAND(valid10, validate_classifier_10)
VALID_COMMAND(validcrop, validate_classifier_crop)
VALID_COMMAND(validfull, validate_classifier_full)

static const struct {
    const char *name;
    void (*run)(const arguments *a);
} commands[] = {
    {"train", run_train},
    {"valid", run_valid},
    {"calibrate", run_calibrate},
    {"predict", run_predict},
    {"test", run_test},
    {"csv", run_csv},
    {"label", run_label},
    {"valid10", run_valid10},
    {"validcrop", run_validcrop},
    {"validfull", run_validfull},
    {"validmulti", run_validmulti},
    {"try", run_try},
    {"fout", run_fout},
    {"versus", run_versus},
    {"oneclass", run_oneclass},
    {"demo", run_demo},
    {"gun", run_gun},
    {"threat", run_threat},
};

void run_classifier(int argc, char **argv)
{
    size_t count = sizeof commands / sizeof *commands;
    arguments a = read_arguments(argc, argv);
    for (size_t i = 0; i < count; ++i) {
        if (strcmp(a.command, commands[i].name) != 0) continue;
        if (commands[i].run != run_train) refuse_partial_weights();
        commands[i].run(&a);
        return;
    }
}
