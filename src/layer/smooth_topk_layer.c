/* The glue between Darknet and the smooth top-k loss: options, truth rows, delta and cost. */
#include "smooth_topk_layer.h"

#include "blas.h"
#include "cuda.h"
#include "option_list.h"
#include "smooth_topk_gpu.h"
#include "utils.h"

#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct smooth_topk_state {
    smooth_topk_params params;
    int *labels;    /* batch: the row's one label, or -1 */
    float *weights; /* batch: that label's truth */
    float *row;     /* inputs: the gradient of one label of a soft row */
    float *loss;    /* batch: l.loss, which Darknet does not release */
    void *workspace;
    size_t workspace_size;
#ifdef GPU
    float *loss_gpu, *workspace_gpu;
    size_t workspace_gpu_size;
#endif
};

static void refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "\n[smooth_topk] ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

/* Options that Darknet itself reads in every section, and the layer's own. */
static const char *const known_options[] = {
    "k",           "tau",     "alpha",          "scale",         "algorithm",
    "temperature", "truth",   "onlyforward",    "stopbackward",  "dontsave",
    "dontload",    "numload", "dontloadscales", "learning_rate", "smooth"};
#define LAYER_OPTIONS "k, tau, alpha, scale, algorithm and temperature"

static void check_names(list *options)
{
    for (node *n = options->front; n; n = n->next) {
        const kvp *option = n->val;
        size_t i = 0, known = sizeof known_options / sizeof *known_options;
        while (i < known && strcmp(option->key, known_options[i]) != 0) ++i;
        if (i == known)
            refuse("%s%s%s: no such option; the layer's options are " LAYER_OPTIONS, option->key,
                   option->val ? "=" : "", option->val ? option->val : "");
        for (node *other = n->next; other; other = other->next)
            if (strcmp(option->key, ((const kvp *)other->val)->key) == 0)
                refuse("%s: given twice (%s and %s)", option->key, option->val ? option->val : "",
                       ((const kvp *)other->val)->val ? ((const kvp *)other->val)->val : "");
    }
}

/* The option's text, NULL where it is not given; a line without a value gives "". */
static const char *option_text(list *options, const char *name)
{
    for (node *n = options->front; n; n = n->next) {
        kvp *option = n->val;
        if (strcmp(option->key, name) != 0) continue;
        option->used = 1;
        return option->val ? option->val : "";
    }
    return NULL;
}

/* A number and nothing else. The text itself is looked at, so that inf, nan and hexadecimal are out
   and no compiler flag can talk the check away. */
static double number_option(list *options, const char *name, double by_default,
                            const char *characters, const char *range)
{
    const char *text = option_text(options, name);
    char *end;
    if (!text) return by_default;
    errno = 0;
    double value = strtod(text, &end);
    if (end == text || *end || strspn(text, characters) != strlen(text))
        refuse("%s=%s: not a number; must be %s", name, text, range);
    if ((errno == ERANGE && fabs(value) > 1) || fabs(value) > FLT_MAX)
        refuse("%s=%s: out of range; must be %s", name, text, range);
    return value;
}

static float real_option(list *options, const char *name, double by_default, const char *range)
{
    return (float)number_option(options, name, by_default, "+-.0123456789eE", range);
}

static smooth_topk_algorithm algorithm_option(list *options)
{
    const char *text = option_text(options, "algorithm");
    if (text && strcmp(text, "pivot") != 0 && strcmp(text, "log") != 0)
        refuse("algorithm=%s: no such algorithm; must be pivot or log", text);
    return text && strcmp(text, "log") == 0 ? SMOOTH_TOPK_LOG : SMOOTH_TOPK_PIVOT;
}

smooth_topk_layer parse_smooth_topk(list *options, int batch, int inputs)
{
    char range[100];
    smooth_topk_params params;
    check_names(options);
    snprintf(range, sizeof range, "a whole number, 1 <= k < %d (the number of classes)", inputs);
    double k = number_option(options, "k", 5, "+-0123456789", range);
    if (k < INT_MIN || k > INT_MAX)
        refuse("k=%s: out of range; must be %s", option_text(options, "k"), range);
    params.k = (int)k;
    params.tau = real_option(options, "tau", 1, "a finite number, tau >= 0 (0: the hard hinge)");
    params.alpha = real_option(options, "alpha", 1, "a finite number, alpha >= 0");
    params.algorithm = algorithm_option(options);
    float scale = real_option(options, "scale", params.k, "a finite number, scale > 0");
    float temperature = real_option(options, "temperature", 1, "a finite number, temperature > 0");
    return make_smooth_topk_layer(batch, inputs, params, scale, temperature);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (!memory) refuse("out of memory: %zu times %zu bytes could not be had", count, size);
    return memory;
}

static void check_params(int batch, int inputs, const smooth_topk_params *params, float scale,
                         float temperature)
{
    if (batch < 1) refuse("batch=%d: out of range; must be at least 1 a subdivision", batch);
    if (inputs < 2) refuse("classes=%d: the layer below must give at least 2 scores", inputs);
    if (inputs > INT_MAX / batch)
        refuse("classes=%d: too many for a batch of %d; must be at most %d", inputs, batch,
               INT_MAX / batch);
    switch (smooth_topk_check(params, inputs)) {
    case SMOOTH_TOPK_OK:
        break;
    case SMOOTH_TOPK_ERROR_K:
        refuse("k=%d: out of range; must be a whole number, 1 <= k < %d (the number of classes)",
               params->k, inputs);
        break;
    case SMOOTH_TOPK_ERROR_TAU:
        refuse("tau=%g: out of range; must be a finite number, tau >= 0 (0: the hard hinge)",
               params->tau);
        break;
    case SMOOTH_TOPK_ERROR_ALPHA:
        refuse("alpha=%g: out of range; must be a finite number, alpha >= 0", params->alpha);
        break;
    default:
        refuse("algorithm=%d: out of range; must be pivot or log", params->algorithm);
    }
    if (!(scale > 0)) refuse("scale=%g: out of range; must be a finite number, scale > 0", scale);
    if (!(temperature > 0))
        refuse("temperature=%g: out of range; must be a finite number, temperature > 0",
               temperature);
}

smooth_topk_layer make_smooth_topk_layer(int batch, int inputs, smooth_topk_params params,
                                         float scale, float temperature)
{
    check_params(batch, inputs, &params, scale, temperature);
    fprintf(stderr, "smooth_topk  k = %d  tau = %g  alpha = %g  scale = %g  %-5s  %4d classes\n",
            params.k, params.tau, params.alpha, scale,
            params.algorithm == SMOOTH_TOPK_LOG ? "log" : "pivot", inputs);
    smooth_topk_layer l = {0};
    l.type = SMOOTH_TOPK;
    l.batch = batch;
    l.inputs = inputs;
    l.outputs = inputs;
    l.scale = scale;
    l.temperature = temperature;
    l.output = allocate((size_t)batch * inputs, sizeof(float));
    l.delta = allocate((size_t)batch * inputs, sizeof(float));
    l.cost = allocate(1, sizeof(float));

    smooth_topk_state *state = allocate(1, sizeof *state);
    l.loss = state->loss = allocate(batch, sizeof(float));
    state->params = params;
    state->labels = allocate(batch, sizeof(int));
    state->weights = allocate(batch, sizeof(float));
    state->row = allocate(inputs, sizeof(float));
    state->workspace_size = smooth_topk_workspace_size(&params, 0, inputs);
    state->workspace = allocate(state->workspace_size, 1);
    l.smooth_topk = state;

    l.forward = forward_smooth_topk_layer;
    l.backward = backward_smooth_topk_layer;
#ifdef GPU
    l.forward_gpu = forward_smooth_topk_layer_gpu;
    l.backward_gpu = backward_smooth_topk_layer_gpu;

    l.output_gpu = cuda_make_array(l.output, (size_t)inputs * batch);
    l.delta_gpu = cuda_make_array(l.delta, (size_t)inputs * batch);
    l.loss_gpu = state->loss_gpu = cuda_make_array(l.loss, batch);
    state->workspace_gpu_size = smooth_topk_gpu_workspace_size(&params, batch, inputs);
    state->workspace_gpu = cuda_make_array(NULL, state->workspace_gpu_size / sizeof(float) + 1);
#endif
    return l;
}

void free_smooth_topk_state(smooth_topk_state *state)
{
    free(state->labels);
    free(state->weights);
    free(state->row);
    free(state->loss);
    free(state->workspace);
#ifdef GPU
    if (state->loss_gpu) cuda_free(state->loss_gpu);
    if (state->workspace_gpu) cuda_free(state->workspace_gpu);
#endif
    free(state);
}

/* How many of a row's truths are not 0; the first of them and its class. */
static int read_truth(const float *truth, int classes, int *label, float *weight)
{
    int count = 0;
    for (int i = 0; i < classes; ++i) {
        if (truth[i] == 0) continue;
        if (count++ == 0) {
            *label = i;
            *weight = truth[i];
        }
    }
    return count;
}

/* Adds to loss[0] and grad, which are 0, those of a row with several labels: sum_i t_i L(scores,
 * i).
 */
static void soft_row(const smooth_topk_layer l, const float *scores, const float *truth,
                     float *loss, float *grad)
{
    smooth_topk_state *state = l.smooth_topk;
    float loss_of_label;
    for (int label = 0; label < l.inputs; ++label) {
        if (truth[label] == 0) continue;
        smooth_topk_cpu_workspace(&state->params, 1, l.inputs, scores, &label, &loss_of_label,
                                  state->row, state->workspace, state->workspace_size);
        *loss += truth[label] * loss_of_label;
        axpy_cpu(l.inputs, truth[label], state->row, 1, grad, 1);
    }
}

/* Loss and delta of a batch, from scores, truth and the layer's state alone. */
static void loss_and_delta(const smooth_topk_layer l, const float *scores, const float *truth)
{
    smooth_topk_state *state = l.smooth_topk;
    for (int b = 0; b < l.batch; ++b) {
        int count = read_truth(truth + (size_t)b * l.inputs, l.inputs, state->labels + b,
                               state->weights + b);
        if (count != 1) state->labels[b] = -1;
        if (count == 0) state->weights[b] = 0;
    }
    int error = smooth_topk_cpu_workspace(&state->params, l.batch, l.inputs, scores, state->labels,
                                          l.loss, l.delta, state->workspace, state->workspace_size);
    if (error) refuse("%s", smooth_topk_strerror(error));
    for (int b = 0; b < l.batch; ++b) {
        size_t row = (size_t)b * l.inputs;
        if (state->labels[b] == -1 && state->weights[b] != 0) {
            soft_row(l, scores + row, truth + row, l.loss + b, l.delta + row);
            state->weights[b] = 1;
        }
        l.loss[b] *= l.scale * state->weights[b];
        scal_cpu(l.inputs, -l.scale * state->weights[b], l.delta + row, 1);
    }
    l.cost[0] = sum_array(l.loss, l.batch);
}

void forward_smooth_topk_layer(const smooth_topk_layer l, network net)
{
    softmax_cpu(net.input, l.inputs, l.batch, l.inputs, 1, 0, 1, l.temperature, l.output);
    if (net.truth) loss_and_delta(l, net.input, net.truth);
}

void backward_smooth_topk_layer(const smooth_topk_layer l, network net)
{
    axpy_cpu(l.inputs * l.batch, 1, l.delta, 1, net.delta, 1);
}

#ifdef GPU

/* Labels, loss, delta and output on the GPU; only the losses of the batch come to the host. */
void forward_smooth_topk_layer_gpu(const smooth_topk_layer l, network net)
{
    smooth_topk_state *state = l.smooth_topk;
    int error = smooth_topk_gpu_layer(&state->params, l.batch, l.inputs, net.input_gpu,
                                      net.truth ? net.truth_gpu : NULL, l.scale, l.temperature,
                                      l.loss_gpu, l.delta_gpu, l.output_gpu, state->workspace_gpu,
                                      state->workspace_gpu_size, NULL);
    if (error == SMOOTH_TOPK_ERROR_CUDA) check_error(cudaPeekAtLastError());
    if (error) refuse("%s", smooth_topk_strerror(error));
    if (!net.truth) return;
    cuda_pull_array(l.loss_gpu, l.loss, l.batch);
    l.cost[0] = sum_array(l.loss, l.batch);
}

void backward_smooth_topk_layer_gpu(const smooth_topk_layer l, network net)
{
    axpy_gpu(l.batch * l.inputs, 1, l.delta_gpu, 1, net.delta_gpu, 1);
}

#endif
