/* The options of a [smooth_topk] section: names, numbers, lists, ranges, the banner. */
#include "smooth_topk_options.h"

#include "option_list.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define K_RANGE "a whole number, 1 <= k < %d (the number of classes)"
#define TAU_RANGE "a finite number, tau >= 0 (0: the hard hinge)"
#define ALPHA_RANGE "a finite number, alpha >= 0"
#define SCALE_RANGE "a finite number, scale > 0"
#define WEIGHTS_RANGE "finite numbers > 0, one for each k"
#define TEMPERATURE_RANGE "a finite number, temperature > 0"

void refuse_smooth_topk(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "\n[smooth_topk] ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

void *allocate_smooth_topk(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory)
        refuse_smooth_topk("out of memory: %zu times %zu bytes could not be had", count, size);
    return memory;
}

/* Options that Darknet itself reads in every section, and the layer's own. */
static const char *const known_options[] = {
    "k",           "weights",      "tau",      "alpha",   "scale",          "algorithm",
    "temperature", "truth",        "smooth",   "numload", "dontloadscales", "learning_rate",
    "onlyforward", "stopbackward", "dontsave", "dontload"};
#define LAYER_OPTIONS "k, weights, tau, alpha, scale, algorithm and temperature"

static void check_names(list *section)
{
    for (node *n = section->front; n; n = n->next) {
        const kvp *option = n->val;
        size_t i = 0, known = sizeof known_options / sizeof *known_options;
        while (i < known && strcmp(option->key, known_options[i]) != 0) ++i;
        if (i == known)
            refuse_smooth_topk("%s%s%s: no such option; the layer's options are " LAYER_OPTIONS,
                               option->key, option->val ? "=" : "", option->val ? option->val : "");
        for (node *other = n->next; other; other = other->next)
            if (strcmp(option->key, ((const kvp *)other->val)->key) == 0)
                refuse_smooth_topk(
                    "%s: given twice (%s and %s)", option->key, option->val ? option->val : "",
                    ((const kvp *)other->val)->val ? ((const kvp *)other->val)->val : "");
    }
}

/* The option's text, NULL where it is not given; a line without a value gives "". */
static const char *option_text(list *section, const char *name)
{
    for (node *n = section->front; n; n = n->next) {
        kvp *option = n->val;
        if (strcmp(option->key, name) != 0) continue;
        option->used = 1;
        return option->val ? option->val : "";
    }
    return NULL;
}

#define WHOLE "+-0123456789"
#define REAL "+-.0123456789eE"

/* The number that `text` begins with, up to a comma or the end, and nothing else. The text itself
   is looked at, so that inf, nan and hexadecimal are out and no compiler flag can talk the check
   away. */
static double read_number(const char *text, const char *name, const char *whole_text,
                          const char *characters, const char *range)
{
    char *end;
    size_t length = strcspn(text, ",");
    errno = 0;
    double value = strtod(text, &end);
    if (length == 0 || end != text + length || strspn(text, characters) < length)
        refuse_smooth_topk("%s=%s: not a number; must be %s", name, whole_text, range);
    if ((errno == ERANGE && fabs(value) > 1) || fabs(value) > FLT_MAX)
        refuse_smooth_topk("%s=%s: out of range; must be %s", name, whole_text, range);
    return value;
}

static double number_option(list *section, const char *name, double by_default, const char *range)
{
    const char *text = option_text(section, name);
    if (!text) return by_default;
    if (strchr(text, ',')) refuse_smooth_topk("%s=%s: not a number; must be %s", name, text, range);
    return read_number(text, name, text, REAL, range);
}

static int list_length(const char *text)
{
    int length = 1;
    while ((text = strchr(text, ','))) {
        ++length;
        ++text;
    }
    return length;
}

/* values[0 .. count-1]: of an option that is one number or one for each k. Returns whether it is
   given; if not, values are left. */
static int list_option(list *section, const char *name, int count, const char *range,
                       double *values)
{
    const char *text = option_text(section, name), *at = text;
    if (!text) return 0;
    int length = list_length(text);
    if (length != count && length != 1)
        refuse_smooth_topk("%s=%s: %d numbers for %d k; must be one, or one for each k: %s", name,
                           text, length, count, range);
    for (int j = 0; j < count; ++j) {
        values[j] = read_number(at, name, text, REAL, range);
        if (length > 1) at += strcspn(at, ",") + 1;
    }
    return 1;
}

static void read_k(list *section, int classes, smooth_topk_options *options)
{
    char range[100];
    const char *text = option_text(section, "k"), *at = text ? text : "5";
    snprintf(range, sizeof range, K_RANGE, classes);
    options->count = list_length(at);
    options->terms = allocate_smooth_topk(options->count, sizeof *options->terms);
    options->scales = allocate_smooth_topk(options->count, sizeof *options->scales);
    for (int j = 0; j < options->count; ++j) {
        double k = read_number(at, "k", text ? text : at, WHOLE, range);
        if (k < INT_MIN || k > INT_MAX)
            refuse_smooth_topk("k=%s: out of range; must be %s", text ? text : at, range);
        options->terms[j].params.k = (int)k;
        at += strcspn(at, ",") + 1;
    }
}

/* Equal where they are not given; divided by their sum. */
static void read_weights(list *section, smooth_topk_options *options, double *values)
{
    double sum = 0;
    const char *text = option_text(section, "weights");
    if (text && list_length(text) != options->count)
        refuse_smooth_topk("weights=%s: %d numbers for %d k; must be " WEIGHTS_RANGE, text,
                           list_length(text), options->count);
    for (int j = 0; j < options->count; ++j) values[j] = 1;
    list_option(section, "weights", options->count, WEIGHTS_RANGE, values);
    for (int j = 0; j < options->count; ++j) sum += values[j];
    for (int j = 0; j < options->count; ++j) {
        options->terms[j].weight = (float)(values[j] / sum);
        if (!(values[j] > 0 && options->terms[j].weight >= FLT_MIN))
            refuse_smooth_topk("weights=%s: out of range; must be " WEIGHTS_RANGE, text);
    }
}

static smooth_topk_algorithm algorithm_option(list *section)
{
    const char *text = option_text(section, "algorithm");
    if (text && strcmp(text, "pivot") != 0 && strcmp(text, "log") != 0)
        refuse_smooth_topk("algorithm=%s: no such algorithm; must be pivot or log", text);
    return text && strcmp(text, "log") == 0 ? SMOOTH_TOPK_LOG : SMOOTH_TOPK_PIVOT;
}

float default_smooth_topk_temperature(const smooth_topk_options *options)
{
    double mean = 0;
    for (int j = 0; j < options->count; ++j) {
        const smooth_topk_params *params = &options->terms[j].params;
        mean += (double)options->terms[j].weight * params->k *
                (params->tau >= FLT_MIN ? (double)params->tau : 1);
    }
    return mean < FLT_MAX ? (float)mean : FLT_MAX;
}

smooth_topk_options read_smooth_topk_options(list *section, int classes)
{
    smooth_topk_options options = {0};
    check_names(section);
    read_k(section, classes, &options);
    int count = options.count;
    double *tau = allocate_smooth_topk(4 * (size_t)count, sizeof *tau), *alpha = tau + count,
           *scale = alpha + count, *weights = scale + count;
    smooth_topk_algorithm algorithm = algorithm_option(section);
    for (int j = 0; j < count; ++j) {
        tau[j] = alpha[j] = 1;
        scale[j] = options.terms[j].params.k;
    }
    list_option(section, "tau", count, TAU_RANGE, tau);
    list_option(section, "alpha", count, ALPHA_RANGE, alpha);
    list_option(section, "scale", count, SCALE_RANGE, scale);
    read_weights(section, &options, weights);
    for (int j = 0; j < count; ++j) {
        options.terms[j].params.tau = (float)tau[j];
        options.terms[j].params.alpha = (float)alpha[j];
        options.terms[j].params.algorithm = algorithm;
        options.scales[j] = (float)scale[j];
    }
    free(tau);
    options.temperature = (float)number_option(
        section, "temperature", default_smooth_topk_temperature(&options), TEMPERATURE_RANGE);
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
            refuse_smooth_topk("scale=%g: out of range; must be " SCALE_RANGE, options->scales[j]);
    }
    if (!(options->temperature > 0))
        refuse_smooth_topk("temperature=%g: out of range; must be " TEMPERATURE_RANGE,
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

void print_smooth_topk_options(const smooth_topk_options *options)
{
    int count = options->count;
    float *values = allocate_smooth_topk(count, sizeof *values);
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
    fprintf(stderr, "%-5s", options->terms->params.algorithm == SMOOTH_TOPK_LOG ? "log" : "pivot");
}

void free_smooth_topk_options(smooth_topk_options *options)
{
    free(options->terms);
    free(options->scales);
}
