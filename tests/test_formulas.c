/* The formulas that CPU and GPU share, one by one: the margin and the loss, the weight, the tilt,
 * the polynomials. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support.h"
#include "smooth_topk_exp.h"
#include "smooth_topk_formulas.h"
#include "smooth_topk_polynomial.h"
#include "smooth_topk_tilt.h"

static uint64_t state = 1;
static double uniform(void)
{
    return (next_random(&state) >> 11) * 0x1p-53;
}

#define assert_near(value, wanted, error) assert_true(fabs((double)(value) - (wanted)) <= (error))

/* q and its special cases: alpha/tau + log ratio - z_y, and alpha + (s_[k] - s_y)/k at tau = 0. */
static void test_margin(void **unused)
{
    (void)unused;
    assert_near(smooth_topk_margin(3, 0.5f), 6, 0);
    assert_near(smooth_topk_z(7, 4, 3, 0.5f), 2, 1e-15);
    assert_near(smooth_topk_q(0.25, 7, 4, 3, 0.5f, 1), 2 - 2 + 0.25, 1e-15);
    assert_near(smooth_topk_q(0.25, 7, 4, 3, 0.5f, 0), -2 + 0.25, 1e-15);
    assert_near(smooth_topk_hinge(7, 4, 3, 1), 2, 1e-15);
    assert_near(smooth_topk_hinge(4, 7, 3, 0), -1, 1e-15);
}

/* The softplus has the sigmoid as its slope, and neither overflows. */
static void test_loss_of_q(void **unused)
{
    (void)unused;
    for (double q = -40; q <= 40; q += 0.25) {
        double step = 1e-4,
               slope =
                   (smooth_topk_softplus(q + step) - smooth_topk_softplus(q - step)) / (2 * step);
        assert_near(smooth_topk_sigmoid(q), slope, 1e-7);
        assert_near(smooth_topk_softplus(q) - smooth_topk_softplus(-q), q, 1e-13);
        double sigmoid, softplus = smooth_topk_softplus_and_sigmoid(q, &sigmoid);
        assert_near(softplus, smooth_topk_softplus(q), 0);
        assert_near(sigmoid, smooth_topk_sigmoid(q), 0);
    }
    assert_near(smooth_topk_softplus(1e6), 1e6, 0);
    assert_near(smooth_topk_softplus(-1e6), 0, 0);
    assert_near(smooth_topk_sigmoid(1e6), 1, 0);
    assert_near(smooth_topk_sigmoid(-1e6), 0, 0);
}

/* What label smoothing leaves of a label and gives to the others adds up to the row. */
static void test_smoothed_truth(void **unused)
{
    (void)unused;
    int classes = 5;
    double sum = 0;
    for (int i = 0; i < classes; ++i)
        sum += smooth_topk_smoothed_truth(i == 2 ? 2 : 0, 2, 0.2f, classes);
    assert_near(sum, 2, 1e-6);
    assert_near(smooth_topk_smoothed_truth(2, 2, 0.2f, classes), 1.6, 1e-6);
    assert_near(smooth_topk_smoothed_truth(0, 2, 0.2f, classes), 0.1, 1e-6);
    assert_near(smooth_topk_smoothed_truth(0.75f, 2, 0, classes), 0.75, 0);
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
    assert_true(smooth_topk_weight(float_from_bits(BITS_MINUS_INF), 0, 1) == 0);
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
                double probability = 1 / (1 + exp(-z[i] - tilt.log_rho));
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
        smooth_topk_inverse inverse = smooth_topk_invert(c, k);

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
                difference = smooth_topk_monic_difference(monic, HIGH, u[i], other, inverse, k);
            else
                for (int m = k - 1; m >= 0; --m)
                    difference = SMOOTH_TOPK_HORNER(smooth_topk_division(c, inverse, k, m), u[i],
                                                    difference);
            if (i >= HIGH) difference *= u[i];
            double allowed = 1e-13 * (1 + smooth_topk_cancellation(c, inverse, k));
            assert_true(fabs(difference - (chosen_k - chosen_k1)) < allowed);
            sum += difference;
        }
        assert_true(fabs(sum - 1) < 1e-12 * (1 + smooth_topk_cancellation(c, inverse, k)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margin),         cmocka_unit_test(test_loss_of_q),
        cmocka_unit_test(test_smoothed_truth), cmocka_unit_test(test_weight),
        cmocka_unit_test(test_tilt),           cmocka_unit_test(test_polynomials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
