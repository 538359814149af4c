/* The figures of one class: by their definition, at their ends, and how often the interval holds
 * the area. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "one_class.h"

enum { MOST = 60 };
static double targets[MOST], unknowns[MOST];

static void assert_close(double a, double b, double allowed)
{
    if (!(fabs(a - b) <= allowed)) fail_msg("%.9g is not %.9g (allowed %g)", a, b, allowed);
}

static double normal(void)
{
    double sum = 0;
    for (int i = 0; i < 12; ++i) sum += (double)rand() / RAND_MAX;
    return sum - 6;
}

static double by_pairs(int target_count, int unknown_count)
{
    double sum = 0;
    for (int i = 0; i < target_count; ++i)
        for (int j = 0; j < unknown_count; ++j)
            sum += targets[i] > unknowns[j] ? 1 : targets[i] == unknowns[j] ? 0.5 : 0;
    return sum / target_count / unknown_count;
}

static void test_area(void **state)
{
    (void)state;
    for (int round = 0; round < 200; ++round) {
        int m = 1 + rand() % MOST, n = 1 + rand() % MOST, ties = 2 + rand() % 30;
        for (int i = 0; i < m; ++i) targets[i] = -(rand() % ties);
        for (int i = 0; i < n; ++i) unknowns[i] = -(rand() % ties) - round % 3;
        double area = area_under_curve(targets, m, unknowns, n);
        assert_close(area, by_pairs(m, n), 1e-12);
        auc_interval interval = area_interval(area, m, n);
        assert_true(interval.low >= 0 && interval.low <= area);
        assert_true(interval.high <= 1 && interval.high >= area);
    }
    const double same[] = {-2, -2}, high[] = {-1, 0};
    assert_true(area_under_curve(same, 2, same, 2) == 0.5);
    assert_true(area_under_curve(high, 2, same, 2) == 1);
    assert_true(area_under_curve(same, 2, high, 2) == 0);
}

/* At the ends of the interval the area seen is 1.96 standard deviations away. */
static void test_interval(void **state)
{
    (void)state;
    const int m = 40, n = 90;
    auc_interval interval = area_interval(0.9, m, n);
    const double ends[] = {interval.low, interval.high};
    for (int i = 0; i < 2; ++i) {
        double a = ends[i], s = (m + n) / 2. - 1;
        double variance =
            a * (1 - a) * (1 + s * (1 - a) / (2 - a) + s * a / (1 + a)) / ((double)m * n);
        assert_close(fabs(0.9 - a) / sqrt(variance), 1.959964, 1e-6);
    }
    assert_true(interval.low < 0.9 && interval.high > 0.9);
    auc_interval whole = area_interval(1, m, n), nothing = area_interval(0, m, n);
    assert_true(whole.high == 1 && whole.low < 0.99 && whole.low > 0.9);
    assert_close(nothing.high, 1 - whole.low, 1e-9); /* the formula is symmetric */
    assert_true(nothing.low == 0);
}

/* Normal scores a distance apart: the area is Phi(distance / sqrt 2). */
static void test_coverage(void **state)
{
    (void)state;
    const double distances[] = {0.5, 1.5, 2.5};
    for (int c = 0; c < 3; ++c) {
        double area = 0.5 * erfc(-distances[c] / 2);
        int inside = 0;
        for (int round = 0; round < 2000; ++round) {
            for (int i = 0; i < 30; ++i) targets[i] = normal() + distances[c];
            for (int i = 0; i < 50; ++i) unknowns[i] = normal();
            auc_interval interval =
                area_interval(area_under_curve(targets, 30, unknowns, 50), 30, 50);
            inside += interval.low <= area && area <= interval.high;
        }
        if (inside < 1860 || inside > 1980) fail_msg("%d of 2000 hold %g", inside, area);
    }
}

static void test_threshold(void **state)
{
    (void)state;
    const double target[] = {-1, -2, -5, -7},
                 unknown[] = {-3, -4, -6, -8, -9, -9, -10, -11, -12, -13};
    operating_point point = point_for_false_alarms(target, 4, unknown, 10, 0);
    assert_true(point.threshold == -2 && point.false_alarms == 0 && point.found == 0.5);
    point = point_for_false_alarms(target, 4, unknown, 10, 0.2999);
    assert_true(point.threshold == -5 && point.found == 0.75);
    assert_close(point.false_alarms, 0.2, 1e-12);
    point = point_for_false_alarms(target, 4, unknown, 10, 0.3);
    assert_true(point.threshold == -7 && point.found == 1);
    assert_close(point.false_alarms, 0.3, 1e-12);
    point = point_for_false_alarms(target, 4, unknown, 10, 0.5); /* two are equal there */
    assert_close(point.false_alarms, 0.4, 1e-12);
    point = point_for_false_alarms(unknown, 10, target, 4, 0.1); /* none is above all others */
    assert_true(point.threshold > -1 && point.threshold < -0.999999 && point.found == 0);
    assert_true(point.false_alarms == 0);
    const double templates[] = {-1, 0, -0.0}; /* which nothing can be above */
    point = point_for_false_alarms(target, 4, templates, 3, 0.1);
    assert_true(point.threshold >= FLT_MIN && point.threshold < 1e-6);
    assert_true(point.false_alarms == 0 && point.found == 0);
}

static void test_template_score(void **state)
{
    (void)state;
    const float templates[] = {0, 0, 3, 4, -1, 1}, features[] = {3, 3}, far[] = {1e30f, 1e30f};
    assert_close(template_score(templates, 3, 2, features), -1, 1e-9);
    assert_close(template_score(templates, 1, 2, features), -sqrt(18), 1e-9);
    assert_true(template_score(templates, 3, 2, templates + 4) == 0);
    assert_close(template_score(templates, 3, 2, far), -sqrt(2) * 1e30, 1e25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_area),           cmocka_unit_test(test_interval),
        cmocka_unit_test(test_coverage),       cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_template_score),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
