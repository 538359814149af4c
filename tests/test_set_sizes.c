/* Guesses for 90 %: by brute force beside find_set; and how often the interval holds the
 * difference. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "prediction_sets.h"
#include "seed.h"
#include "set_sizes.h"

enum { CLASSES = 12 };

static double uniform(void)
{
    return (thread_rand() + 0.5) / (RAND_MAX + 1.);
}

/* An image and what two networks say of it, the second one with less noise. */
static int draw_image(float p[2][CLASSES])
{
    int class = (int)(CLASSES * uniform());
    double common[CLASSES];
    for (int i = 0; i < CLASSES; ++i) common[i] = 4 * uniform() + 2 * (i == class);
    for (int net = 0; net < 2; ++net) {
        double sum = 0;
        for (int i = 0; i < CLASSES; ++i) {
            p[net][i] = (float)exp(common[i] + (net ? 1 : 3) * uniform());
            sum += (double)p[net][i];
        }
        for (int i = 0; i < CLASSES; ++i) p[net][i] = (float)(p[net][i] / sum);
    }
    return class;
}

static void measure(int calibration, int used, set_size_figures figures[2])
{
    set_sizes *s[2];
    float p[2][CLASSES];
    for (int net = 0; net < 2; ++net) s[net] = begin_set_sizes(CLASSES, 0.9, calibration);
    for (int i = 0; i < calibration + used; ++i) {
        int class = draw_image(p);
        for (int net = 0; net < 2; ++net) {
            if (i < calibration) add_calibration(s[net], i, class, p[net]);
            if (i == calibration) assert_true(end_calibration(s[net]));
            if (i >= calibration) add_measured(s[net], i, class, p[net]);
        }
    }
    for (int net = 0; net < 2; ++net) {
        find_set_sizes(s[net], figures + net);
        free_set_sizes(s[net]);
    }
}

static void test_by_brute_force(void **state)
{
    (void)state;
    enum { CALIBRATION = 50, USED = 70 };
    static set_size_figures figures[2];
    prediction_sets sets = {
        .score = SET_SCORE_LAC, .cover = 0.9, .classes = CLASSES, .images = CALIBRATION};
    calibration_score scores[CALIBRATION];
    double classes[CLASSES];
    int members[CLASSES], sizes = 0, covered = 0;
    float p[2][CLASSES];
    seed_thread(7);
    measure(CALIBRATION, USED, figures);
    seed_thread(7);
    for (int i = 0; i < CALIBRATION + USED; ++i) {
        int class = draw_image(p);
        if (i < CALIBRATION) scores[i] = (calibration_score){class, 1 - (double)p[1][class]};
        if (i == CALIBRATION) calibrate_sets(&sets, scores);
        if (i < CALIBRATION) continue;
        int size = find_set(&sets, p[1], classes, members);
        sizes += size;
        for (int j = 0; j < size; ++j) covered += members[j] == class;
    }
    seed_thread(0);
    assert_int_equal(figures[1].calibrated, CALIBRATION);
    assert_int_equal(figures[1].measured, USED);
    assert_true(fabs(figures[1].mean_size - (double)sizes / USED) < 1e-9);
    assert_true(fabs(figures[1].coverage - (double)covered / USED) < 1e-9);
    /* A network and itself: no difference in any resample. */
    double low, high;
    compare_set_sizes(figures, figures, &low, &high);
    assert_true(low == 0 && high == 0);
}

static void test_too_few(void **state)
{
    (void)state;
    const float p[2] = {0.5f, 0.5f};
    set_sizes *s = begin_set_sizes(2, 0.9, 8);
    for (int i = 0; i < 8; ++i) add_calibration(s, i, 0, p);
    assert_false(end_calibration(s));
    set_size_figures none = {0};
    find_set_sizes(s, &none);
    assert_int_equal(none.measured, 0);
    free_set_sizes(s);
}

static void test_interval(void **state)
{
    (void)state;
    enum { DRAWS = 100 };
    static set_size_figures figures[2];
    int held = 0;
    seed_thread(8);
    measure(15000, 15000, figures);
    double truth = figures[1].mean_size - figures[0].mean_size;
    for (int i = 0; i < DRAWS; ++i) {
        double low, high;
        measure(150, 150, figures);
        compare_set_sizes(figures, figures + 1, &low, &high);
        assert_true(low < high);
        held += low <= truth && truth <= high;
    }
    seed_thread(0);
    /* 98 were seen: with so few images the thresholds move in steps. */
    if (held < 90) fail_msg("%d of 100 intervals hold %g", held, truth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_brute_force),
        cmocka_unit_test(test_too_few),
        cmocka_unit_test(test_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
