/* The statistics of two classifiers on the same images, by numbers worked out by hand. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "paired_test.h"

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-6 * fmax(1e-3, fabs(want)))) {
        print_error("%.9g, should be %.9g\n", got, want);
        fail();
    }
}

static void test_mcnemar(void **state)
{
    (void)state;
    near(compare_paired(0, 0, 10).p, 1);
    near(compare_paired(0, 5, 10).p, 2. / 32);
    near(compare_paired(5, 0, 10).p, 2. / 32);
    near(compare_paired(1, 9, 20).p, 2 * (1 + 10) / 1024.);
    near(compare_paired(5, 5, 10).p, 1);
    near(compare_paired(3, 4, 10).p, 1);
    /* 2 (1 + 20 + 190 + 1140 + 4845 + 15504) / 2^20 */
    near(compare_paired(15, 5, 100).p, 43400 / 1048576.);
}

/* Far out the normal distribution does: z = 1000/sqrt(1e6) = 1 with the correction for continuity.
 */
static void test_mcnemar_of_many(void **state)
{
    (void)state;
    double p = compare_paired(499500, 500500, 2000000).p,
           normal = erfc((1000 - 1) / sqrt(1e6) / sqrt(2));
    if (!(fabs(p - normal) < 1e-5)) fail_msg("%g, should be %g", p, normal);
    double none = compare_paired(0, 100000, 200000).p;
    assert_true(none >= 0 && none < 1e-300);
}

static void test_interval(void **state)
{
    (void)state;
    /* 10/102 +- 1.96 sqrt(31 - 100/102)/102 */
    paired_result r = compare_paired(10, 20, 100);
    near(r.difference, 0.1);
    near(r.low, -0.00724188741);
    near(r.high, 0.203320319);
    paired_result other = compare_paired(20, 10, 100);
    near(other.difference, -0.1);
    near(other.low, -r.high);
    near(other.high, -r.low);
    r = compare_paired(0, 0, 100); /* +- 1.96/102 */
    near(r.low, -1.959963985 / 102);
    near(r.high, 1.959963985 / 102);
    r = compare_paired(0, 2, 2);
    near(r.difference, 1);
    assert_true(r.low < 1 && r.high <= 1);
    /* -1/3 - 1.96 sqrt(5/3)/3 is -1.18: no difference of shares is below -1. */
    assert_true(compare_paired(1, 0, 1).low == -1);
    assert_true(compare_paired(0, 1, 1).high == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mcnemar),
        cmocka_unit_test(test_mcnemar_of_many),
        cmocka_unit_test(test_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
