/* The formulas that CPU and GPU share, one by one: the weight, the tilt, the polynomials. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "numbers.h"
#include "smooth_topk_exp.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_tilt.h"

static uint64_t state = 1;
static double uniform(void)
{
    return (next_random(&state) >> 11) * 0x1p-53;
}

/* Off by at most 1.2e-7 of 1, and 126 times that of itself. */
static void test_weight(void **unused)
{
    (void)unused;
    double worst = 0, worst_relative = 0;
    for (int i = 0; i < 2000000; ++i) {
        float rate = (float)exp(20 * (uniform() - 0.5)), pivot = (float)(200 * (uniform() - 0.5));
        float score = pivot - (float)(126 * uniform() * (i % 2 ? 1 : uniform())) / rate;
        double wanted = exp2(((double)score - pivot) * rate);
        float distance = score - pivot;
        if ((double)distance != (double)score - pivot || wanted < 0x1.1p-126) continue;
        float u = smooth_topk_weight(score, pivot, rate);
        worst = fmax(worst, fabs(u - wanted));
        worst_relative = fmax(worst_relative, fabs(u - wanted) / wanted);
    }
    print_message("# u: off by at most %.2e, and by %.2e of itself\n", worst, worst_relative);
    assert_true(worst < 1.2e-7 && worst_relative < 6e-6);
    assert_true(smooth_topk_weight(1, 1, 1) == 1);
    assert_true(smooth_topk_weight(1.5f, 1, 1) == 0);
    assert_true(smooth_topk_weight(-126.5f, 0, 1) == 0);
    assert_true(smooth_topk_weight(float_of(BITS_MINUS_INF), 0, 1) == 0);
}

/* The tilt is found in a few steps, wherever the odds are. */
static void test_tilt(void **unused)
{
    (void)unused;
    enum { CLASSES = 300 };
    for (int round = 0; round < 500; ++round) {
        double z[CLASSES], sum = 0, expected, variance;
        int k = 1 + round % 200, steps = 0, near = 0;
        for (int i = 0; i < CLASSES; ++i) {
            z[i] = i < k ? 20 * uniform() * (round % 3) : -30 * uniform() * (round % 4);
            if (z[i] <= 0) sum += exp(z[i]);
        }
        smooth_topk_tilt tilt = smooth_topk_first_tilt(CLASSES, k, sum);
        do {
            expected = variance = 0;
            for (int i = 0; i < CLASSES; ++i) {
                double probability = 1 / (1 + exp(-z[i] - tilt.at));
                expected += probability;
                variance += probability * (1 - probability);
            }
            near = smooth_topk_next_tilt(&tilt, k, expected, variance);
        } while (!near && ++steps < SMOOTH_TOPK_TILT_STEPS);
        assert_true(near);
        assert_true(fabs(expected - (k - 0.5)) < fmax(0.25, 2 * sqrt(variance)) + 1e-9);
    }
}

/* Products and gradients against sums over all subsets, by inclusion of one class after another. */
static void test_polynomials(void **unused)
{
    (void)unused;
    enum { HIGH = 4, LOW = 7, ALL = HIGH + LOW };
    for (int round = 0; round < 300; ++round) {
        double u[ALL], monic[HIGH + 1], other[ALL + 1] = {1}, c[ALL + 1];
        int k = 1 + round % 9;
        for (int i = 0; i < ALL; ++i) u[i] = uniform();
        smooth_topk_monic_product(u, HIGH, monic);
        for (int i = HIGH; i < ALL; ++i)
            for (int j = LOW; j >= 1; --j) other[j] += u[i] * other[j - 1];
        for (int j = 0; j <= k; ++j) c[j] = smooth_topk_coefficient(monic, HIGH, other, LOW, j);

        /* sigma[i][j]: of all classes but i, in odds; sigma[ALL]: of all. */
        double sigma[ALL + 1][ALL + 1] = {{0}}, sum = 0;
        for (int without = 0; without <= ALL; ++without) {
            sigma[without][0] = 1;
            for (int i = 0; i < ALL; ++i) {
                double odds = i < HIGH ? 1 / u[i] : u[i];
                if (i != without)
                    for (int j = ALL; j >= 1; --j)
                        sigma[without][j] += odds * sigma[without][j - 1];
            }
        }
        for (int i = 0; i < ALL; ++i) {
            double odds = i < HIGH ? 1 / u[i] : u[i], difference = 0;
            double chosen_k = odds * sigma[i][k - 1] / sigma[ALL][k];
            double chosen_k1 = k > 1 ? odds * sigma[i][k - 2] / sigma[ALL][k - 1] : 0;
            if (i < HIGH)
                difference = smooth_topk_monic_difference(monic, HIGH, u[i], other, c, k);
            else
                for (int m = k - 1; m >= 0; --m)
                    difference =
                        SMOOTH_TOPK_HORNER(smooth_topk_division(c, k, m), u[i], difference);
            if (i >= HIGH) difference *= u[i];
            double allowed = 1e-13 * (1 + smooth_topk_cancellation(c, k));
            assert_true(fabs(difference - (chosen_k - chosen_k1)) < allowed);
            sum += difference;
        }
        assert_true(fabs(sum - 1) < 1e-12 * (1 + smooth_topk_cancellation(c, k)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weight),
        cmocka_unit_test(test_tilt),
        cmocka_unit_test(test_polynomials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
