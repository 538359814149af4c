/* The layer inside Darknet: beside its softmax layer, with every kind of truth row, and in real
 * networks. */
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "darknet.h"
#include "network.h"
#include "parser.h"
#include "smooth_topk_layer.h"
#include "softmax_layer.h"

/* Built with AddressSanitizer: frames of Darknet's code are seen whole. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}

/* Counts what the layer allocates: the test is linked with --wrap for these. */
static int allocations, no_memory;
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void *__wrap_malloc(size_t size)
{
    ++allocations;
    return __real_malloc(size);
}
void *__wrap_calloc(size_t count, size_t size)
{
    ++allocations;
    return no_memory ? NULL : __real_calloc(count, size);
}
void *__wrap_realloc(void *memory, size_t size)
{
    ++allocations;
    return __real_realloc(memory, size);
}

enum { BATCH = 7, CLASSES = 23 };
static float scores[BATCH * CLASSES], truth[BATCH * CLASSES], delta[BATCH * CLASSES];

static float random_float(void)
{
    return (float)rand() / RAND_MAX * 2 - 1;
}

static void random_scores(float scale)
{
    for (int i = 0; i < BATCH * CLASSES; ++i) scores[i] = scale * random_float();
}

static void one_hot(void)
{
    memset(truth, 0, sizeof truth);
    for (int b = 0; b < BATCH; ++b) truth[b * CLASSES + rand() % CLASSES] = 1;
}

static network truth_network(float *its_truth)
{
    network net = {0};
    net.input = scores;
    net.truth = its_truth;
    net.delta = delta;
    return net;
}

static smooth_topk_params make_params(int k, float tau, float alpha)
{
    smooth_topk_params params = {k, tau, alpha, SMOOTH_TOPK_PIVOT};
    return params;
}

static smooth_topk_layer new_layer(smooth_topk_params params, float scale, float temperature)
{
    smooth_topk_term term = {params, 1};
    smooth_topk_options options = {
        .count = 1, .terms = &term, .scales = &scale, .temperature = temperature};
    return make_smooth_topk_layer(BATCH, CLASSES, &options);
}

static void assert_close(double a, double b, double allowed)
{
    if (!(fabs(a - b) <= allowed)) fail_msg("%.9g is not %.9g (allowed %g)", a, b, allowed);
}

static void test_is_softmax(void **unused)
{
    (void)unused;
    smooth_topk_layer l = new_layer(make_params(1, 1, 0), 1, 1.5f);
    softmax_layer softmax = make_softmax_layer(BATCH, CLASSES, 1);
    softmax.temperature = 1;
    for (int round = 0; round < 20; ++round) {
        random_scores(4);
        one_hot();
        l.temperature = 1;
        forward_smooth_topk_layer(l, truth_network(truth));
        forward_softmax_layer(softmax, truth_network(truth));
        assert_close(l.cost[0], softmax.cost[0], 1e-5 * softmax.cost[0]);
        for (int i = 0; i < BATCH * CLASSES; ++i) {
            assert_close(l.delta[i], softmax.delta[i], 2e-6);
            assert_close(l.output[i], softmax.output[i], 1e-6 * softmax.output[i] + 1e-7);
        }
        l.temperature = softmax.temperature = 1.5f;
        forward_smooth_topk_layer(l, truth_network(NULL));
        forward_softmax_layer(softmax, truth_network(NULL));
        for (int i = 0; i < BATCH * CLASSES; ++i)
            assert_close(l.output[i], softmax.output[i], 1e-6 * softmax.output[i] + 1e-7);
        softmax.temperature = 1;
    }
    free_layer(l);
    free(softmax.loss); /* which Darknet's own free_layer forgets */
    free_layer(softmax);
}

static void test_delta_is_minus_the_gradient(void **unused)
{
    (void)unused;
    for (int k = 1; k < CLASSES; k += 3) {
        smooth_topk_params params = make_params(k, 0.5f, 1);
        smooth_topk_layer l = new_layer(params, 2.5f, 1);
        float loss[BATCH], grad[BATCH * CLASSES];
        int labels[BATCH];
        double cost = 0;
        random_scores(3);
        one_hot();
        for (int i = 0; i < BATCH * CLASSES; ++i)
            if (truth[i] == 1) labels[i / CLASSES] = i % CLASSES;
        assert_int_equal(smooth_topk_cpu(&params, BATCH, CLASSES, scores, labels, loss, grad), 0);
        forward_smooth_topk_layer(l, truth_network(truth));
        for (int b = 0; b < BATCH; ++b) cost += 2.5 * loss[b];
        assert_close(l.cost[0], cost, 1e-5 * cost);
        for (int i = 0; i < BATCH * CLASSES; ++i) assert_true(l.delta[i] == -2.5f * grad[i]);

        for (int i = 0; i < BATCH * CLASSES; ++i) delta[i] = 10;
        backward_smooth_topk_layer(l, truth_network(truth));
        for (int i = 0; i < BATCH * CLASSES; ++i) assert_true(delta[i] == 10 + l.delta[i]);
        free_layer(l);
    }
}

/* Rows: one label; none; several; one that is not 1. */
static void test_truth_rows(void **unused)
{
    (void)unused;
    smooth_topk_params params = make_params(4, 1, 1);
    smooth_topk_layer l = new_layer(params, 3, 1);
    double wanted_delta[BATCH * CLASSES] = {0}, wanted_cost = 0;
    random_scores(3);
    memset(truth, 0, sizeof truth);
    truth[0 * CLASSES + 5] = 1;
    truth[2 * CLASSES + 1] = 0.25f, truth[2 * CLASSES + 7] = 0.75f;
    truth[3 * CLASSES + 22] = 0.5f;
    for (int i = 0; i < CLASSES; ++i) truth[4 * CLASSES + i] = 1.f / CLASSES;
    truth[6 * CLASSES + 0] = 1, truth[6 * CLASSES + 22] = 1;
    for (int b = 0; b < BATCH; ++b)
        for (int label = 0; label < CLASSES; ++label) {
            float loss, grad[CLASSES], weight = truth[b * CLASSES + label];
            assert_int_equal(
                smooth_topk_cpu(&params, 1, CLASSES, scores + b * CLASSES, &label, &loss, grad), 0);
            wanted_cost += 3. * weight * loss;
            for (int i = 0; i < CLASSES; ++i)
                wanted_delta[b * CLASSES + i] -= 3. * weight * grad[i];
        }
    for (int round = 0; round < 2; ++round) { /* twice: nothing is left over from the first */
        memset(l.delta, 0xff, BATCH * CLASSES * sizeof(float));
        forward_smooth_topk_layer(l, truth_network(truth));
        assert_close(l.cost[0], wanted_cost, 1e-5 * wanted_cost);
        for (int i = 0; i < BATCH * CLASSES; ++i) assert_close(l.delta[i], wanted_delta[i], 1e-6);
        for (int i = 0; i < CLASSES; ++i)
            assert_true(l.delta[1 * CLASSES + i] == 0 && l.delta[5 * CLASSES + i] == 0);
    }
    free_layer(l);
}

static void test_without_truth(void **unused)
{
    (void)unused;
    smooth_topk_layer l = new_layer(make_params(5, 1, 1), 5, 1);
    random_scores(3);
    l.cost[0] = 42;
    forward_smooth_topk_layer(l, truth_network(NULL));
    assert_true(l.cost[0] == 42);
    for (int b = 0; b < BATCH; ++b) {
        double sum = 0;
        for (int i = 0; i < CLASSES; ++i) {
            sum += l.output[b * CLASSES + i];
            assert_true(l.delta[b * CLASSES + i] == 0);
        }
        assert_close(sum, 1, 1e-5);
    }
    free_layer(l);
}

/* Smoothing, margins and weights: as the loss is told, times its minus sign. */
static void test_class_numbers(void **unused)
{
    (void)unused;
    float margins[CLASSES], weights[CLASSES], scale = 2;
    int counts[CLASSES];
    double images = 0;
    for (int i = 0; i < CLASSES; ++i) images += counts[i] = 3 + i * i;
    for (int i = 0; i < CLASSES; ++i) {
        margins[i] = (float)pow(3. / counts[i], 0.25);
        weights[i] = (float)(images / CLASSES / counts[i]);
    }
    smooth_topk_term term = {make_params(4, 1, 2), 1};
    smooth_topk_options options = {.count = 1,
                                   .terms = &term,
                                   .scales = &scale,
                                   .temperature = 1,
                                   .smoothing = 0.2f,
                                   .margins = {1, margins},
                                   .weights = {1, weights}};
    smooth_topk_layer l = make_smooth_topk_layer(BATCH, CLASSES, &options);
    double wanted_cost = 0, wanted_delta[BATCH * CLASSES] = {0}, mean_weight = 0;
    for (int i = 0; i < CLASSES; ++i) mean_weight += weights[i] * counts[i] / images;
    assert_close(mean_weight, 1, 1e-6);
    assert_true(smooth_topk_asks_for_counts(l));
    set_smooth_topk_class_counts(l, counts);
    random_scores(3);
    one_hot();
    forward_smooth_topk_layer(l, truth_network(truth));
    for (int i = 0; i < BATCH * CLASSES; ++i) {
        if (truth[i] == 0) continue;
        int b = i / CLASSES;
        for (int label = 0; label < CLASSES; ++label) {
            float loss, grad[CLASSES];
            double t =
                2 * weights[i % CLASSES] * (label == i % CLASSES ? 0.8 : 0.2 / (CLASSES - 1));
            smooth_topk_params params = make_params(4, 1, 2 * margins[label]);
            smooth_topk_cpu(&params, 1, CLASSES, scores + b * CLASSES, &label, &loss, grad);
            wanted_cost += t * loss;
            for (int c = 0; c < CLASSES; ++c) wanted_delta[b * CLASSES + c] -= t * grad[c];
        }
    }
    assert_close(l.cost[0], wanted_cost, 1e-5 * wanted_cost);
    for (int i = 0; i < BATCH * CLASSES; ++i) assert_close(l.delta[i], wanted_delta[i], 3e-6);
    free_layer(l);
}

/* class_margins=auto and class_weights=auto: a class without images keeps its margin and has no
 * weight; the others share its part. */
static void test_counts_of_an_empty_class(void **unused)
{
    (void)unused;
    float ones[2 * CLASSES], scale = 1;
    int counts[CLASSES];
    for (int i = 0; i < 2 * CLASSES; ++i) ones[i] = 1;
    for (int i = 0; i < CLASSES; ++i) counts[i] = i == 4 ? 2 : 32;
    counts[3] = counts[CLASSES - 1] = 0;
    smooth_topk_term term = {make_params(4, 1, 1), 1};
    smooth_topk_options options = {.count = 1,
                                   .terms = &term,
                                   .scales = &scale,
                                   .temperature = 1,
                                   .margins = {1, ones},
                                   .weights = {1, ones + CLASSES}};
    smooth_topk_layer l = make_smooth_topk_layer(BATCH, CLASSES, &options);
    set_smooth_topk_class_counts(l, counts);
    const float *margins = smooth_topk_class_margins(l), *weights = smooth_topk_class_weights(l);
    const double mean = (2 + 32. * (CLASSES - 3)) / (CLASSES - 2);
    for (int i = 3; i < CLASSES; i += CLASSES - 4) assert_true(margins[i] == 1 && weights[i] == 0);
    assert_close(margins[4], 1, 1e-6);
    assert_close(weights[4], mean / 2, 1e-5);
    assert_close(margins[5], 0.5, 1e-6);
    assert_close(weights[5], mean / 32, 1e-6);
    free_layer(l);
}

/* The cost is that of the samples that count. */
static void test_cost_of_the_hardest(void **unused)
{
    (void)unused;
    float scale = 1, losses[BATCH], grad[BATCH * CLASSES];
    int labels[BATCH];
    double wanted = 0;
    smooth_topk_term term = {make_params(4, 1, 1), 1};
    smooth_topk_options options = {
        .count = 1, .terms = &term, .scales = &scale, .temperature = 1, .hardest = {2, 0}};
    smooth_topk_layer l = make_smooth_topk_layer(BATCH, CLASSES, &options);
    random_scores(3);
    one_hot();
    for (int i = 0; i < BATCH * CLASSES; ++i)
        if (truth[i] == 1) labels[i / CLASSES] = i % CLASSES;
    smooth_topk_cpu(&term.params, BATCH, CLASSES, scores, labels, losses, grad);
    for (int b = 0; b < BATCH; ++b) {
        int harder = 0;
        for (int other = 0; other < BATCH; ++other) harder += losses[other] > losses[b];
        if (harder < 2) wanted += (double)BATCH / 2 * losses[b];
    }
    forward_smooth_topk_layer(l, truth_network(truth));
    assert_close(l.cost[0], wanted, 1e-5 * wanted);
    free_layer(l);
}

/* Nobody reads the output in training: it is left; whoever predicts gets it. */
static void test_output_in_training(void **unused)
{
    (void)unused;
    smooth_topk_layer l = new_layer(make_params(5, 1, 1), 5, 1);
    network net = truth_network(truth);
    random_scores(3);
    one_hot();
    l.output[3] = 42;
    net.train = 1;
    forward_smooth_topk_layer(l, net);
    assert_true(l.output[3] == 42);
    net.train = 0;
    forward_smooth_topk_layer(l, net);
    assert_true(l.output[3] < 1);
    l.output[3] = 42;
    net.train = 1;
    net.truth = NULL;
    forward_smooth_topk_layer(l, net);
    assert_true(l.output[3] < 1);
    free_layer(l);
}

static void test_allocates_nothing(void **unused)
{
    (void)unused;
    for (int k = 1; k < CLASSES; k += 7) {
        for (int algorithm = 0; algorithm < 2; ++algorithm) {
            smooth_topk_params params = {k, 1, 1, algorithm ? SMOOTH_TOPK_LOG : SMOOTH_TOPK_PIVOT};
            smooth_topk_layer l = new_layer(params, 1, 1);
            random_scores(2);
            one_hot();
            truth[1] = truth[2] = 0.5f;
            int before = allocations;
            assert_true(before > 0);
            forward_smooth_topk_layer(l, truth_network(truth));
            backward_smooth_topk_layer(l, truth_network(truth));
            assert_int_equal(allocations, before);
            free_layer(l);
        }
    }
}

/* The terms' weights are divided by their sum; each has its own scale. */
static void make_of_no_batch(void)
{
    smooth_topk_term term = {make_params(1, 1, 0), 1};
    float scale = 1;
    smooth_topk_options options = {.count = 1, .terms = &term, .scales = &scale, .temperature = 1};
    make_smooth_topk_layer(0, CLASSES, &options);
}

static void make_of_many_classes(void)
{
    smooth_topk_term term = {make_params(1, 1, 0), 1};
    float scale = 1;
    smooth_topk_options options = {.count = 1, .terms = &term, .scales = &scale, .temperature = 1};
    make_smooth_topk_layer(BATCH, INT_MAX / BATCH + 1, &options);
}

static void make_without_memory(void)
{
    no_memory = 1;
    new_layer(make_params(1, 1, 0), 1, 1);
}

static void forward_without_counts(void)
{
    static float zeros[CLASSES];
    smooth_topk_term term = {make_params(1, 1, 0), 1};
    float scale = 1;
    smooth_topk_options options = {.count = 1,
                                   .terms = &term,
                                   .scales = &scale,
                                   .temperature = 1,
                                   .margins = {.is_auto = 1, .values = zeros}};
    smooth_topk_layer l = make_smooth_topk_layer(BATCH, CLASSES, &options);
    forward_smooth_topk_layer(l, truth_network(truth));
}

/* What the parser cannot know ends the program with code 1 and a message. */
static void test_refusals(void **unused)
{
    (void)unused;
    const struct {
        void (*refused)(void);
        const char *message;
    } all[] = {{make_of_no_batch, "batch=0: out of range; must be at least 1"},
               {make_of_many_classes, "too many for a batch of 7; must be at most"},
               {make_without_memory, "out of memory"},
               {forward_without_counts, "need the counts of a training list"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
        char said[4096];
        int ends[2], status;
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            dup2(ends[1], 2);
            all[i].refused();
            _exit(0);
        }
        close(ends[1]);
        size_t length = 0;
        ssize_t count;
        while ((count = read(ends[0], said + length, sizeof said - 1 - length)) > 0)
            length += (size_t)count;
        said[length] = 0;
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 1);
        assert_true(strstr(said, "[smooth_topk]") || strstr(said, "out of memory: "));
        assert_non_null(strstr(said, all[i].message));
    }
}

static void test_several_k(void **unused)
{
    (void)unused;
    smooth_topk_term terms[] = {{make_params(1, 1, 1), 0.25f}, {make_params(5, 0.5f, 2), 0.75f}};
    float scales[] = {3, 0.5f}, loss[2][BATCH], grad[2][BATCH * CLASSES];
    smooth_topk_options options = {.count = 2, .terms = terms, .scales = scales, .temperature = 1};
    smooth_topk_layer l = make_smooth_topk_layer(BATCH, CLASSES, &options);
    int labels[BATCH];
    double cost = 0;
    random_scores(3);
    one_hot();
    for (int i = 0; i < BATCH * CLASSES; ++i)
        if (truth[i] == 1) labels[i / CLASSES] = i % CLASSES;
    for (int j = 0; j < 2; ++j)
        smooth_topk_cpu(&terms[j].params, BATCH, CLASSES, scores, labels, loss[j], grad[j]);
    forward_smooth_topk_layer(l, truth_network(truth));
    for (int b = 0; b < BATCH; ++b) cost += 0.75 * loss[0][b] + 0.375 * loss[1][b];
    assert_close(l.cost[0], cost, 1e-6 * cost);
    for (int i = 0; i < BATCH * CLASSES; ++i)
        assert_close(l.delta[i], -0.75 * grad[0][i] - 0.375 * grad[1][i], 1e-6);
    free_layer(l);
}

/* ---- real networks ---- */

/* Smooth activations, so that differences of the cost are worth something. */
static const char network_cfg[] =
    "[net]\nbatch=%d\nsubdivisions=%d\nheight=8\nwidth=8\nchannels=3\n"
    "learning_rate=0.05\nmomentum=0\ndecay=0\npolicy=constant\nmax_batches=100\n"
    "[convolutional]\nfilters=6\nsize=3\nstride=1\npad=1\nactivation=tanh\n"
    "[convolutional]\nfilters=12\nsize=3\nstride=2\npad=1\nactivation=tanh\n"
    "[convolutional]\nfilters=9\nsize=1\nstride=1\nactivation=linear\n"
    "[avgpool]\n[smooth_topk]\n%s\n";

static network *parsed_network(int batch, int subdivisions, const char *options)
{
    char name[] = "/tmp/test_layer_XXXXXX";
    int file = mkstemp(name);
    FILE *cfg = fdopen(file, "w");
    fprintf(cfg, network_cfg, batch, subdivisions, options);
    fclose(cfg);
    srand(11);
    network *net = parse_network_cfg(name);
    unlink(name);
    return net;
}

/* With what Darknet's own free_network forgets. */
static void release_network(network *net)
{
    free(net->seen);
    free(net->t);
    free(net->cost);
    free(net->workspace);
    free_network(net);
}

/* `images` images and labels that a network of 9 classes can learn by heart. */
static data random_data(int images)
{
    data d = {0};
    d.X = make_matrix(images, 8 * 8 * 3);
    d.y = make_matrix(images, 9);
    srand(5);
    for (int i = 0; i < images; ++i) {
        for (int j = 0; j < d.X.cols; ++j) d.X.vals[i][j] = random_float();
        d.y.vals[i][i % 9] = 1;
    }
    return d;
}

/* The default is the loss's own: the weighted mean of k tau. */
static void test_default_temperature(void **unused)
{
    (void)unused;
    static const struct {
        const char *options;
        float wanted;
    } cases[] = {{"k=5", 5},
                 {"k=3\ntau=0.5", 1.5f},
                 {"k=4\ntau=0", 4},
                 {"k=1,5", 3},
                 {"k=1,5\nweights=3,1\ntau=1,2", 3.25f},
                 {"k=1,5\ntemperature=2", 2}};
    for (int i = 0; i < 6; ++i) {
        network *net = parsed_network(1, 1, cases[i].options);
        assert_close(net->layers[net->n - 1].temperature, cases[i].wanted, 1e-6);
        release_network(net);
    }
}

static double measure_cost(network *net)
{
    net->train = 1;
    forward_network(net);
    return *net->cost;
}

/* The layer's delta arrives in the weights of the first layer, two layers below. */
static void check_finite_differences(const char *options)
{
    network *net = parsed_network(4, 1, options);
    data d = random_data(4);
    get_next_batch(d, 4, 0, net->input, net->truth);
    measure_cost(net);
    backward_network(net);
    layer first = net->layers[0];
    int checked = 0;
    for (int i = 0; i < first.nweights; i += 5) {
        float middle = first.weights[i], step = 2e-3f;
        first.weights[i] = middle + step;
        double up = measure_cost(net);
        first.weights[i] = middle - step;
        double down = measure_cost(net);
        first.weights[i] = middle;
        assert_close((down - up) / (2 * step), first.weight_updates[i],
                     2e-2 * fabs(first.weight_updates[i]) + 2e-3);
        checked += fabs(first.weight_updates[i]) > 1e-2;
    }
    assert_true(checked > 5);
    release_network(net);
    free_data(d);
}

static void test_network_finite_differences(void **unused)
{
    (void)unused;
    check_finite_differences("k=3\ntau=0.7\nscale=2");
    check_finite_differences("k=1,4,2\nweights=0.2,0.5,0.3\ntau=0.7,1,2\nscale=2");
}

static void test_network_subdivisions_sum(void **unused)
{
    (void)unused;
    network *whole = parsed_network(8, 1, "k=2"), *parts = parsed_network(8, 4, "k=2");
    data d = random_data(8);
    for (int step = 0; step < 5; ++step)
        assert_close(train_network(whole, d), train_network(parts, d), 1e-4);
    for (int i = 0; i < whole->layers[0].nweights; ++i)
        assert_close(whole->layers[0].weights[i], parts->layers[0].weights[i], 1e-5);
    release_network(whole);
    release_network(parts);
    free_data(d);
}

static void test_network_learns(void **unused)
{
    (void)unused;
    static const char *options[] = {"k=2", "k=2\nalgorithm=log", "k=1\ntau=1\nalpha=0\nscale=1",
                                    "k=3\ntau=0.1", "k=1,3\nweights=1,2"};
    for (int i = 0; i < 5; ++i) {
        network *net = parsed_network(9, 1, options[i]);
        data d = random_data(9);
        float first = train_network(net, d), last = first;
        for (int step = 0; step < 1500; ++step) last = train_network(net, d);
        if (!(last < 0.3f * first))
            fail_msg("options %s: cost went from %g to %g", options[i], first, last);
        release_network(net);
        free_data(d);
    }
}

/* random=1 resizes the network below; the layer and its output stay as they are. */
static void test_network_resizes(void **unused)
{
    (void)unused;
    network *net = parsed_network(4, 1, "k=3");
    for (int size = 64; size >= 8; size /= 2) {
        resize_network(net, size, size);
        for (int i = 0; i < net->inputs * net->batch; ++i) net->input[i] = random_float();
        for (int b = 0; b < 4; ++b) net->truth[b * 9 + b] = 1;
        double cost = measure_cost(net);
        backward_network(net);
        assert_true(cost > 0 && cost < 1000);
        assert_int_equal(net->outputs, 9);
        assert_ptr_equal(net->output, net->layers[net->n - 1].output);
    }
    release_network(net);
}

int main(void)
{
    gpu_index = -1; /* also in a build for the GPU it is the CPU that is tested here */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_softmax),
        cmocka_unit_test(test_delta_is_minus_the_gradient),
        cmocka_unit_test(test_truth_rows),
        cmocka_unit_test(test_without_truth),
        cmocka_unit_test(test_class_numbers),
        cmocka_unit_test(test_counts_of_an_empty_class),
        cmocka_unit_test(test_cost_of_the_hardest),
        cmocka_unit_test(test_output_in_training),
        cmocka_unit_test(test_allocates_nothing),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_several_k),
        cmocka_unit_test(test_default_temperature),
        cmocka_unit_test(test_network_finite_differences),
        cmocka_unit_test(test_network_subdivisions_sum),
        cmocka_unit_test(test_network_learns),
        cmocka_unit_test(test_network_resizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
