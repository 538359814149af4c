/* The options of a [smooth_topk] section: names, numbers, lists, ranges, the banner. */
#include "smooth_topk_options.h"

#include "allocate.h"
#include "loss_options.h"
#include "smooth_topk_soft.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define K_RANGE "a whole number, 1 <= k < %d (the number of classes)"
#define TAU_RANGE "a finite number, tau >= 0 (0: the hard hinge)"
#define ALPHA_RANGE "a finite number, alpha >= 0"
#define SMOOTHING_RANGE "a number, 0 <= label_smooth_eps < 1"
#define WEIGHTS_RANGE "finite numbers > 0, one for each k"

static void read_k(const loss_section *section, int classes, smooth_topk_options *options)
{
    char range[100];
    const char *text = loss_option_text(section, "k"), *part = text ? text : "5";
    snprintf(range, sizeof range, K_RANGE, classes);
    options->count = loss_list_length(part);
    options->terms = allocate(options->count, sizeof *options->terms);
    options->scales = allocate(options->count, sizeof *options->scales);
    for (int j = 0; j < options->count; ++j) {
        options->terms[j].params.k =
            read_loss_whole_number(section, "k", part, text ? text : part, range);
        part += strcspn(part, ",") + 1;
    }
}

/* Equal where they are not given; divided by their sum. */
static void read_weights(const loss_section *section, smooth_topk_options *options, double *values)
{
    double sum = 0;
    const char *text = loss_option_text(section, "weights");
    if (text && loss_list_length(text) != options->count)
        refuse_smooth_topk("weights=%s: %d numbers for %d k; must be " WEIGHTS_RANGE, text,
                           loss_list_length(text), options->count);
    for (int j = 0; j < options->count; ++j) values[j] = 1;
    loss_list_option(section, "weights", options->count, WEIGHTS_RANGE, values);
    for (int j = 0; j < options->count; ++j) sum += values[j];
    for (int j = 0; j < options->count; ++j) {
        options->terms[j].weight = (float)(values[j] / sum);
        if (!(values[j] > 0 && options->terms[j].weight >= FLT_MIN))
            refuse_smooth_topk("weights=%s: out of range; must be " WEIGHTS_RANGE, text);
    }
}

static smooth_topk_algorithm algorithm_option(const loss_section *section)
{
    const char *text = loss_option_text(section, "algorithm");
    if (text && strcmp(text, "pivot") != 0 && strcmp(text, "log") != 0)
        refuse_smooth_topk("algorithm=%s: no such algorithm; must be pivot or log", text);
    return text && strcmp(text, "log") == 0 ? SMOOTH_TOPK_LOG : SMOOTH_TOPK_PIVOT;
}

/* The largest k, of which output=membership is; 0 for the softmax. */
static int membership_option(const loss_section *section, const smooth_topk_options *options)
{
    int largest = 0;
    const char *text = loss_option_text(section, "output");
    if (!text || strcmp(text, "softmax") == 0) return 0;
    if (strcmp(text, "membership") != 0)
        refuse_smooth_topk("output=%s: no such output; must be softmax or membership", text);
    for (int j = 0; j < options->count; ++j)
        if (options->terms[j].params.k > largest) largest = options->terms[j].params.k;
    return largest;
}

float default_smooth_topk_temperature(const smooth_topk_options *options)
{
    double mean = 0;
    for (int j = 0; j < options->count; ++j) {
        const smooth_topk_params *params = &options->terms[j].params;
        double own = params->k * (params->tau >= FLT_MIN ? (double)params->tau : 1);
        if (params->k == options->membership_k) return own < FLT_MAX ? (float)own : FLT_MAX;
        mean += (double)options->terms[j].weight * own;
    }
    return mean < FLT_MAX ? (float)mean : FLT_MAX;
}

smooth_topk_options read_smooth_topk_options(list *of_section, int classes)
{
    const loss_section given = {"smooth_topk", of_section}, *section = &given;
    smooth_topk_options options = {0};
    read_k(section, classes, &options);
    int count = options.count;
    double *tau = allocate(4 * (size_t)count, sizeof *tau), *alpha = tau + count,
           *scale = alpha + count, *weights = scale + count;
    smooth_topk_algorithm algorithm = algorithm_option(section);
    for (int j = 0; j < count; ++j) {
        tau[j] = alpha[j] = 1;
        scale[j] = options.terms[j].params.k;
    }
    loss_list_option(section, "tau", count, TAU_RANGE, tau);
    loss_list_option(section, "alpha", count, ALPHA_RANGE, alpha);
    loss_list_option(section, "scale", count, LOSS_SCALE_RANGE, scale);
    read_weights(section, &options, weights);
    for (int j = 0; j < count; ++j) {
        options.terms[j].params.tau = (float)tau[j];
        options.terms[j].params.alpha = (float)alpha[j];
        options.terms[j].params.algorithm = algorithm;
        options.scales[j] = (float)scale[j];
    }
    free(tau);
    options.membership_k = membership_option(section, &options);
    options.temperature =
        loss_temperature_option(section, default_smooth_topk_temperature(&options));
    options.hardest = loss_hardest_option(section);
    options.smoothing = (float)loss_number_option(section, "label_smooth_eps", 0, SMOOTHING_RANGE);
    options.margins = read_class_numbers(section, "class_margins", classes);
    options.weights = read_class_numbers(section, "class_weights", classes);
    if (options.margins.values && !options.margins.is_auto) {
        if (loss_option_text(section, "alpha"))
            refuse_smooth_topk("alpha=%s: class_margins=%s has the margin of every class; leave "
                               "one of the two out",
                               loss_option_text(section, "alpha"),
                               loss_option_text(section, "class_margins"));
        for (int j = 0; j < count; ++j) options.terms[j].params.alpha = 1;
    }
    check_smooth_topk_options(&options, classes);
    return options;
}

void check_smooth_topk_options(const smooth_topk_options *options, int classes)
{
    if (classes < 2)
        refuse_smooth_topk("classes=%d: the layer below must give at least 2 scores", classes);
    for (int j = 0; j < options->count; ++j) {
        const smooth_topk_params *params = &options->terms[j].params;
        switch (smooth_topk_check(params, classes)) {
        case SMOOTH_TOPK_OK:
            break;
        case SMOOTH_TOPK_ERROR_K:
            refuse_smooth_topk("k=%d: out of range; must be " K_RANGE, params->k, classes);
        case SMOOTH_TOPK_ERROR_TAU:
            refuse_smooth_topk("tau=%g: out of range; must be " TAU_RANGE, params->tau);
        case SMOOTH_TOPK_ERROR_ALPHA:
            refuse_smooth_topk("alpha=%g: out of range; must be " ALPHA_RANGE, params->alpha);
        default:
            refuse_smooth_topk("algorithm=%d: out of range; must be pivot or log",
                               params->algorithm);
        }
        for (int other = 0; other < j; ++other)
            if (options->terms[other].params.k == params->k)
                refuse_smooth_topk("k=%d: given twice; each k may be there once", params->k);
        if (!(options->scales[j] > 0))
            refuse_smooth_topk("scale=%g: out of range; must be " LOSS_SCALE_RANGE,
                               options->scales[j]);
    }
    if (!(options->smoothing >= 0 && options->smoothing < 1))
        refuse_smooth_topk("label_smooth_eps=%g: out of range; must be " SMOOTHING_RANGE,
                           options->smoothing);
    if (!(options->temperature > 0))
        refuse_smooth_topk("temperature=%g: out of range; must be " LOSS_TEMPERATURE_RANGE,
                           options->temperature);
}

/* One number where all are equal, else a list. */
static void print_numbers(const char *name, int count, const float *values)
{
    int equal = 1;
    for (int j = 1; j < count; ++j) equal &= values[j] == values[0];
    for (int j = 0; j < (equal ? 1 : count); ++j)
        fprintf(stderr, "%s%s%g", j ? "," : name, j ? "" : " = ", values[j]);
    fprintf(stderr, "  ");
}

static void print_smoothing(const smooth_topk_options *options)
{
    fprintf(stderr, "label_smooth_eps = %g  ", options->smoothing);
    for (int j = 0; j < options->count; ++j) {
        if (smooth_topk_can_be_at_once(&options->terms[j].params)) continue;
        fprintf(stderr, "(slow: tau=0 and algorithm=log take one evaluation a class)  ");
        return;
    }
}

void print_smooth_topk_options(const smooth_topk_options *options)
{
    int count = options->count;
    float *values = allocate(count, sizeof *values);
    for (int j = 0; j < count; ++j)
        fprintf(stderr, "%s%d", j ? "," : "k = ", options->terms[j].params.k);
    fprintf(stderr, "  ");
    if (count > 1) {
        for (int j = 0; j < count; ++j)
            fprintf(stderr, "%s%.3g", j ? "," : "weights = ", options->terms[j].weight);
        fprintf(stderr, "  ");
    }
    for (int j = 0; j < count; ++j) values[j] = options->terms[j].params.tau;
    print_numbers("tau", count, values);
    for (int j = 0; j < count; ++j) values[j] = options->terms[j].params.alpha;
    print_numbers("alpha", count, values);
    print_numbers("scale", count, options->scales);
    free(values);
    if (options->smoothing > 0) print_smoothing(options);
    if (options->margins.values)
        fprintf(stderr, "class_margins%s  ", options->margins.is_auto ? " = auto" : "");
    if (options->weights.values)
        fprintf(stderr, "class_weights%s  ", options->weights.is_auto ? " = auto" : "");
    if (options->membership_k) fprintf(stderr, "output = membership  ");
    fprintf(stderr, "%-5s", options->terms->params.algorithm == SMOOTH_TOPK_LOG ? "log" : "pivot");
    print_hardest_option(options->hardest);
}

void free_smooth_topk_options(smooth_topk_options *options)
{
    free(options->terms);
    free(options->scales);
    free(options->margins.values);
    free(options->weights.values);
}
