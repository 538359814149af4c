/* The best classes of images, or their prediction sets, for people and for programs. */
#define _GNU_SOURCE /* getline */
#include "predict.h"

#include "allocate.h"
#include "data_checks.h"
#include "data_file.h"
#include "label_lists.h"
#include "line_stream.h"
#include "network_sets.h"
#include "predictions.h"
#include "quoted_text.h"
#include "reliability.h"
#include "usage.h"
#include "utils.h"

#include <string.h>

typedef struct {
    const predict_options *options;
    network *net;
    int classes, top;
    char **names;
    sets_file sets;
    int *guesses;         /* classes: the best ones, or those of the set */
    double *scores;       /* classes */
    float *probabilities; /* classes */
    double began;         /* to load and predict the present images */
    int unread;
} predicting;

char *ask_for_path(void)
{
    char *line = NULL;
    size_t size = 0;
    printf("Enter Image Path: ");
    fflush(stdout);
    if (getline(&line, &size, stdin) < 0) {
        free(line);
        return NULL;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static void start(predicting *p, const predict_options *o)
{
    const data_file data = read_data_file(o->data);
    p->options = o;
    p->net = load_network(o->cfg, o->weights, 0);
    check_image_network(p->net, o->cfg);
    p->classes = p->net->outputs;
    p->names = data_names(&data, p->classes);
    p->top = o->top ? o->top : data_number(&data, "top", 1);
    if (o->top > p->classes) {
        fprintf(stderr, "-t %d: must be from 1 to %d, the number of classes\n", o->top, p->classes);
        exit(1);
    }
    check_top(p->top, p->classes, o->data);
    p->guesses = allocate((size_t)p->classes, sizeof *p->guesses);
    p->scores = allocate((size_t)p->classes, sizeof *p->scores);
    p->probabilities = allocate((size_t)p->classes, sizeof *p->probabilities);
    if (!o->sets) return;
    char **labels = data_labels(&data, p->classes);
    const sets_origin origin = origin_of_network(p->net, o->cfg, o->weights, labels, p->classes);
    p->sets = load_sets(o->sets, &origin);
}

/* Fills guesses and probabilities; returns how many guesses there are. */
static int guess(predicting *p, const char *path, float *output)
{
    if (!p->options->sets) {
        top_k(output, p->classes, p->top, p->guesses);
        memcpy(p->probabilities, output, (size_t)p->classes * sizeof *output);
        return p->top;
    }
    int count = find_set(&p->sets.sets, output, p->scores, p->guesses);
    if (count < 0) {
        fprintf(stderr, "%s: the network's output has no score %s\n", path,
                name_of_set_score(p->sets.sets.score));
        exit(1);
    }
    if (p->sets.origin.output == OUTPUT_SOFTMAX)
        change_temperature(p->classes, output, temperature_factor(&p->sets), p->probabilities);
    else
        memcpy(p->probabilities, output, (size_t)p->classes * sizeof *output);
    return count;
}

static void print_text_of_image(const predicting *p, const char *path, int count)
{
    fprintf(stderr, "%s: Predicted in %f seconds.\n", path, what_time_is_it_now() - p->began);
    if (p->options->sets)
        printf("a set of %d class%s (%g %% of all sets hold the right one)%s\n", count,
               count == 1 ? "" : "es", 100 * p->sets.sets.cover, count ? ":" : "");
    for (int i = 0; i < count; ++i)
        printf("%5.2f%%: %s\n", (double)p->probabilities[p->guesses[i]] * 100,
               p->names[p->guesses[i]]);
}

static void print_csv_line(const predicting *p, const char *path, const char *fault, int count)
{
    print_csv_text(stdout, path);
    putchar(',');
    if (fault) print_csv_text(stdout, fault);
    for (int i = 0; i < count; ++i) {
        putchar(',');
        print_csv_text(stdout, p->names[p->guesses[i]]);
        printf(",%.9g", (double)p->probabilities[p->guesses[i]]);
    }
    putchar('\n');
}

static void print_json_line(const predicting *p, const char *path, const char *fault, int count)
{
    printf("{\"path\": ");
    print_json_text(stdout, path);
    if (fault) {
        printf(", \"error\": ");
        print_json_text(stdout, fault);
        printf("}\n");
        return;
    }
    printf(", \"%s\": [", p->options->sets ? "set" : "guesses");
    for (int i = 0; i < count; ++i) {
        printf("%s{\"class\": ", i ? ", " : "");
        print_json_text(stdout, p->names[p->guesses[i]]);
        printf(", \"probability\": %.9g}", (double)p->probabilities[p->guesses[i]]);
    }
    printf("]}\n");
}

static void print_image(void *argument, const prediction *image)
{
    predicting *p = argument;
    int count = 0;
    if (image->fault) {
        ++p->unread;
        fprintf(stderr, "No guesses for \"%s\": %s\n", image->path, image->fault);
    } else {
        count = guess(p, image->path, image->scores);
    }
    if (p->options->format == PREDICT_CSV) print_csv_line(p, image->path, image->fault, count);
    if (p->options->format == PREDICT_JSON) print_json_line(p, image->path, image->fault, count);
    if (p->options->format == PREDICT_TEXT && !image->fault)
        print_text_of_image(p, image->path, count);
}

static void predict_paths(predicting *p, char **paths, int count)
{
    int kind = p->options->letterbox ? VIEW_LETTERBOX : VIEW_CENTER;
    p->began = what_time_is_it_now();
    predict_images(p->net, paths, count, kind, print_image, p);
}

static void predict_from_stdin(predicting *p)
{
    enum { MOST = 1024 };
    char *paths[MOST];
    line_stream stream = {0};
    int error = 0;
    for (int count; (count = read_coming_lines(&stream, paths, MOST, &error)) > 0;) {
        for (int i = 0; i < count; ++i) paths[i][strcspn(paths[i], "\t")] = '\0'; /* labels */
        predict_paths(p, paths, count);
        for (int i = 0; i < count; ++i) free(paths[i]);
        if (fflush(stdout)) break; /* the end of main says so */
    }
    free_line_stream(&stream);
    if (!error) return;
    fprintf(stderr, "-list -: cannot be read: %s\n", strerror(error));
    exit(1);
}

static void predict_typed(predicting *p)
{
    for (char *path; (path = ask_for_path()); free(path)) predict_paths(p, &path, 1);
}

static void check_options(const predict_options *o)
{
    if (o->list && o->image)
        refuse_call("predict", "-list %s: and IMAGE %s: one of the two", o->list, o->image);
    if (o->list && o->format == PREDICT_TEXT)
        refuse_call("predict", "-list %s: needs -csv or -json", o->list);
    if (o->sets && o->top)
        refuse_call("predict", "-t %d: not with -sets, which have as many classes as it takes",
                    o->top);
    if (o->sets && o->letterbox)
        refuse_call("predict",
                    "-letterbox: not with -sets, which are calibrated on what classifier "
                    "valid shows");
}

void predict_classifier(const predict_options *options)
{
    predicting p = {0};
    check_options(options);
    start(&p, options);
    if (options->image) {
        predict_paths(&p, (char **)&options->image, 1);
    } else if (options->list && strcmp(options->list, "-") != 0) {
        labeled_images set = read_image_list(options->list, 1, NULL, 0);
        predict_paths(&p, set.paths, set.count);
    } else if (options->format == PREDICT_TEXT) {
        predict_typed(&p);
    } else {
        predict_from_stdin(&p);
    }
    free(p.guesses);
    free(p.scores);
    free(p.probabilities);
    if (p.unread) exit(1);
}
