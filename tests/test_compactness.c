/* The compactness loss and its layer: the definition, finite differences, targets that are few or
 * not finite, and the layer between its neighbours. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "darknet.h"
#include "compactness.h"
#include "compactness_layer.h"
#include "option_list.h"

enum { ROWS = 9, FEATURES = 7, CLASSES = 3 };
static float x[ROWS * FEATURES], gradient[ROWS * FEATURES], mean[FEATURES];
static const int all[ROWS] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, some[ROWS] = {0, 1, 0, 1, 1, 0, 0, 1, 0},
                 two[ROWS] = {0, 0, 1, 0, 0, 0, 0, 0, 1}, one[ROWS] = {0, 0, 0, 0, 1, 0, 0, 0, 0},
                 none[ROWS] = {0};

static void random_features(void)
{
    for (int i = 0; i < ROWS * FEATURES; ++i) x[i] = 4 * ((float)rand() / (float)RAND_MAX) - 1;
}

static void assert_close(double a, double b, double allowed)
{
    if (!(fabs(a - b) <= allowed)) fail_msg("%.9g is not %.9g (allowed %g)", a, b, allowed);
}

/* 1/(m d) sum_i |x_i - mean of the other targets|^2, as it is written; `features` in double. */
static double by_definition(const double *features, const int *is_target)
{
    double sum = 0;
    int targets = 0;
    for (int i = 0; i < ROWS; ++i) targets += is_target[i];
    for (int i = 0; i < ROWS; ++i) {
        for (int j = 0; is_target[i] && j < FEATURES; ++j) {
            double others = 0;
            for (int k = 0; k < ROWS; ++k)
                if (k != i && is_target[k]) others += features[k * FEATURES + j];
            double distance = features[i * FEATURES + j] - others / (targets - 1);
            sum += distance * distance;
        }
    }
    return sum / targets / FEATURES;
}

static void test_definition(void **state)
{
    (void)state;
    const int *const cases[] = {all, some, two};
    double features[ROWS * FEATURES];
    for (int round = 0; round < 30; ++round) {
        const int *is_target = cases[round % 3];
        random_features();
        for (int i = 0; i < ROWS * FEATURES; ++i) features[i] = (double)x[i];
        double loss = by_definition(features, is_target);
        assert_close((double)compactness_loss(ROWS, FEATURES, x, is_target, mean), loss,
                     1e-6 * loss);
        memset(gradient, 0, sizeof gradient);
        add_compactness_gradient(ROWS, FEATURES, x, is_target, mean, 1, gradient);
        for (int i = 0; i < ROWS * FEATURES; ++i) {
            const double step = 1e-5, value = features[i];
            features[i] = value + step;
            double above = by_definition(features, is_target);
            features[i] = value - step;
            double below = by_definition(features, is_target);
            features[i] = value;
            assert_close((double)gradient[i], (above - below) / (2 * step), 2e-6);
            if (!is_target[i / FEATURES]) assert_true(gradient[i] == 0);
        }
    }
}

/* Equal features are the minimum. A shift of all changes nothing. */
static void test_shift(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS * FEATURES; ++i) x[i] = (float)(i % FEATURES);
    assert_true(compactness_loss(ROWS, FEATURES, x, some, mean) == 0);
    random_features();
    float loss = compactness_loss(ROWS, FEATURES, x, some, mean);
    for (int i = 0; i < ROWS * FEATURES; ++i) x[i] += 10;
    assert_close((double)compactness_loss(ROWS, FEATURES, x, some, mean), (double)loss, 1e-5);
}

static void test_few_targets(void **state)
{
    (void)state;
    const int *const cases[] = {one, none};
    random_features();
    for (int c = 0; c < 2; ++c) {
        for (int i = 0; i < ROWS * FEATURES; ++i) gradient[i] = 5;
        assert_true(compactness_loss(ROWS, FEATURES, x, cases[c], mean) == 0);
        add_compactness_gradient(ROWS, FEATURES, x, cases[c], mean, 1, gradient);
        for (int i = 0; i < ROWS * FEATURES; ++i) assert_true(gradient[i] == 5);
    }
}

static int is_nan(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return (bits & 0x7fffffff) > 0x7f800000;
}

static void test_not_finite(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int c = 0; c < 3; ++c) {
        random_features();
        float loss = compactness_loss(ROWS, FEATURES, x, some, mean);
        x[0] = bad[c]; /* row 0 is no target */
        assert_true(compactness_loss(ROWS, FEATURES, x, some, mean) == loss);
        x[FEATURES + 2] = bad[c];
        assert_true(is_nan(compactness_loss(ROWS, FEATURES, x, some, mean)));
        memset(gradient, 0, sizeof gradient);
        add_compactness_gradient(ROWS, FEATURES, x, some, mean, 1, gradient);
        for (int i = 0; i < ROWS * FEATURES; ++i)
            if (!some[i / FEATURES]) assert_true(gradient[i] == 0);
    }
}

/* ---- the layer ---- */

static compactness_layer make(const char *weight)
{
    list *options = make_list();
    char *key = strdup("weight"), *value = strdup(weight ? weight : "");
    if (weight) option_insert(options, key, value);
    compactness_layer l = parse_compactness("test.cfg", 1, options, ROWS, FEATURES, 1, 1, FEATURES);
    free_list_contents(options); /* not what the texts are in */
    free_list(options);
    free(key);
    free(value);
    return l;
}

/* Rows without a label: zeros, and as the list of a [softmax] network has them. */
static void write_truth(float *truth, const int *is_target, float ignored)
{
    for (int i = 0; i < ROWS * CLASSES; ++i) truth[i] = is_target[i / CLASSES] ? ignored : 0;
    for (int b = 0; b < ROWS; ++b)
        if (!is_target[b]) truth[b * CLASSES + b % CLASSES] = 1;
}

static void test_layer(void **state)
{
    (void)state;
    float truth[ROWS * CLASSES], delta[ROWS * FEATURES];
    const float ignored[] = {0, SECRET_NUM};
    compactness_layer l = make("0.5"), by_default = make(NULL), off = make("0");
    assert_true(by_default.scale == 0.1f && off.scale == 0 && l.outputs == FEATURES &&
                l.out_c == FEATURES);
    for (int c = 0; c < 2; ++c) {
        random_features();
        write_truth(truth, some, ignored[c]);
        network net = {.input = x, .truth = truth, .truths = CLASSES, .delta = delta, .train = 1};
        forward_compactness_layer(l, net);
        assert_memory_equal(l.output, x, sizeof x);
        double loss = (double)compactness_loss(ROWS, FEATURES, x, some, mean);
        assert_close((double)*l.cost, 0.5 * 4 * loss, 1e-6 * loss);
        memset(gradient, 0, sizeof gradient);
        add_compactness_gradient(ROWS, FEATURES, x, some, mean, 0.5f * 4, gradient);
        for (int i = 0; i < ROWS * FEATURES; ++i) l.delta[i] = (float)i, delta[i] = 1;
        backward_compactness_layer(l, net);
        for (int i = 0; i < ROWS * FEATURES; ++i)
            assert_close((double)delta[i], 1 + i - (double)gradient[i], 1e-5);
        forward_compactness_layer(off, net);
        assert_true(*off.cost == 0);
        net.truth = NULL; /* prediction */
        forward_compactness_layer(l, net);
        assert_true(*l.cost == 0);
        net.delta = NULL; /* the first layer */
        backward_compactness_layer(l, net);
    }
    free_layer(l);
    free_layer(by_default);
    free_layer(off);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),  cmocka_unit_test(test_shift),
        cmocka_unit_test(test_few_targets), cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
