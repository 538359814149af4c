/* The glue between Darknet and the losses of [smooth_topk] and [topk_loss]: truth rows in, delta
 * and cost out. */
#include "smooth_topk_layer.h"

#include "allocate.h"
#include "blas.h"
#include "cuda.h"
#include "hardest_samples.h"
#include "membership_output.h"
#include "smooth_topk_gpu.h"
#include "smooth_topk_plan.h"
#include "smooth_topk_soft.h"
#include "smooth_topk_softmax.h"
#include "topk_loss_options.h"
#include "utils.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the two sections do differently. Errors are those of smooth_topk.h. */
typedef struct {
    const char *section; /* without brackets */
    int is_cpu_only;     /* a GPU sends scores and truth to the CPU */
    int (*check)(smooth_topk_state *state, int classes);
    size_t (*workspace_size)(const smooth_topk_state *state, int classes);
    int (*run)(const smooth_topk_layer *l, const float *scores, const float *truth);
} loss_functions;

struct smooth_topk_state {
    const loss_functions *functions;
    smooth_topk_objective objective;
    smooth_topk_plan plan; /* of the objective */
    smooth_topk_term *terms;
    float *class_margins, *class_weights; /* inputs; NULL where not given */
    int margins_from_counts, weights_from_counts, counted;
    topk_loss_params other; /* of [topk_loss] */
    hardest_samples hardest;
    membership_output membership;
    float *loss; /* batch: l.loss, which Darknet does not release */
    void *workspace;
    size_t workspace_size;
#ifdef GPU
    float *loss_gpu, *workspace_gpu, *class_margins_gpu, *class_weights_gpu;
    size_t workspace_gpu_size;
    float *scores, *truth; /* batch x inputs, for what the GPU leaves to the CPU; else NULL */
    int loss_is_on_gpu;    /* the losses of the batch are still to be fetched */
#endif
};

/* ---- [smooth_topk] ---- */

static int check_smooth_topk(smooth_topk_state *state, int classes)
{
    return smooth_topk_make_plan(&state->plan, &state->objective, classes, 1);
}

static size_t smooth_topk_bytes(const smooth_topk_state *state, int classes)
{
    (void)classes;
    return smooth_topk_plan_workspace_size(&state->plan, 0);
}

static int run_smooth_topk(const smooth_topk_layer *l, const float *scores, const float *truth)
{
    smooth_topk_state *state = l->smooth_topk;
    return smooth_topk_run_plan(&state->plan, l->batch, scores, truth, l->loss, l->delta,
                                state->workspace, state->workspace_size);
}

static const loss_functions smooth_topk_functions = {"smooth_topk", 0, check_smooth_topk,
                                                     smooth_topk_bytes, run_smooth_topk};

/* ---- [topk_loss] ---- */

static int check_topk_loss(smooth_topk_state *state, int classes)
{
    return topk_loss_check(&state->other, classes);
}

static size_t topk_loss_bytes(const smooth_topk_state *state, int classes)
{
    return topk_loss_truth_workspace_size(&state->other, 0, classes);
}

static int run_topk_loss(const smooth_topk_layer *l, const float *scores, const float *truth)
{
    smooth_topk_state *state = l->smooth_topk;
    return topk_loss_truth_cpu(&state->other, l->scale, l->batch, l->inputs, scores, truth, l->loss,
                               l->delta, state->workspace, state->workspace_size);
}

static const loss_functions topk_loss_functions = {"topk_loss", 1, check_topk_loss, topk_loss_bytes,
                                                   run_topk_loss};

/* ---- both ---- */

smooth_topk_layer parse_smooth_topk(const char *filename, int line, list *options, int batch,
                                    int inputs)
{
    set_loss_place(filename, line);
    smooth_topk_options read = read_smooth_topk_options(options, inputs);
    smooth_topk_layer l = make_smooth_topk_layer(batch, inputs, &read);
    free_smooth_topk_options(&read);
    set_loss_place(NULL, 0);
    return l;
}

/* The terms' weights with their scales; what they have in common is the objective's scale, so that
   one term's weight is 1. */
static void make_objective(smooth_topk_state *state, const smooth_topk_options *options)
{
    int count = options->count;
    double sum = 0;
    state->terms = allocate(count, sizeof *state->terms);
    for (int j = 0; j < count; ++j)
        sum += (double)options->terms[j].weight * (double)options->scales[j];
    for (int j = 0; j < count; ++j) {
        state->terms[j] = options->terms[j];
        state->terms[j].weight =
            (float)((double)options->terms[j].weight * (double)options->scales[j] / sum);
    }
    state->objective.terms = state->terms;
    state->objective.count = count;
    state->objective.scale = (float)sum;
    state->objective.smoothing = options->smoothing;
}

static float *copy_class_numbers(const class_numbers *numbers, int inputs)
{
    if (!numbers->values) return NULL;
    float *copy = allocate(inputs, sizeof *copy);
    memcpy(copy, numbers->values, inputs * sizeof *copy);
    return copy;
}

static void make_class_numbers(smooth_topk_state *state, const smooth_topk_options *options,
                               int inputs)
{
    state->margins_from_counts = options->margins.is_auto;
    state->weights_from_counts = options->weights.is_auto;
    state->class_margins = copy_class_numbers(&options->margins, inputs);
    state->class_weights = copy_class_numbers(&options->weights, inputs);
    state->objective.class_margins = state->class_margins;
    state->objective.class_weights = state->class_weights;
#ifdef GPU
    if (state->class_margins)
        state->class_margins_gpu = cuda_make_array(state->class_margins, inputs);
    if (state->class_weights)
        state->class_weights_gpu = cuda_make_array(state->class_weights, inputs);
#endif
}

int smooth_topk_asks_for_counts(const smooth_topk_layer l)
{
    return l.smooth_topk->margins_from_counts || l.smooth_topk->weights_from_counts;
}

void set_smooth_topk_class_counts(const smooth_topk_layer l, const int *counts)
{
    smooth_topk_state *state = l.smooth_topk;
    state->counted = 1;
    if (state->margins_from_counts) set_margins_from_counts(state->class_margins, counts, l.inputs);
    if (state->weights_from_counts) set_weights_from_counts(state->class_weights, counts, l.inputs);
#ifdef GPU
    if (state->class_margins_gpu)
        cuda_push_array(state->class_margins_gpu, state->class_margins, l.inputs);
    if (state->class_weights_gpu)
        cuda_push_array(state->class_weights_gpu, state->class_weights, l.inputs);
#endif
}

const float *smooth_topk_class_margins(const smooth_topk_layer l)
{
    return l.smooth_topk->class_margins;
}

const float *smooth_topk_class_weights(const smooth_topk_layer l)
{
    return l.smooth_topk->class_weights;
}

loss_threshold *smooth_topk_threshold(const layer *l)
{
    loss_threshold *threshold = &l->smooth_topk->hardest.threshold;
    return threshold->fraction > 0 ? threshold : NULL;
}

float *smooth_topk_threshold_sums_gpu(const layer *l)
{
#ifdef GPU
    return l->smooth_topk->hardest.sums_gpu;
#else
    (void)l;
    return NULL;
#endif
}

int smooth_topk_puts_out_memberships(const smooth_topk_layer l)
{
    return l.smooth_topk->membership.k > 0;
}

static void check_counted(const smooth_topk_layer l)
{
    if (smooth_topk_asks_for_counts(l) && !l.smooth_topk->counted)
        refuse_smooth_topk("class_margins=auto and class_weights=auto need the counts of a "
                           "training list, which classifier train has");
}

static void check_sizes(const char *section, int batch, int inputs)
{
    if (batch < 1)
        refuse_loss_option(section, "batch=%d: out of range; must be at least 1 a subdivision",
                           batch);
    if (inputs > INT_MAX / batch)
        refuse_loss_option(section, "classes=%d: too many for a batch of %d; must be at most %d",
                           inputs, batch, INT_MAX / batch);
}

#ifdef GPU
/* The GPU computes a row of several labels label by label: with more than so many the batch goes to
   the CPU, which takes about three evaluations for any number. */
#define MOST_LABELS_OF_GPU 16

/* Whether the CPU computes all labels of a row at once. */
static int can_be_at_once(const smooth_topk_objective *objective)
{
    int at_once = 1;
    for (int j = 0; j < objective->count; ++j)
        at_once = at_once && smooth_topk_can_be_at_once(&objective->terms[j].params);
    return at_once;
}

/* truth: batch x inputs of the host. */
static int has_many_labels(const float *truth, int batch, int inputs)
{
    for (int b = 0; b < batch; ++b) {
        const float *row = truth + (size_t)b * inputs;
        int labels = 0;
        for (int i = 0; i < inputs; ++i) labels += row[i] != 0;
        if (labels > MOST_LABELS_OF_GPU) return 1;
    }
    return 0;
}

static int is_for_cpu(const smooth_topk_layer l, const float *truth)
{
    const smooth_topk_state *state = l.smooth_topk;
    if (state->functions->is_cpu_only || state->hardest.threshold.fraction > 0) return 1;
    if (!state->scores) return 0;
    return state->objective.smoothing > 0 || has_many_labels(truth, l.batch, l.inputs);
}
#endif

/* What both sections have in common; the state is made but for its buffers. */
static smooth_topk_layer make_layer(int batch, int inputs, float temperature,
                                    smooth_topk_state *state)
{
    smooth_topk_layer l = {0};
    const loss_functions *functions = state->functions;
    int error = functions->check(state, inputs);
    if (error) refuse_loss_option(functions->section, "%s", smooth_topk_strerror(error));
    l.type = SMOOTH_TOPK;
    l.batch = batch;
    l.inputs = inputs;
    l.outputs = inputs;
    l.temperature = temperature;
    l.output = allocate((size_t)batch * inputs, sizeof(float));
    l.delta = allocate((size_t)batch * inputs, sizeof(float));
    l.cost = allocate(1, sizeof(float));
    l.scale = state->objective.scale;
    l.loss = state->loss = allocate(batch, sizeof(float));
    state->workspace_size = functions->workspace_size(state, inputs);
    state->workspace = allocate(state->workspace_size, 1);
    l.smooth_topk = state;

    l.forward = forward_smooth_topk_layer;
    l.backward = backward_smooth_topk_layer;
    if (state->hardest.threshold.fraction > 0) l.update = update_smooth_topk_layer;
#ifdef GPU
    l.forward_gpu = forward_smooth_topk_layer_gpu;
    l.backward_gpu = backward_smooth_topk_layer_gpu;
    l.update_gpu = l.update;

    l.output_gpu = cuda_make_array(l.output, (size_t)inputs * batch);
    l.delta_gpu = cuda_make_array(l.delta, (size_t)inputs * batch);
    l.loss_gpu = state->loss_gpu = cuda_make_array(l.loss, batch);
    state->workspace_gpu_size =
        smooth_topk_truth_gpu_workspace_size(&state->objective, batch, inputs);
    state->workspace_gpu = cuda_make_array(NULL, state->workspace_gpu_size / sizeof(float) + 1);
    if (!functions->is_cpu_only && !can_be_at_once(&state->objective) &&
        !(state->hardest.threshold.fraction > 0))
        return l;
    state->scores = allocate((size_t)batch * inputs, sizeof(float));
    state->truth = allocate((size_t)batch * inputs, sizeof(float));
#endif
    return l;
}

smooth_topk_layer make_smooth_topk_layer(int batch, int inputs, const smooth_topk_options *options)
{
    check_smooth_topk_options(options, inputs);
    check_sizes("smooth_topk", batch, inputs);
    fprintf(stderr, "smooth_topk  ");
    print_smooth_topk_options(options);
    fprintf(stderr, "  %4d classes\n", inputs);
    smooth_topk_state *state = allocate(1, sizeof *state);
    state->functions = &smooth_topk_functions;
    state->hardest = make_hardest_samples(options->hardest, batch);
    state->membership = make_membership_output(options->membership_k, batch, inputs);
    make_objective(state, options);
    make_class_numbers(state, options, inputs);
    return make_layer(batch, inputs, options->temperature, state);
}

#ifdef GPU
/* The GPU's kernel of the output wants an objective with a term, and does not use it. */
static void set_output_objective(smooth_topk_state *state)
{
    state->objective.count = 1;
    state->objective.terms = state->terms = allocate(1, sizeof *state->terms);
    *state->terms = (smooth_topk_term){{1, 1, 0, SMOOTH_TOPK_PIVOT}, 1};
}
#endif

smooth_topk_layer parse_topk_loss(const char *filename, int line, list *of_section, int batch,
                                  int inputs)
{
    set_loss_place(filename, line);
    topk_loss_options options = read_topk_loss_options(of_section, inputs);
    check_sizes("topk_loss", batch, inputs);
    fprintf(stderr, "topk_loss    ");
    print_topk_loss_options(&options);
    fprintf(stderr, "  %4d classes\n", inputs);
    smooth_topk_state *state = allocate(1, sizeof *state);
    state->functions = &topk_loss_functions;
    state->other = options.params;
    state->hardest = make_hardest_samples(options.hardest, batch);
    state->objective.scale = options.scale;
#ifdef GPU
    set_output_objective(state);
#endif
    smooth_topk_layer l = make_layer(batch, inputs, options.temperature, state);
    set_loss_place(NULL, 0);
    return l;
}

void free_smooth_topk_state(smooth_topk_state *state)
{
    free(state->terms);
    free(state->class_margins);
    free(state->class_weights);
    free_hardest_samples(&state->hardest);
    free_membership_output(&state->membership);
    free(state->loss);
    free(state->workspace);
#ifdef GPU
    if (state->loss_gpu) cuda_free(state->loss_gpu);
    if (state->workspace_gpu) cuda_free(state->workspace_gpu);
    if (state->class_margins_gpu) cuda_free(state->class_margins_gpu);
    if (state->class_weights_gpu) cuda_free(state->class_weights_gpu);
    free(state->scores);
    free(state->truth);
#endif
    free(state);
}

/* Loss and delta of a batch, from scores, truth and the layer's state alone. */
static void loss_and_delta(const smooth_topk_layer l, const float *scores, const float *truth,
                           int is_training)
{
    smooth_topk_state *state = l.smooth_topk;
    int error = state->functions->run(&l, scores, truth);
    if (error) refuse_loss_option(state->functions->section, "%s", smooth_topk_strerror(error));
    keep_hardest_samples(&state->hardest, l.batch, l.inputs, truth, is_training, l.loss, l.delta);
    l.cost[0] = sum_array(l.loss, l.batch);
}

void forward_smooth_topk_layer(const smooth_topk_layer l, network net)
{
    const membership_output *membership = &l.smooth_topk->membership;
    int is_read = !(net.train && net.truth); /* nobody reads the output in training */
    if (is_read && membership->k)
        put_out_memberships(membership, l.batch, l.inputs, l.temperature, net.input, l.output);
    if (is_read && !membership->k)
        smooth_topk_softmax_cpu(l.batch, l.inputs, net.input, l.temperature, l.output);
    if (net.truth) check_counted(l);
    if (net.truth) loss_and_delta(l, net.input, net.truth, net.train);
}

void backward_smooth_topk_layer(const smooth_topk_layer l, network net)
{
    for (int i = 0; i < l.inputs * l.batch; ++i) net.delta[i] += l.delta[i];
}

void update_smooth_topk_layer(const smooth_topk_layer l, update_args unused)
{
    (void)unused;
    end_hardest_batch(&l.smooth_topk->hardest);
}

#ifdef GPU

/* On the CPU: scores and truth come, deltas go. */
static void loss_and_delta_from_gpu(const smooth_topk_layer l, network net)
{
    smooth_topk_state *state = l.smooth_topk;
    size_t count = (size_t)l.inputs * l.batch;
    cuda_pull_array(net.input_gpu, state->scores, count);
    cuda_pull_array(net.truth_gpu, state->truth, count);
    loss_and_delta(l, state->scores, state->truth, net.train);
    cuda_push_array(l.delta_gpu, l.delta, count);
}

static void check_gpu(const char *section, int error)
{
    if (error == SMOOTH_TOPK_ERROR_CUDA) check_error(cudaPeekAtLastError());
    if (error) refuse_loss_option(section, "%s", smooth_topk_strerror(error));
}

static void fetch_cost(const smooth_topk_layer l)
{
    if (!l.smooth_topk->loss_is_on_gpu) return;
    cuda_pull_array(l.loss_gpu, l.loss, l.batch);
    l.cost[0] = sum_array(l.loss, l.batch);
    l.smooth_topk->loss_is_on_gpu = 0;
}

int smooth_topk_cost_comes_later(const network *net)
{
    return net->train && net->truth && net->layers[net->n - 1].type == SMOOTH_TOPK;
}

void finish_smooth_topk_cost(network *net)
{
    if (!smooth_topk_cost_comes_later(net)) return;
    fetch_cost(net->layers[net->n - 1]);
    calc_network_cost(net);
}

/* Labels, loss, delta and output on the GPU; only the losses of the batch come to the host, those
   of a training step's last layer when the backward pass is queued. */
void forward_smooth_topk_layer_gpu(const smooth_topk_layer l, network net)
{
    smooth_topk_state *state = l.smooth_topk;
    int on_cpu = net.truth && is_for_cpu(l, net.truth);
    float *truth = net.truth && !on_cpu ? net.truth_gpu : NULL;
    int is_read = !(net.train && net.truth); /* nobody reads the output in training */
    float *output = is_read && !state->membership.k ? l.output_gpu : NULL;
    smooth_topk_objective objective = state->objective;
    objective.class_margins = state->class_margins_gpu;
    objective.class_weights = state->class_weights_gpu;
    if (net.truth) check_counted(l);
    if (truth || output) {
        int error = smooth_topk_truth_gpu(&objective, l.batch, l.inputs, net.input_gpu, truth,
                                          l.temperature, l.loss_gpu, l.delta_gpu, output,
                                          state->workspace_gpu, state->workspace_gpu_size, NULL);
        check_gpu(state->functions->section, error);
    }
    if (is_read && state->membership.k)
        check_gpu(state->functions->section,
                  put_out_memberships_gpu(&state->membership, l.batch, l.inputs, l.temperature,
                                          net.input_gpu, l.output_gpu));
    if (net.truth && on_cpu) loss_and_delta_from_gpu(l, net);
    if (!truth) return;
    check_gpu(
        state->functions->section,
        keep_hardest_samples_gpu(&state->hardest, l.batch, l.inputs, l.loss_gpu, l.delta_gpu));
    state->loss_is_on_gpu = 1;
    if (!(net.train && net.index == net.n - 1)) fetch_cost(l);
}

void backward_smooth_topk_layer_gpu(const smooth_topk_layer l, network net)
{
    axpy_gpu(l.batch * l.inputs, 1, l.delta_gpu, 1, net.delta_gpu, 1);
}

#endif
