/* Calibration error by hand; the temperature against one that the right classes are drawn by. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "reliability.h"
#include "seed.h"

#define NEAR(got, want, within) assert_true(fabs((got) - (want)) < (within))

static void test_calibration_error(void **state)
{
    (void)state;
    reliability r = {{0}, {0}, {0}};
    NEAR(calibration_error(&r), 0, 1e-12);
    for (int i = 0; i < 10; ++i) add_to_reliability(&r, 0.85, i < 6);                 /* 0.25 off */
    for (int i = 0; i < 30; ++i) add_to_reliability(&r, i % 2 ? 0.30 : 0.32, i < 12); /* 0.09 off */
    NEAR(calibration_error(&r), (10 * 0.25 + 30 * 0.09) / 40, 1e-9);
    add_to_reliability(&r, 1, 1);
    add_to_reliability(&r, 1.25, 1);
    assert_int_equal(r.images[RELIABILITY_BINS - 1], 2);
    NEAR(r.confidence[RELIABILITY_BINS - 1], 2, 1e-12);
    add_to_reliability(&r, 0, 0);
    assert_int_equal(r.images[0], 1);
}

static double uniform(void)
{
    return (thread_rand() + 0.5) / (RAND_MAX + 1.);
}

enum { CLASSES = 20, IMAGES = 2000 };

static void softmax(const double *scores, double temperature, float *p)
{
    double sum = 0;
    for (int i = 0; i < CLASSES; ++i) sum += exp(scores[i] / temperature);
    for (int i = 0; i < CLASSES; ++i) p[i] = (float)(exp(scores[i] / temperature) / sum);
}

/* The loss of the images at a factor on the temperature. */
static double scaled_loss(float p[][CLASSES], const int *classes, double factor)
{
    double sum = 0;
    float changed[CLASSES];
    for (int i = 0; i < IMAGES; ++i) {
        change_temperature(CLASSES, p[i], factor, changed);
        sum -= log((double)changed[classes[i]]);
    }
    return sum;
}

/* Classes are drawn by the softmax at one temperature; the network says that at another. */
static void check_fit(double drawn, double said)
{
    static float p[IMAGES][CLASSES];
    static int classes[IMAGES];
    temperature_fit fit = {0, {0}, {0}};
    double logs[CLASSES];
    float real[CLASSES];
    seed_thread(mix_seed(2, 0));
    for (int i = 0; i < IMAGES; ++i) {
        double scores[CLASSES], u = uniform();
        for (int j = 0; j < CLASSES; ++j) scores[j] = 6 * uniform() * uniform();
        softmax(scores, drawn, real);
        softmax(scores, said, p[i]);
        classes[i] = 0;
        for (double sum = (double)real[0]; classes[i] < CLASSES - 1 && sum < u;)
            sum += (double)real[++classes[i]];
        add_to_temperature_fit(&fit, CLASSES, p[i], classes[i], logs);
    }
    seed_thread(0);
    double factor = fitted_temperature(&fit);
    if (fabs(factor * said / drawn - 1) > 0.08)
        fail_msg("%g, should be about %g", factor, drawn / said);
    double best = scaled_loss(p, classes, factor);
    /* Nothing near it is better. */
    assert_true(best <= scaled_loss(p, classes, factor * 1.002) &&
                best <= scaled_loss(p, classes, factor * 0.998));
    float same[CLASSES];
    change_temperature(CLASSES, p[0], 1, same);
    for (int j = 0; j < CLASSES; ++j) NEAR((double)same[j], (double)p[0][j], 1e-6);
    change_temperature(CLASSES, p[0], drawn / said, same);
    double scores[CLASSES];
    for (int j = 0; j < CLASSES; ++j) scores[j] = said * log((double)p[0][j]);
    softmax(scores, drawn, real);
    for (int j = 0; j < CLASSES; ++j) NEAR((double)same[j], (double)real[j], 1e-5);
}

static void test_fit(void **state)
{
    (void)state;
    check_fit(1, 1);
    check_fit(1, 0.4);
    check_fit(0.8, 4.5);
    check_fit(0.6, 0.07);
}

static void test_ends(void **state)
{
    (void)state;
    double logs[2];
    const float sure[] = {0.9f, 0.1f}, certain[] = {1, 0};
    temperature_fit none = {0, {0}, {0}}, right = none, wrong = none, far = none;
    NEAR(fitted_temperature(&none), 1, 1e-12);
    add_to_temperature_fit(&right, 2, sure, 0, logs);
    NEAR(fitted_temperature(&right), LEAST_TEMPERATURE, 1e-12);
    add_to_temperature_fit(&wrong, 2, sure, 1, logs);
    NEAR(fitted_temperature(&wrong), MOST_TEMPERATURE, 1e-12);
    add_to_temperature_fit(&far, 2, certain, 1, logs); /* a probability of 0 is no infinity */
    NEAR(fitted_temperature(&far), MOST_TEMPERATURE, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calibration_error),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
