/* The mathematics against its references: accuracy, invariants, special cases, bad numbers,
 * refusals. */
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support.h"
#include "reference.h"
#include "smooth_topk.h"

#define MOST_CLASSES 21841

/* One of so many cases of the large grids, for builds in which a sample takes long. */
#ifndef EVERY
#define EVERY 1
#endif
/* One of four of these for `make test`; all of them for `make check`, or with LONG=1. */
static int every(void)
{
    return getenv("LONG") ? EVERY : 4 * EVERY;
}

static const smooth_topk_algorithm algorithms[] = {SMOOTH_TOPK_PIVOT, SMOOTH_TOPK_LOG};
static const char *const algorithm_names[] = {"pivot", "log"};
#define FOR_ALGORITHMS(a) for (int a = 0; a < 2; ++a)

static uint64_t state;
static double uniform(void)
{
    return (next_random(&state) >> 11) * 0x1p-53;
}
static double normal(void)
{
    return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}

static smooth_topk_params make_params(int k, float tau, float alpha, int algorithm)
{
    smooth_topk_params params = {k, tau, alpha, algorithms[algorithm]};
    return params;
}

static void report_failure(const char *what, const smooth_topk_params *p, int classes, int label,
                           double value, double wanted, double allowed)
{
    fail_msg("%s: k %d tau %g alpha %g %s classes %d label %d: %.9g, not %.9g (allowed %.3g)", what,
             p->k, p->tau, p->alpha, algorithm_names[p->algorithm == SMOOTH_TOPK_LOG], classes,
             label, value, wanted, allowed);
}

/* How far a result is off, in units of what is allowed; the worst ones seen are printed at the end.
 */
static double worst_loss[2], worst_gradient[2];

/* What brute force itself is off by where it takes nearly equal numbers from each other. */
static long double reference_noise;

static void compare(const smooth_topk_params *p, int classes, int label, float loss,
                    const float *grad, long double wanted_loss, const long double *wanted_grad)
{
    int a = p->algorithm == SMOOTH_TOPK_LOG;
    long double largest = 0, sum = 0, allowed = LOSS_TOLERANCE * fmaxl(wanted_loss, p->tau);
    long double off = fabsl(loss - wanted_loss);
    if (!(off <= allowed)) report_failure("loss", p, classes, label, loss, wanted_loss, allowed);
    if (off / allowed > worst_loss[a]) worst_loss[a] = off / allowed;
    for (int i = 0; i < classes; ++i) largest = fmaxl(largest, fabsl(wanted_grad[i]));
    /* Below the least normal float a process that flushes, as Darknet's -Ofast makes it, has
     * nothing. */
    allowed = fmaxl(GRADIENT_TOLERANCE * largest, 2e-38L) + reference_noise;
    for (int i = 0; i < classes; ++i) {
        off = fabsl(grad[i] - wanted_grad[i]);
        if (is_nan(grad[i]) || !(off <= allowed))
            report_failure("gradient", p, classes, label, grad[i], wanted_grad[i], allowed);
        if (off / allowed > worst_gradient[a]) worst_gradient[a] = off / allowed;
        if (i != label && !(grad[i] >= 0))
            report_failure("sign", p, classes, label, grad[i], wanted_grad[i], 0);
        sum += grad[i];
    }
    if (!(fabsl(sum) <= allowed + classes * 1.2e-38L))
        report_failure("sum of gradients", p, classes, label, sum, 0, allowed);
}

static float scores[MOST_CLASSES], grad[MOST_CLASSES];
static long double wanted_grad[MOST_CLASSES];

static void check_against_reference(const smooth_topk_params *p, int classes, int label)
{
    float loss;
    long double wanted_loss;
    reference(p, classes, scores, label, &wanted_loss, wanted_grad);
    assert_int_equal(smooth_topk_cpu(p, 1, classes, scores, &label, &loss, grad), 0);
    compare(p, classes, label, loss, grad, wanted_loss, wanted_grad);
}

static void normal_scores(int classes, double scale)
{
    for (int i = 0; i < classes; ++i) scores[i] = (float)(scale * normal());
}

static int largest_class(int classes, int sign)
{
    int best = 0;
    for (int i = 1; i < classes; ++i)
        if (sign * scores[i] > sign * scores[best]) best = i;
    return best;
}

/* ---- tests ---- */

static void test_brute_force(void **unused)
{
    (void)unused;
    state = 1;
    reference_noise = 1e-17L;
    FOR_ALGORITHMS(a)
    for (int classes = 2; classes <= 9; ++classes)
        for (int k = 1; k < classes; ++k)
            for (int round = 0; round < 6; ++round) {
                static const float taus[] = {0.05f, 0.3f, 1, 4};
                float loss, alpha = (float)(2 * uniform() * (round > 0));
                long double wanted_loss;
                smooth_topk_params p = make_params(k, taus[round % 4], alpha, a);
                normal_scores(classes, round < 3 ? 1 : 5);
                for (int label = 0; label < classes; ++label) {
                    brute_force(&p, classes, scores, label, &wanted_loss, wanted_grad);
                    assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad),
                                     0);
                    compare(&p, classes, label, loss, grad, wanted_loss, wanted_grad);
                }
            }
    reference_noise = 0;
}

/* The figures of the design: score scale 1e-4..1e4, tau 0.01..10, k 1..100, n 2..21841. */
static void test_accuracy_grid(void **unused)
{
    (void)unused;
    static const int class_counts[] = {2, 3, 6, 11, 30, 100, 101, 1000, MOST_CLASSES};
    static const int ks[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20, 50, 99, 100};
    static const float taus[] = {0.01f, 0.1f, 1, 10};
    int number = 0;
    state = 2;
    for (size_t c = 0; c < sizeof class_counts / sizeof *class_counts; ++c)
        for (size_t ki = 0; ki < sizeof ks / sizeof *ks; ++ki)
            for (int power = -4; power <= 4; ++power)
                for (size_t t = 0; t < 4; ++t) {
                    int classes = class_counts[c], k = ks[ki];
                    if (k >= classes || ++number % every()) continue;
                    if (classes == MOST_CLASSES && (power + 4 + t + ki) % 6)
                        continue; /* the references take long */
                    normal_scores(classes, pow(10, power));
                    int label = (power + 9) % 3 == 0   ? largest_class(classes, 1)
                                : (power + 9) % 3 == 1 ? largest_class(classes, -1)
                                                       : (int)(next_random(&state) % classes);
                    FOR_ALGORITHMS(a)
                    {
                        if (classes == MOST_CLASSES && k > 20 && a == 1 && t > 0) continue;
                        smooth_topk_params p = make_params(k, taus[t], t % 2 ? 1 : 0.3f, a);
                        check_against_reference(&p, classes, label);
                    }
                }
}

/* Where precision could be lost: equal scores, ties at the pivot, a few far above, all but k far
 * below. */
static void test_ties_and_gaps(void **unused)
{
    (void)unused;
    static const int class_counts[] = {2, 3, 5, 12, 60, 300, 1100};
    static const int ks[] = {1, 2, 3, 5, 7, 8, 10, 11, 12, 20, 40, 59, 100, 299, 700};
    int number = 0;
    state = 3;
    for (size_t c = 0; c < sizeof class_counts / sizeof *class_counts; ++c)
        for (size_t ki = 0; ki < sizeof ks / sizeof *ks; ++ki)
            for (int shape = 0; shape < 8; ++shape)
                for (int gap = 0; gap < 3; ++gap) {
                    int classes = class_counts[c], k = ks[ki];
                    float far = gap == 0 ? 3 : gap == 1 ? 40 : 1e4f;
                    if (k >= classes || ++number % every()) continue;
                    for (int i = 0; i < classes; ++i) {
                        float noise = (float)normal();
                        switch (shape) {
                        case 0:
                            scores[i] = 1.25f;
                            break; /* all equal */
                        case 1:
                            scores[i] = i <= k ? 0 : -far;
                            break; /* k+1 equal, the rest below */
                        case 2:
                            scores[i] = i < k ? 0 : -far;
                            break; /* k equal, the rest below */
                        case 3:
                            scores[i] = i < k ? 0.01f * noise : -far + noise;
                            break; /* k nearly equal */
                        case 4:
                            scores[i] = i < k / 2 ? far : i < 2 * k ? 0 : -far;
                            break; /* heavy ones, ties */
                        case 5:
                            scores[i] = (float)(int)(3 * noise);
                            break; /* many ties */
                        case 6:
                            scores[i] = -0.1f * i * far;
                            break; /* descending */
                        default:
                            scores[i] = 0.1f * i * far;
                            break; /* ascending */
                        }
                    }
                    FOR_ALGORITHMS(a)
                    for (int which = 0; which < 3; ++which) {
                        int label = which == 0 ? 0 : which == 1 ? classes - 1 : classes / 2;
                        smooth_topk_params p = make_params(k, gap == 1 ? 0.3f : 1, 1, a);
                        check_against_reference(&p, classes, label);
                    }
                }
}

/* Equal scores and k near half of them: the tilt may make nearly all classes likely ones. */
static void test_equal_scores_large_k(void **unused)
{
    (void)unused;
    FOR_ALGORITHMS(a)
    for (int classes = 20; classes <= 600; classes += 37)
        for (int k = 11; k < classes; k += 1 + classes / 23) {
            smooth_topk_params p = make_params(k, 1.f / 512, 0.5f, a);
            for (int i = 0; i < classes; ++i) scores[i] = -1.f / 512;
            check_against_reference(&p, classes, classes / 2);
        }
}

/* Weights from equal ones to a few times each other, and a few classes far from the rest. */
static void test_nearly_equal_scores(void **unused)
{
    (void)unused;
    static const int class_counts[] = {23, 60, 100, 1000}, ks[] = {11, 12, 20, 45, 100, 300};
    int number = 0;
    state = 18;
    FOR_ALGORITHMS(a)
    for (size_t c = 0; c < sizeof class_counts / sizeof *class_counts; ++c)
        for (size_t ki = 0; ki < sizeof ks / sizeof *ks; ++ki)
            for (int width = 0; width <= 16; ++width)
                for (int shape = 0; shape < 3; ++shape) {
                    int classes = class_counts[c], k = ks[ki], few = 1 + k / 4;
                    if (k >= classes || (a == 1 && width % 4) || ++number % EVERY) continue;
                    smooth_topk_params p = make_params(k, 0.5f, 1, a);
                    double range = 0.125 * width * 0.693147 * k * p.tau;
                    for (int i = 0; i < classes; ++i) {
                        double part = shape == 0   ? uniform()
                                      : shape == 1 ? i % (classes / few) == 0
                                                   : i % (classes / few) != 0;
                        scores[i] = (float)(range * part);
                    }
                    check_against_reference(&p, classes, (int)(next_random(&state) % classes));
                }
}

static void test_any_k(void **unused)
{
    (void)unused;
    state = 4;
    FOR_ALGORITHMS(a)
    for (int classes = 2; classes <= 2000; classes = classes * 3 / 2 + 1)
        for (int step = 0; step < 5; ++step) {
            int k = 1 + (int)((long)(classes - 2) * step / 4);
            smooth_topk_params p = make_params(k, 1, 1, a);
            normal_scores(classes, 3 * k); /* z of a few units */
            check_against_reference(&p, classes, (int)(next_random(&state) % classes));
        }
}

/* Scores, tau and alpha times a power of two: the loss times it too, the gradient unchanged. */
static void test_scale_invariance(void **unused)
{
    (void)unused;
    state = 17;
    FOR_ALGORITHMS(a)
    for (int k = 1; k <= 25; k += 4)
        for (int power = -100; power <= 124; power += 112) {
            float factor = ldexpf(1, power), loss, scaled_loss, scaled[60], scaled_grad[60];
            int label = k;
            smooth_topk_params p = make_params(k, 1, 1, a), q = make_params(k, factor, factor, a);
            normal_scores(60, 0.4);
            for (int i = 0; i < 60; ++i) scaled[i] = factor * scores[i];
            assert_int_equal(smooth_topk_cpu(&p, 1, 60, scores, &label, &loss, grad), 0);
            assert_int_equal(smooth_topk_cpu(&q, 1, 60, scaled, &label, &scaled_loss, scaled_grad),
                             0);
            assert_true(fabs(scaled_loss / factor - loss) <= 1e-6 * loss);
            for (int i = 0; i < 60; ++i) assert_true(fabs(scaled_grad[i] - grad[i]) <= 2e-6 / k);
        }
}

/* Equal scores have a closed form at any size: sigma_k / sigma_{k-1} = (n - k + 1) / k. */
static void test_many_equal_scores(void **unused)
{
    (void)unused;
    static const int sizes[][2] = {
        {20000, 9000}, {20000, 10500}, {20000, 19999}, {12000, 700}, {3000, 1500}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        int classes = sizes[i][0], k = sizes[i][1], label = classes - 1;
        smooth_topk_params p = make_params(k, 1, 1, 0);
        double q = 1 + log((classes - 1. - k + 1) / k), size = 1 / (1 + exp(-q)) / k;
        float loss;
        for (int j = 0; j < classes; ++j) scores[j] = 2.5f;
        assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad), 0);
        for (int j = 0; j < classes; ++j)
            wanted_grad[j] = j == label ? -size : size / (classes - 1);
        compare(&p, classes, label, loss, grad, log1p(exp(q)), wanted_grad);
    }
}

static void test_finite_differences(void **unused)
{
    (void)unused;
    state = 5;
    FOR_ALGORITHMS(a)
    for (int round = 0; round < 20; ++round) {
        int classes = 5 + round, k = 1 + round % 4, label = round % classes;
        smooth_topk_params p = make_params(k, 1, 1, a);
        normal_scores(classes, 1);
        float loss, up, down, step = 0x1p-6f;
        assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad), 0);
        for (int i = 0; i < classes; ++i) {
            float middle = scores[i];
            scores[i] = middle + step;
            float high = scores[i];
            assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &up, NULL), 0);
            scores[i] = middle - step;
            float low = scores[i];
            assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &down, NULL), 0);
            scores[i] = middle;
            double slope = ((double)up - down) / ((double)high - low);
            if (!(fabs(slope - grad[i]) < 1e-4))
                fail_msg("class %d of %d, k %d: %g by differences, %g", i, classes, k, slope,
                         grad[i]);
        }
    }
}

static void test_shift_invariance(void **unused)
{
    (void)unused;
    state = 6;
    FOR_ALGORITHMS(a)
    for (int k = 1; k <= 12; ++k) {
        float loss, shifted_loss, shifted_grad[64], shifted[64];
        int label = 3;
        smooth_topk_params p = make_params(k, 0.5f, 1, a);
        for (int i = 0; i < 64; ++i) {
            scores[i] = (float)(int)(64 * normal()) / 32; /* such that the shifted ones are exact */
            shifted[i] = scores[i] + 1024;
        }
        smooth_topk_cpu(&p, 1, 64, scores, &label, &loss, grad);
        smooth_topk_cpu(&p, 1, 64, shifted, &label, &shifted_loss, shifted_grad);
        assert_true(fabs(loss - shifted_loss) <= 1e-6 * fabs(loss));
        for (int i = 0; i < 64; ++i) assert_true(fabs(grad[i] - shifted_grad[i]) <= 1e-6);
    }
}

static void test_cross_entropy(void **unused)
{
    (void)unused;
    state = 7;
    FOR_ALGORITHMS(a)
    for (int classes = 2; classes < 3000; classes = classes * 4 - 1) {
        smooth_topk_params p = make_params(1, 1, 0, a);
        int label = classes / 2;
        float loss;
        long double sum = 0;
        normal_scores(classes, 4);
        for (int i = 0; i < classes; ++i) sum += expl(scores[i]);
        assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad), 0);
        for (int i = 0; i < classes; ++i) wanted_grad[i] = expl(scores[i]) / sum - (i == label);
        compare(&p, classes, label, loss, grad, logl(sum) - scores[label], wanted_grad);
    }
}

/* k = 1: tau log sum_i exp((alpha [i != y] + s_i - s_y) / tau). */
static void test_top1_svm(void **unused)
{
    (void)unused;
    state = 8;
    FOR_ALGORITHMS(a)
    for (int round = 0; round < 30; ++round) {
        int classes = 4 + 7 * round, label = round % classes;
        smooth_topk_params p = make_params(1, round % 2 ? 0.2f : 2, 1.5f, a);
        float loss;
        long double sum = 0;
        normal_scores(classes, 1);
        for (int i = 0; i < classes; ++i)
            sum += wanted_grad[i] =
                expl(((i == label ? 0 : p.alpha) + (long double)scores[i] - scores[label]) / p.tau);
        for (int i = 0; i < classes; ++i) wanted_grad[i] = wanted_grad[i] / sum - (i == label);
        assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad), 0);
        compare(&p, classes, label, loss, grad, p.tau * logl(sum), wanted_grad);
    }
}

static void test_hard_hinge(void **unused)
{
    (void)unused;
    state = 9;
    FOR_ALGORITHMS(a)
    for (int round = 0; round < 200; ++round) {
        int classes = 2 + round % 70, k = 1 + (int)(next_random(&state) % (classes - 1)),
            label = (int)(next_random(&state) % classes);
        smooth_topk_params p = make_params(k, 0, (float)uniform(), a);
        float loss, positive = 0;
        long double wanted;
        normal_scores(classes, 1);
        if (round % 3 == 0)
            for (int i = 0; i < classes; ++i) scores[i] = (float)(int)scores[i];
        reference_hinge(&p, classes, scores, label, &wanted);
        assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad), 0);
        assert_true(fabsl(loss - wanted) <= 1e-6L * fmaxl(wanted, 1));
        int pivots = 0;
        for (int i = 0; i < classes; ++i) {
            int above = 0, level = 0;
            for (int j = 0; j < classes; ++j) {
                above += j != label && scores[j] > scores[i];
                level += j != label && scores[j] == scores[i];
            }
            if (i == label || grad[i] == 0) continue;
            ++pivots;
            positive += grad[i];
            assert_true(above < k && above + level >= k); /* it is a k-th largest */
        }
        assert_int_equal(pivots, wanted > 0);
        assert_true(positive == (wanted > 0 ? 1.f / k : 0));
        assert_true(grad[label] == -positive);
    }
}

static void test_small_tau_tends_to_hinge(void **unused)
{
    (void)unused;
    state = 10;
    FOR_ALGORITHMS(a)
    for (int k = 1; k <= 15; k += 2)
        for (float tau = 1e-3f; tau > 1e-37f; tau *= 1e-3f) {
            int label = 5;
            float loss, hinge;
            smooth_topk_params p = make_params(k, tau, 1, a), hard = make_params(k, 0, 1, a);
            normal_scores(40, 1);
            assert_int_equal(smooth_topk_cpu(&p, 1, 40, scores, &label, &loss, grad), 0);
            assert_int_equal(smooth_topk_cpu(&hard, 1, 40, scores, &label, &hinge, NULL), 0);
            assert_true(fabs(loss - hinge) <= 20 * tau + 1e-6);
            for (int i = 0; i < 40; ++i) assert_false(is_nan(grad[i]));
        }
}

/* A batch of no samples asks for no memory. */
static void test_batch_of_none(void **unused)
{
    (void)unused;
    smooth_topk_params p = make_params(5, 1, 1, SMOOTH_TOPK_PIVOT);
    assert_int_equal(smooth_topk_cpu_workspace(&p, 0, 10, NULL, NULL, NULL, NULL, NULL, 0), 0);
    assert_int_equal(smooth_topk_cpu(&p, 0, 10, NULL, NULL, NULL, NULL), 0);
}

/* A tau below the normal floats is the hard hinge, to the bit. */
static void test_denormal_tau_is_hinge(void **unused)
{
    (void)unused;
    static const float taus[] = {1e-39f, 1.1e-38f, 1e-45f};
    static float hard_grad[40];
    state = 12;
    FOR_ALGORITHMS(a)
    for (int k = 1; k <= 15; k += 2)
        for (int t = 0; t < 3; ++t) {
            int label = 5;
            float loss, hinge;
            smooth_topk_params p = make_params(k, taus[t], 1, a), hard = make_params(k, 0, 1, a);
            normal_scores(40, 1e-38);
            if (t) normal_scores(40, 1);
            assert_int_equal(smooth_topk_cpu(&p, 1, 40, scores, &label, &loss, grad), 0);
            assert_int_equal(smooth_topk_cpu(&hard, 1, 40, scores, &label, &hinge, hard_grad), 0);
            assert_true(loss == hinge);
            assert_memory_equal(grad, hard_grad, sizeof hard_grad);
        }
}

/* The ends of float: the loss stays finite or becomes +inf, never NaN, and the gradients keep their
 * laws. */
static void test_extreme_numbers(void **unused)
{
    (void)unused;
    static const float sizes[] = {3e38f, 1e30f, 1e10f, 1e-10f, 1e-30f, 1e-40f};
    static const float taus[] = {0, 1e-44f, 1.2e-38f, 1e-20f, 1, 1e20f, 3e38f};
    state = 11;
    FOR_ALGORITHMS(a)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; ++s)
        for (size_t t = 0; t < sizeof taus / sizeof *taus; ++t)
            for (int k = 1; k <= 19; k += 3) {
                float loss, sum = 0, largest = 0;
                int label = (int)(next_random(&state) % 20);
                smooth_topk_params p = make_params(k, taus[t], t % 2 ? 3e38f : 1, a);
                for (int i = 0; i < 20; ++i) scores[i] = (float)(sizes[s] * (2 * uniform() - 1));
                assert_int_equal(smooth_topk_cpu(&p, 1, 20, scores, &label, &loss, grad), 0);
                assert_false(is_nan(loss));
                assert_true(loss >= 0);
                for (int i = 0; i < 20; ++i) {
                    assert_false(is_nan(grad[i]));
                    assert_true(i == label ? grad[i] <= 0 && grad[i] >= -1.f / k : grad[i] >= 0);
                    sum += grad[i];
                    largest = fmaxf(largest, fabsf(grad[i]));
                }
                if (!(fabsf(sum) <= 1e-5f * largest + 1e-37f))
                    fail_msg("alg %d size %g tau %g k %d alpha %g: sum %g largest %g loss %g", a,
                             sizes[s], taus[t], k, p.alpha, sum, largest, loss);
            }
}

static void test_minus_infinity(void **unused)
{
    (void)unused;
    state = 12;
    FOR_ALGORITHMS(a)
    for (int classes = 3; classes < 200; classes += 13)
        for (int k = 1; k < classes && k < 30; k += 3) {
            smooth_topk_params p = make_params(k, 1, 1, a);
            int label = classes / 2, finite = 0;
            float loss;
            long double wanted;
            normal_scores(classes, 2 * k);
            for (int i = 0; i < classes; ++i) {
                if (i != label && i % 3 == 0) scores[i] = MINUS_INF;
                finite += i != label && i % 3 != 0;
            }
            if (finite >= k) {
                check_against_reference(&p, classes, label);
            } else {
                assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad), 0);
                assert_true(loss == 0);
            }
            for (int i = 0; i < classes; ++i)
                if (scores[i] == MINUS_INF || finite < k) assert_true(grad[i] == 0);

            scores[label] = MINUS_INF;
            assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad), 0);
            assert_int_equal(bits(loss), bits(PLUS_INF));
            for (int i = 0; i < classes; ++i) assert_true(grad[i] == 0);

            p.tau = 0;
            scores[label] = 0;
            reference_hinge(&p, classes, scores, label, &wanted);
            assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &loss, grad), 0);
            assert_true(fabsl(loss - wanted) <= 1e-5L * fmaxl(wanted, 1));
        }
}

/* A bad sample spoils itself alone, wherever in the row the bad score is. */
static void test_nan_and_infinity(void **unused)
{
    (void)unused;
    static const unsigned bad[] = {0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0x7f800000};
    enum { CLASSES = 150, BATCH = 5 };
    float clean_loss[BATCH], clean_grad[BATCH * CLASSES], loss[BATCH];
    int labels[BATCH] = {3, 149, 70, 0, 64};
    state = 13;
    FOR_ALGORITHMS(a)
    for (int k = 1; k <= 21; k += 5)
        for (int place = 0; place < CLASSES; place += every())
            for (size_t kind = 0; kind < 5; ++kind) {
                smooth_topk_params p = make_params(k, place % 7 ? 1 : 0, 1, a);
                int sample = place % BATCH;
                normal_scores(BATCH * CLASSES, 1);
                smooth_topk_cpu(&p, BATCH, CLASSES, scores, labels, clean_loss, clean_grad);
                unsigned pattern = bad[kind];
                memcpy(scores + sample * CLASSES + place, &pattern, sizeof pattern);
                assert_int_equal(smooth_topk_cpu(&p, BATCH, CLASSES, scores, labels, loss, grad),
                                 0);
                for (int b = 0; b < BATCH; ++b) {
                    assert_true(b == sample ? is_nan(loss[b])
                                            : bits(loss[b]) == bits(clean_loss[b]));
                    for (int i = 0; i < CLASSES; ++i)
                        assert_true(b == sample ? is_nan(grad[b * CLASSES + i])
                                                : bits(grad[b * CLASSES + i]) ==
                                                      bits(clean_grad[b * CLASSES + i]));
                }
            }
}

static void test_samples_are_independent(void **unused)
{
    (void)unused;
    enum { CLASSES = 333, BATCH = 37 };
    static float batch_grad[BATCH * CLASSES];
    float batch_loss[BATCH], loss;
    int labels[BATCH];
    state = 14;
    FOR_ALGORITHMS(a)
    for (int k = 1; k < 40; k += 6) {
        smooth_topk_params p = make_params(k, 0.7f, 1, a);
        normal_scores(BATCH * CLASSES, 3);
        for (int b = 0; b < BATCH; ++b)
            labels[b] = b % 5 == 4 ? -1 : (int)(next_random(&state) % CLASSES);
        assert_int_equal(
            smooth_topk_cpu(&p, BATCH, CLASSES, scores, labels, batch_loss, batch_grad), 0);
        for (int b = 0; b < BATCH; ++b) {
            assert_int_equal(
                smooth_topk_cpu(&p, 1, CLASSES, scores + b * CLASSES, labels + b, &loss, grad), 0);
            assert_int_equal(bits(loss), bits(batch_loss[b]));
            assert_memory_equal(grad, batch_grad + b * CLASSES, CLASSES * sizeof(float));
            if (labels[b] != -1) continue;
            assert_true(loss == 0);
            for (int i = 0; i < CLASSES; ++i) assert_true(grad[i] == 0);
        }
    }
}

static void test_loss_alone(void **unused)
{
    (void)unused;
    state = 15;
    FOR_ALGORITHMS(a)
    for (int k = 1; k < 70; k += 4) {
        smooth_topk_params p = make_params(k, 1, 1, a);
        int label = 7;
        float loss, alone;
        normal_scores(100, 2 * k);
        assert_int_equal(smooth_topk_cpu(&p, 1, 100, scores, &label, &loss, grad), 0);
        assert_int_equal(smooth_topk_cpu(&p, 1, 100, scores, &label, &alone, NULL), 0);
        assert_int_equal(bits(loss), bits(alone));
    }
}

/* A caller's workspace, not aligned, is used and not overrun. */
static void test_workspace(void **unused)
{
    (void)unused;
    state = 16;
    FOR_ALGORITHMS(a)
    for (int classes = 2; classes < 500; classes = classes * 2 + 1)
        for (int k = 1; k < classes; k = k * 2 + 1) {
            smooth_topk_params p = make_params(k, 1, 1, a);
            size_t size = smooth_topk_workspace_size(&p, 1, classes);
            unsigned char *memory = malloc(size + 64);
            int label = 0;
            float loss, own;
            normal_scores(classes, k);
            memset(memory, 0xa5, size + 64);
            assert_true(size > 0);
            assert_int_equal(smooth_topk_cpu_workspace(&p, 1, classes, scores, &label, &loss, grad,
                                                       memory + 1, size),
                             0);
            for (size_t i = 0; i < 63; ++i) assert_int_equal(memory[1 + size + i], 0xa5);
            assert_int_equal(smooth_topk_cpu(&p, 1, classes, scores, &label, &own, grad), 0);
            assert_int_equal(bits(loss), bits(own));
            assert_int_equal(smooth_topk_cpu_workspace(&p, 1, classes, scores, &label, &loss, grad,
                                                       memory, size / 2),
                             SMOOTH_TOPK_ERROR_MEMORY);
            assert_int_equal(
                smooth_topk_cpu_workspace(&p, 1, classes, scores, &label, &loss, grad, NULL, size),
                SMOOTH_TOPK_ERROR_MEMORY);
            free(memory);
        }
}

/* Scratch is O(classes + k log k): so many bytes each. */
static void test_memory_is_linear(void **unused)
{
    (void)unused;
    FOR_ALGORITHMS(a)
    for (int classes = 1000; classes <= 1000000; classes *= 10)
        for (int k = 1; k < classes; k = k * 3 + 1) {
            smooth_topk_params p = make_params(k, 1, 1, a);
            assert_true(smooth_topk_workspace_size(&p, 1, classes) <=
                        100. * classes + 100 * k * log2(4 * k) + 10000);
        }
}

static void test_refusals(void **unused)
{
    (void)unused;
    float loss = 7, row[4] = {0}, out[4] = {7, 7, 7, 7};
    int label = 0;
    struct {
        smooth_topk_params params;
        int error;
    } cases[] = {
        {{0, 1, 1, SMOOTH_TOPK_LOG}, SMOOTH_TOPK_ERROR_K},
        {{-5, 1, 1, SMOOTH_TOPK_LOG}, SMOOTH_TOPK_ERROR_K},
        {{4, 1, 1, SMOOTH_TOPK_LOG}, SMOOTH_TOPK_ERROR_K},
        {{1000, 1, 1, SMOOTH_TOPK_PIVOT}, SMOOTH_TOPK_ERROR_K},
        {{2, -1, 1, SMOOTH_TOPK_LOG}, SMOOTH_TOPK_ERROR_TAU},
        {{2, NOT_A_NUMBER, 1, SMOOTH_TOPK_LOG}, SMOOTH_TOPK_ERROR_TAU},
        {{2, PLUS_INF, 1, SMOOTH_TOPK_PIVOT}, SMOOTH_TOPK_ERROR_TAU},
        {{2, 1, -0.5f, SMOOTH_TOPK_LOG}, SMOOTH_TOPK_ERROR_ALPHA},
        {{2, 1, NOT_A_NUMBER, SMOOTH_TOPK_PIVOT}, SMOOTH_TOPK_ERROR_ALPHA},
        {{2, 1, PLUS_INF, SMOOTH_TOPK_LOG}, SMOOTH_TOPK_ERROR_ALPHA},
        {{2, 1, MINUS_INF, SMOOTH_TOPK_LOG}, SMOOTH_TOPK_ERROR_ALPHA},
        {{2, 1, 1, (smooth_topk_algorithm)7}, SMOOTH_TOPK_ERROR_ALGORITHM},
        {{3, 1, 1, SMOOTH_TOPK_LOG}, 0},
        {{3, 0, 0, SMOOTH_TOPK_PIVOT}, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
        loss = 7;
        assert_int_equal(smooth_topk_cpu(&cases[i].params, 1, 4, row, &label, &loss, out),
                         cases[i].error);
        assert_int_equal(smooth_topk_check(&cases[i].params, 4), cases[i].error);
        if (cases[i].error) {
            assert_int_equal(smooth_topk_workspace_size(&cases[i].params, 1, 4), 0);
            assert_true(loss == 7 && out[0] == 7 && out[3] == 7);
        }
    }
    FOR_ALGORITHMS(a)
    {
        smooth_topk_params p = make_params(1, 1, 1, a);
        int labels[3] = {0, 4, 0}, minus_two[3] = {1, 2, -2};
        float losses[3] = {7, 7, 7};
        static float rows[12];
        assert_int_equal(smooth_topk_cpu(&p, 3, 4, rows, labels, losses, NULL),
                         SMOOTH_TOPK_ERROR_LABEL);
        assert_int_equal(smooth_topk_cpu(&p, 3, 4, rows, minus_two, losses, NULL),
                         SMOOTH_TOPK_ERROR_LABEL);
        assert_true(losses[0] == 7 && losses[2] == 7);
        assert_int_equal(smooth_topk_cpu(NULL, 1, 4, rows, labels, losses, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
        assert_int_equal(smooth_topk_cpu(&p, -1, 4, rows, labels, losses, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
        assert_int_equal(smooth_topk_cpu(&p, 1, 1, rows, labels, losses, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
        assert_int_equal(smooth_topk_cpu(&p, 1, -3, rows, labels, losses, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
        assert_int_equal(smooth_topk_cpu(&p, 1, 4, NULL, labels, losses, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
        assert_int_equal(smooth_topk_cpu(&p, 1, 4, rows, NULL, losses, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
        assert_int_equal(smooth_topk_cpu(&p, 1, 4, rows, labels, NULL, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
        assert_int_equal(smooth_topk_cpu(&p, 0, 4, NULL, NULL, NULL, NULL), 0);
    }
}

static void test_messages(void **unused)
{
    (void)unused;
    assert_non_null(strstr(smooth_topk_strerror(SMOOTH_TOPK_ERROR_K), "1 <= k"));
    assert_non_null(strstr(smooth_topk_strerror(SMOOTH_TOPK_ERROR_TAU), "tau >= 0"));
    assert_non_null(strstr(smooth_topk_strerror(SMOOTH_TOPK_ERROR_ALPHA), "alpha >= 0"));
    for (int error = -1; error < 20; ++error) {
        assert_non_null(smooth_topk_strerror(error));
        for (int other = 0; other < error && error <= SMOOTH_TOPK_ERROR_CUDA; ++other)
            assert_string_not_equal(smooth_topk_strerror(error), smooth_topk_strerror(other));
    }
}

static void test_print_worst(void **unused)
{
    (void)unused;
    FOR_ALGORITHMS(a)
    {
        printf("# %s: worst loss error %.2f, worst gradient error %.2f of what is allowed\n",
               algorithm_names[a], worst_loss[a], worst_gradient[a]);
        assert_true(worst_loss[a] > 0 && worst_loss[a] <= 1 && worst_gradient[a] > 0 &&
                    worst_gradient[a] <= 1);
    }
}

/* usage: loss [PATTERN | -PATTERN]: all tests, those whose names match, or all but those. */
int main(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] == '-')
        cmocka_set_skip_filter(argv[1] + 1);
    else if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brute_force),
        cmocka_unit_test(test_accuracy_grid),
        cmocka_unit_test(test_ties_and_gaps),
        cmocka_unit_test(test_nearly_equal_scores),
        cmocka_unit_test(test_any_k),
        cmocka_unit_test(test_equal_scores_large_k),
        cmocka_unit_test(test_many_equal_scores),
        cmocka_unit_test(test_scale_invariance),
        cmocka_unit_test(test_finite_differences),
        cmocka_unit_test(test_shift_invariance),
        cmocka_unit_test(test_cross_entropy),
        cmocka_unit_test(test_top1_svm),
        cmocka_unit_test(test_hard_hinge),
        cmocka_unit_test(test_small_tau_tends_to_hinge),
        cmocka_unit_test(test_batch_of_none),
        cmocka_unit_test(test_denormal_tau_is_hinge),
        cmocka_unit_test(test_extreme_numbers),
        cmocka_unit_test(test_minus_infinity),
        cmocka_unit_test(test_nan_and_infinity),
        cmocka_unit_test(test_samples_are_independent),
        cmocka_unit_test(test_loss_alone),
        cmocka_unit_test(test_workspace),
        cmocka_unit_test(test_memory_is_linear),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_print_worst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
