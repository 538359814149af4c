/* Sums over several k and rows of truth: against weighted sums of single calls, the 80-bit
 * reference and brute force. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support.h"
#include "reference.c"
#include "smooth_topk_softmax.h"
#include "smooth_topk_truth.h"

enum { MOST_CLASSES = 1000, MOST_BATCH = 5, MOST_TERMS = 4 };

static uint64_t state;
static double uniform(void)
{
    return (next_random(&state) >> 11) * 0x1p-53;
}
static double normal(void)
{
    return sqrt(-2 * log(1 - uniform())) * cos(6.283185307179586 * uniform());
}
static int below(int limit)
{
    return (int)(uniform() * limit);
}

/* One of so many rounds, for builds in which a sample takes long; with LONG=1 four times as many.
 */
#ifndef EVERY
#define EVERY 1
#endif
static int rounds(int all)
{
    int every = getenv("LONG") ? (EVERY + 3) / 4 : EVERY;
    return all < every ? all : all / every;
}

static float scores[MOST_BATCH * MOST_CLASSES], truth[MOST_BATCH * MOST_CLASSES];
static float grad[MOST_BATCH * MOST_CLASSES], loss[MOST_BATCH];
static int labels[MOST_BATCH];

static void normal_scores(int count, double scale)
{
    for (int i = 0; i < count; ++i) scores[i] = (float)(scale * normal());
}

static smooth_topk_term make_term(int k, float tau, float alpha, float weight)
{
    smooth_topk_term term = {{k, tau, alpha, SMOOTH_TOPK_PIVOT}, weight};
    return term;
}

static void assert_close(const char *what, double a, double b, double allowed)
{
    if (is_nan((float)a) || !(fabs(a - b) <= allowed))
        fail_msg("%s: %.9g is not %.9g (allowed %g)", what, a, b, allowed);
}

/* ---- several k ---- */

static int random_terms(smooth_topk_term *terms, int classes)
{
    int count = 1 + below(MOST_TERMS);
    for (int j = 0; j < count; ++j) {
        int k = 1 + below(classes - 1 < 30 ? classes - 1 : 30);
        terms[j] = make_term(k, below(9) ? ldexpf(1, below(8) - 5) : 0, below(3) * 0.75f,
                             0.1f + (float)uniform());
        terms[j].params.algorithm = below(4) ? SMOOTH_TOPK_PIVOT : SMOOTH_TOPK_LOG;
    }
    return count;
}

static void test_sum_of_single_calls(void **unused)
{
    (void)unused;
    state = 1;
    for (int round = 0; round < rounds(600); ++round) {
        smooth_topk_term terms[MOST_TERMS];
        int classes = 2 + below(round % 3 ? 60 : MOST_CLASSES - 1),
            count = random_terms(terms, classes);
        normal_scores(MOST_BATCH * classes, pow(10, 4 * uniform() - 2));
        for (int b = 0; b < MOST_BATCH; ++b) labels[b] = below(classes + 1) - 1;
        assert_int_equal(
            smooth_topk_sum_cpu(terms, count, MOST_BATCH, classes, scores, labels, loss, grad), 0);
        for (int b = 0; b < MOST_BATCH; ++b) {
            static double wanted_grad[MOST_CLASSES];
            static float grad_of_term[MOST_CLASSES];
            double wanted = 0, largest = 0;
            memset(wanted_grad, 0, sizeof wanted_grad);
            for (int j = 0; j < count; ++j) {
                float loss_of_term;
                assert_int_equal(smooth_topk_cpu(&terms[j].params, 1, classes, scores + b * classes,
                                                 labels + b, &loss_of_term, grad_of_term),
                                 0);
                wanted += (double)terms[j].weight * loss_of_term;
                for (int i = 0; i < classes; ++i)
                    wanted_grad[i] += (double)terms[j].weight * grad_of_term[i];
            }
            for (int i = 0; i < classes; ++i) largest = fmax(largest, fabs(wanted_grad[i]));
            assert_close("loss", loss[b], wanted, 1e-6 * wanted + 2e-38);
            for (int i = 0; i < classes; ++i)
                assert_close("gradient", grad[b * classes + i], wanted_grad[i],
                             1e-6 * largest + 2e-38);
        }
    }
}

static void test_one_term_is_the_single_call(void **unused)
{
    (void)unused;
    state = 2;
    for (int round = 0; round < rounds(300); ++round) {
        static float loss_of_call[MOST_BATCH], grad_of_call[MOST_BATCH * MOST_CLASSES];
        smooth_topk_term terms[MOST_TERMS];
        int classes = 2 + below(200);
        random_terms(terms, classes);
        terms->weight = 1;
        normal_scores(MOST_BATCH * classes, 3);
        for (int b = 0; b < MOST_BATCH; ++b) labels[b] = below(classes + 1) - 1;
        smooth_topk_cpu(&terms->params, MOST_BATCH, classes, scores, labels, loss_of_call,
                        grad_of_call);
        smooth_topk_sum_cpu(terms, 1, MOST_BATCH, classes, scores, labels, loss, grad);
        assert_memory_equal(loss, loss_of_call, sizeof loss);
        assert_memory_equal(grad, grad_of_call, MOST_BATCH * classes * sizeof *grad);
    }
}

static void test_sum_finite_differences(void **unused)
{
    (void)unused;
    state = 3;
    smooth_topk_term terms[] = {make_term(1, 1, 1, 0.3f), make_term(5, 0.7f, 0.5f, 0.7f),
                                make_term(3, 2, 0, 1.5f)};
    enum { CLASSES = 12 };
    for (int round = 0; round < rounds(20); ++round) {
        float up, down;
        normal_scores(CLASSES, 2);
        labels[0] = below(CLASSES);
        smooth_topk_sum_cpu(terms, 3, 1, CLASSES, scores, labels, loss, grad);
        for (int i = 0; i < CLASSES; ++i) {
            float middle = scores[i], step = 0.01f;
            scores[i] = middle + step;
            smooth_topk_sum_cpu(terms, 3, 1, CLASSES, scores, labels, &up, NULL);
            scores[i] = middle - step;
            smooth_topk_sum_cpu(terms, 3, 1, CLASSES, scores, labels, &down, NULL);
            scores[i] = middle;
            assert_close("difference", (up - down) / (2 * step), grad[i], 3e-4);
        }
    }
}

static void test_sum_brute_force(void **unused)
{
    (void)unused;
    state = 4;
    for (int round = 0; round < rounds(60); ++round) {
        int classes = 3 + below(8);
        smooth_topk_term terms[] = {make_term(1, 1, 1, 0.5f), make_term(2, 0.5f, 1, 2),
                                    make_term(classes - 1, 2, 0.5f, 1)};
        long double wanted = 0, wanted_grad[16] = {0};
        normal_scores(classes, 2);
        labels[0] = below(classes);
        for (int j = 0; j < 3; ++j) {
            long double of_term, grad_of_term[16];
            brute_force(&terms[j].params, classes, scores, labels[0], &of_term, grad_of_term);
            wanted += terms[j].weight * of_term;
            for (int i = 0; i < classes; ++i) wanted_grad[i] += terms[j].weight * grad_of_term[i];
        }
        smooth_topk_sum_cpu(terms, 3, 1, classes, scores, labels, loss, grad);
        assert_close("loss", loss[0], (double)wanted, 4e-6 * (double)wanted);
        for (int i = 0; i < classes; ++i)
            assert_close("gradient", grad[i], (double)wanted_grad[i], 1e-5);
    }
}

static void test_sum_special_numbers(void **unused)
{
    (void)unused;
    smooth_topk_term terms[] = {make_term(1, 1, 1, 0.5f), make_term(3, 0, 1, 0.25f),
                                make_term(4, 1, 1, 0.25f)};
    enum { CLASSES = 6 };
    float rows[][CLASSES] = {
        {1, 2, NOT_A_NUMBER, 0, 1, 2},             /* NaN */
        {1, 2, PLUS_INF, 0, 1, 2},                 /* NaN */
        {MINUS_INF, 2, 1, 0, 1, 2},                /* the label: +inf */
        {1, 2, 1, MINUS_INF, MINUS_INF, MINUS_INF} /* only k=1 has a loss */
    };
    labels[0] = labels[1] = labels[2] = labels[3] = 0;
    assert_int_equal(smooth_topk_sum_cpu(terms, 3, 4, CLASSES, rows[0], labels, loss, grad), 0);
    assert_true(is_nan(loss[0]) && is_nan(loss[1]));
    for (int i = 0; i < 2 * CLASSES; ++i) assert_true(is_nan(grad[i]));
    assert_true(bits(loss[2]) == 0x7f800000);
    for (int i = 2 * CLASSES; i < 3 * CLASSES; ++i) assert_true(grad[i] == 0);
    float alone;
    smooth_topk_cpu(&terms->params, 1, CLASSES, rows[3], labels, &alone, NULL);
    assert_true(loss[3] == 0.5f * alone && alone > 0);
}

static void test_sum_refusals(void **unused)
{
    (void)unused;
    smooth_topk_term good[2] = {make_term(1, 1, 1, 1), make_term(2, 1, 1, 1)}, bad[2];
    const float bad_weights[] = {0, -1, NOT_A_NUMBER, PLUS_INF};
    char workspace[64];
    labels[0] = 0;
    assert_int_equal(smooth_topk_sum_cpu(good, 0, 1, 5, scores, labels, loss, grad),
                     SMOOTH_TOPK_ERROR_SIZE);
    assert_int_equal(smooth_topk_sum_cpu(NULL, 1, 1, 5, scores, labels, loss, grad),
                     SMOOTH_TOPK_ERROR_SIZE);
    assert_int_equal(smooth_topk_sum_cpu(good, 2, 1, 2, scores, labels, loss, grad),
                     SMOOTH_TOPK_ERROR_K);
    for (int i = 0; i < 4; ++i) {
        memcpy(bad, good, sizeof bad);
        bad[1].weight = bad_weights[i];
        loss[0] = 42;
        assert_int_equal(smooth_topk_sum_cpu(bad, 2, 1, 5, scores, labels, loss, grad),
                         SMOOTH_TOPK_ERROR_WEIGHT);
        assert_true(loss[0] == 42);
        assert_int_equal(smooth_topk_sum_workspace_size(bad, 2, 1, 5), 0);
    }
    labels[0] = 5;
    assert_int_equal(smooth_topk_sum_cpu(good, 2, 1, 5, scores, labels, loss, grad),
                     SMOOTH_TOPK_ERROR_LABEL);
    labels[0] = 0;
    assert_int_equal(smooth_topk_sum_cpu_workspace(good, 2, 1, 5, scores, labels, loss, grad,
                                                   workspace, sizeof workspace),
                     SMOOTH_TOPK_ERROR_MEMORY);
    assert_non_null(strstr(smooth_topk_strerror(SMOOTH_TOPK_ERROR_WEIGHT), "weight > 0"));
}

/* ---- rows of truth ---- */

enum { ROUNDS_OF_SOFT_ROWS = 2000 };
static double worst_loss, worst_gradient; /* of what a row's losses, its largest gradient are */

static void compute_delta(const smooth_topk_objective *objective, int batch, int classes)
{
    size_t size = smooth_topk_truth_workspace_size(objective, 1, classes);
    void *workspace = malloc(size);
    assert_int_equal(smooth_topk_truth_cpu(objective, batch, classes, scores, truth, loss, grad,
                                           workspace, size),
                     0);
    free(workspace);
}

/* A NaN or an infinity in the truth spoils its own row; a row of zeros is ignored whatever its
   scores are. */
static void test_truth_that_is_no_number(void **unused)
{
    (void)unused;
    enum { CLASSES = 70 };
    const float bad[] = {NOT_A_NUMBER, PLUS_INF, MINUS_INF};
    smooth_topk_term term = make_term(5, 1, 1, 1);
    smooth_topk_objective objective = {.terms = &term, .count = 1, .scale = 1};
    state = 6;
    for (int round = 0; round < rounds(24); ++round) {
        normal_scores(3 * CLASSES, 1);
        memset(truth, 0, sizeof truth);
        truth[0] = truth[CLASSES + 66] = 1;
        truth[CLASSES + (round & 1 ? 66 : 3)] = bad[round % 3];
        truth[2 * CLASSES + 5] = -0.f;
        scores[2 * CLASSES + 6] = NOT_A_NUMBER;
        compute_delta(&objective, 3, CLASSES);
        assert_true(loss[0] > 0 && is_nan(loss[1]) && loss[2] == 0);
        for (int i = 0; i < CLASSES; ++i)
            assert_true(!is_nan(grad[i]) && is_nan(grad[CLASSES + i]) &&
                        grad[2 * CLASSES + i] == 0);
    }
}

/* sum_i t_i L(s, i), each by the 80-bit reference. Labels can cancel each other's gradients: the
   largest gradient is that of a single label, with its weight. */
static void check_soft_row(const smooth_topk_objective *objective, int classes, double allowed_loss,
                           double allowed_gradient)
{
    static long double wanted_grad[MOST_CLASSES], of_label[MOST_CLASSES];
    long double wanted = 0, size = 0, largest = 0, sum = 0;
    double eps = objective->smoothing;
    for (int i = 0; i < classes; ++i) {
        wanted_grad[i] = 0;
        sum += truth[i] * (objective->class_weights ? objective->class_weights[i] : 1.L);
    }
    for (int label = 0; label < classes; ++label) {
        long double t =
            truth[label] * (objective->class_weights ? objective->class_weights[label] : 1.L);
        t = (1 - eps) * t + eps / (classes - 1) * (sum - t);
        if (t == 0 || is_infinite(scores[label])) continue;
        for (int j = 0; j < objective->count; ++j) {
            smooth_topk_params params = objective->terms[j].params;
            long double loss_of_label, weight = t * objective->terms[j].weight * objective->scale;
            if (objective->class_margins) params.alpha *= objective->class_margins[label];
            reference(&params, classes, scores, label, &loss_of_label, of_label);
            wanted += weight * loss_of_label;
            size += fabsl(weight) * fmaxl(loss_of_label, params.tau);
            for (int i = 0; i < classes; ++i) {
                wanted_grad[i] += weight * of_label[i];
                largest = fmaxl(largest, fabsl(weight * of_label[i]));
            }
        }
    }
    compute_delta(objective, 1, classes);
    double off = 0;
    for (int i = 0; i < classes; ++i) off = fmax(off, fabs(-grad[i] - (double)wanted_grad[i]));
    if (largest > 1e-30 && off / largest > worst_gradient) worst_gradient = off / largest;
    if (fabs((double)(loss[0] - wanted)) / size > worst_loss)
        worst_loss = fabs((double)(loss[0] - wanted)) / size;
    assert_close("loss", loss[0], (double)wanted, allowed_loss * (double)size);
    for (int i = 0; i < classes; ++i)
        assert_close("gradient", -grad[i], (double)wanted_grad[i],
                     allowed_gradient * (double)largest + 2e-38);
}

static void random_truth(int classes, int kind)
{
    memset(truth, 0, classes * sizeof *truth);
    if (kind == 0) { /* some labels */
        for (int i = 0; i < 2 + below(4); ++i) truth[below(classes)] = (float)uniform();
        truth[0] = 0.5f, truth[classes - 1] = 0.25f;
    } else if (kind == 1) { /* every label */
        for (int i = 0; i < classes; ++i) truth[i] = (float)uniform();
    } else { /* one stands out */
        for (int i = 0; i < classes; ++i) truth[i] = 0.1f / classes;
        truth[below(classes)] = 0.9f;
    }
}

static void test_soft_rows(void **unused)
{
    (void)unused;
    state = 8;
    for (int round = 0; round < rounds(ROUNDS_OF_SOFT_ROWS); ++round) {
        int classes = 2 + below(round % 4 ? 24 : 120);
        int k = 1 + below(classes - 1 < 24 ? classes - 1 : 24);
        smooth_topk_term term = make_term(k, ldexpf(1, below(11) - 7), below(3), 1);
        smooth_topk_objective objective = {.terms = &term, .count = 1, .scale = 1};
        normal_scores(classes, pow(10, 8 * uniform() - 4));
        if (round % 5 == 1) /* ties */
            for (int i = 0; i < classes; ++i) scores[i] = (float)below(4);
        if (round % 5 == 2) /* m best nearly equal, the rest far below */
            for (int i = 0, m = below(classes); i < m; ++i)
                scores[i] = 50 + (float)uniform() * 1e-3f;
        random_truth(classes, round % 3);
        check_soft_row(&objective, classes, 2e-6, 1e-5);
    }
    print_message("worst of soft rows: loss %g, gradient %g\n", worst_loss, worst_gradient);
}

/* Margins, weights, smoothing and several terms, and the k best far above the rest. */
static void test_soft_rows_of_all_kinds(void **unused)
{
    (void)unused;
    static float margins[MOST_CLASSES], weights[MOST_CLASSES];
    state = 9;
    for (int round = 0; round < rounds(1500); ++round) {
        smooth_topk_term terms[3];
        int classes = 6 + below(90), count = 1 + below(3);
        for (int j = 0; j < count; ++j)
            terms[j] = make_term(1 + j * 2, ldexpf(1, below(9) - 6), below(3), 0.5f + below(3));
        smooth_topk_objective objective = {.terms = terms,
                                           .count = count,
                                           .scale = 0.5f + below(4),
                                           .smoothing = below(2) ? 0.1f * below(10) : 0,
                                           .class_margins = below(2) ? margins : NULL,
                                           .class_weights = below(2) ? weights : NULL};
        normal_scores(classes, pow(10, 4 * uniform() - 2));
        for (int i = 0, best = below(8); i < best; ++i) scores[below(classes)] += 20;
        for (int i = 0; i < classes; ++i) {
            margins[i] = below(5) ? 2 * (float)uniform() : 0;
            weights[i] = below(5) ? 3 * (float)uniform() : 0;
        }
        random_truth(classes, round % 3);
        if (round % 4 == 0) { /* one label, which smoothing makes many */
            memset(truth, 0, classes * sizeof *truth);
            truth[below(classes)] = 1 + below(2);
        }
        check_soft_row(&objective, classes, 2e-6, 1e-5);
    }
}

/* Large scores that are equal, or nearly: their size must cancel before they are summed. The two
   that are apart in 1e30 are one float apart. */
static void test_soft_rows_of_large_scores(void **unused)
{
    (void)unused;
    static const float sizes[] = {1e6f, -1e9f, 1e12f, -1e12f, 1e18f, -1e24f, 1e30f};
    state = 10;
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; ++size) {
        for (int round = 0; round < 24; ++round) {
            int classes = round % 2 ? 40 : 9, k = round % 3 == 2 ? 12 : 1 + round % 5;
            smooth_topk_term term = make_term(k < classes ? k : 3, round % 4 ? 1 : 0.05f, 1, 1);
            smooth_topk_objective objective = {.terms = &term, .count = 1, .scale = 1};
            for (int i = 0; i < classes; ++i) scores[i] = sizes[size];
            if (round >= 12) scores[round % 9] = nextafterf(sizes[size], 0);
            random_truth(classes, round % 3);
            check_soft_row(&objective, classes, 2e-6, 1e-5);
        }
    }
}

/* A class of -inf cannot be chosen; as a label its loss is +inf and its gradient 0. */
static void test_soft_rows_minus_inf(void **unused)
{
    (void)unused;
    enum { CLASSES = 40 };
    smooth_topk_term term = make_term(4, 1, 1, 1);
    smooth_topk_objective objective = {.terms = &term, .count = 1, .scale = 1};
    static float wanted[CLASSES];
    state = 10;
    for (int round = 0; round < rounds(100); ++round) {
        normal_scores(CLASSES, 3);
        random_truth(CLASSES, 1);
        for (int i = 0; i < 8; ++i) {
            int out = below(CLASSES);
            scores[out] = MINUS_INF;
            truth[out] = 0;
        }
        check_soft_row(&objective, CLASSES, 2e-6, 1e-5);
        memcpy(wanted, grad, sizeof wanted);
        for (int i = 0; i < CLASSES; ++i)
            if (is_infinite(scores[i])) truth[i] = 0.5f;
        compute_delta(&objective, 1, CLASSES);
        assert_true(bits(loss[0]) == 0x7f800000);
        assert_memory_equal(grad, wanted, sizeof wanted);
    }
    for (int finite = 0; finite <= 5; ++finite) { /* with at most k of them nothing to lose to */
        for (int i = 0; i < CLASSES; ++i) {
            scores[i] = i < finite ? (float)i : MINUS_INF;
            truth[i] = i < finite;
        }
        truth[0] = truth[1] = finite > 1;
        compute_delta(&objective, 1, CLASSES);
        assert_true(finite <= 4 ? loss[0] == 0 : loss[0] > 0);
    }
    scores[3] = PLUS_INF;
    compute_delta(&objective, 1, CLASSES);
    assert_true(is_nan(loss[0]) && is_nan(grad[0]));
}

/* The hard hinge and algorithm log, label by label; large k; large batches on all threads. */
static void test_soft_rows_of_other_kinds(void **unused)
{
    (void)unused;
    enum { CLASSES = 300 };
    static double wanted_grad[CLASSES];
    static float of_label[CLASSES];
    smooth_topk_term terms[] = {make_term(3, 0, 1, 1), make_term(4, 1, 1, 1),
                                make_term(100, 1, 1, 1), make_term(299, 0.1f, 1, 1)};
    terms[1].params.algorithm = SMOOTH_TOPK_LOG;
    state = 11;
    for (int j = 0; j < 4; ++j) {
        smooth_topk_objective objective = {.terms = terms + j, .count = 1, .scale = 1};
        double wanted = 0;
        normal_scores(CLASSES, 3);
        random_truth(CLASSES, 1);
        memset(wanted_grad, 0, sizeof wanted_grad);
        for (int label = 0; label < CLASSES; ++label) {
            float label_loss;
            smooth_topk_cpu(&terms[j].params, 1, CLASSES, scores, &label, &label_loss, of_label);
            wanted += (double)truth[label] * label_loss;
            for (int i = 0; i < CLASSES; ++i) wanted_grad[i] += (double)truth[label] * of_label[i];
        }
        compute_delta(&objective, 1, CLASSES);
        assert_close("loss", loss[0], wanted, 1e-6 * wanted);
        for (int i = 0; i < CLASSES; ++i)
            assert_close("gradient", -grad[i], wanted_grad[i], 1e-5 / terms[j].params.k);
    }
}

/* A float of any size, -inf among them. */
static float any_float(void)
{
    float x = from_bits((unsigned)next_random(&state));
    if (below(3)) x = ldexpf((float)normal(), below(60) - 30);
    return is_nan(x) || (is_infinite(x) && x > 0) ? MINUS_INF : x;
}

/* Scores, weights, tau and alpha of any size: the sum of single calls, which are tested against
   the reference elsewhere. */
static void test_soft_rows_of_any_size(void **unused)
{
    (void)unused;
    static float of_label[MOST_CLASSES];
    static double wanted_grad[MOST_CLASSES];
    state = 12;
    for (int round = 0; round < rounds(ROUNDS_OF_SOFT_ROWS); ++round) {
        int classes = 2 + below(40), k = 1 + below(classes - 1);
        smooth_topk_term term = make_term(k, fabsf(any_float()), fabsf(any_float()), 1);
        if (is_infinite(term.params.tau) || below(2)) term.params.tau = ldexpf(1, below(30) - 15);
        if (is_infinite(term.params.alpha) || below(2)) term.params.alpha = below(5);
        smooth_topk_objective objective = {.terms = &term, .count = 1, .scale = 1};
        double wanted = 0, size = 0, most = 0;
        int alike = below(3), infinite = 0;
        float first = any_float();
        for (int i = 0; i < classes; ++i) {
            scores[i] = alike ? first + ldexpf((float)normal(), below(20) - 10) : any_float();
            truth[i] = below(3) ? (float)uniform() : 0;
            wanted_grad[i] = 0;
        }
        truth[0] = truth[1] = 0.5f;
        for (int label = 0; label < classes; ++label) {
            float loss_of_label, share = truth[label];
            double largest = 0;
            if (share == 0) continue;
            smooth_topk_cpu(&term.params, 1, classes, scores, &label, &loss_of_label, of_label);
            infinite |= is_infinite(loss_of_label);
            wanted += (double)share * loss_of_label;
            size += (double)share * fmax(loss_of_label, term.params.tau);
            for (int i = 0; i < classes; ++i) {
                wanted_grad[i] += (double)share * of_label[i];
                largest = fmax(largest, share * fabs(of_label[i]));
            }
            most = fmax(most, largest);
        }
        /* A single call subtracts scores in double; so does the row, from another number. */
        double range = 0;
        for (int i = 0; i < classes; ++i)
            if (!is_infinite(scores[i])) range = fmax(range, fabs(scores[i]));
        double rounding = 1e-14 * (range / k + term.params.alpha);
        compute_delta(&objective, 1, classes);
        if (is_nan(loss[0])) fail_msg("round %d: NaN", round);
        if (infinite || wanted > 3.4e38) {
            assert_true(is_infinite(loss[0]) || loss[0] > 3.3e38f);
        } else {
            assert_close("loss", loss[0], wanted, 4e-6 * size + rounding + 1e-37);
        }
        if (rounding > 1e-6 * term.params.tau) continue; /* q itself is uncertain */
        for (int i = 0; i < classes; ++i)
            assert_close("gradient", -grad[i], wanted_grad[i], 2e-5 * most + 1e-37);
    }
}

/* An image of several labels: the gradient by finite differences, for one k and for several. */
static void test_several_labels(void **unused)
{
    (void)unused;
    enum { CLASSES = 24 };
    static const int counts[] = {1, 1, 2};
    smooth_topk_term terms[][2] = {{make_term(5, 1, 1, 1)},
                                   {make_term(1, 1, 1, 1)},
                                   {make_term(1, 1, 1, 0.5f), make_term(5, 1, 1, 0.5f)}};
    state = 17;
    for (int round = 0; round < rounds(60); ++round) {
        smooth_topk_objective objective = {
            .terms = terms[round % 3], .count = counts[round % 3], .scale = 1};
        float gradient[CLASSES];
        int several = 2 + below(7);
        normal_scores(CLASSES, 2);
        memset(truth, 0, sizeof truth);
        for (int left = several; left > 0;) {
            int label = below(CLASSES);
            if (truth[label] != 0) continue;
            truth[label] = 1.f / (float)several;
            --left;
        }
        compute_delta(&objective, 1, CLASSES);
        memcpy(gradient, grad, sizeof gradient);
        for (int i = 0; i < CLASSES; ++i) {
            float middle = scores[i], step = 0.01f, up;
            scores[i] = middle + step;
            compute_delta(&objective, 1, CLASSES);
            up = loss[0];
            scores[i] = middle - step;
            compute_delta(&objective, 1, CLASSES);
            scores[i] = middle;
            assert_close("difference", (up - loss[0]) / (2 * step), -gradient[i], 3e-4);
        }
    }
}

/* ---- the softmax of the output ---- */

static void test_softmax(void **unused)
{
    (void)unused;
    static float output[MOST_CLASSES];
    state = 7;
    for (int round = 0; round < rounds(200); ++round) {
        int classes = 2 + below(MOST_CLASSES - 1);
        double most = -1e30, sum = 0, temperature = ldexp(1, below(20) - 10);
        normal_scores(classes, 5);
        if (round % 3 == 0) scores[below(classes - 1) + 1] = MINUS_INF;
        for (int i = 0; i < classes; ++i) most = fmax(most, scores[i]);
        for (int i = 0; i < classes; ++i) sum += exp((scores[i] - most) / temperature);
        smooth_topk_softmax_cpu(1, classes, scores, (float)temperature, output);
        for (int i = 0; i < classes; ++i)
            assert_close("output", output[i], exp((scores[i] - most) / temperature) / sum, 3e-7);
    }
    scores[0] = 3, scores[1] = 3, scores[2] = 2;
    smooth_topk_softmax_cpu(1, 3, scores, 1e-45f, output);
    assert_true(output[0] == 0.5f && output[1] == 0.5f && output[2] == 0);
    scores[1] = NOT_A_NUMBER;
    smooth_topk_softmax_cpu(1, 3, scores, 1, output);
    assert_true(is_nan(output[0]) && is_nan(output[1]) && is_nan(output[2]));
    scores[1] = PLUS_INF;
    smooth_topk_softmax_cpu(1, 3, scores, 1, output);
    assert_true(is_nan(output[0]) && is_nan(output[1]) && is_nan(output[2]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sum_of_single_calls),
        cmocka_unit_test(test_one_term_is_the_single_call),
        cmocka_unit_test(test_sum_finite_differences),
        cmocka_unit_test(test_sum_brute_force),
        cmocka_unit_test(test_sum_special_numbers),
        cmocka_unit_test(test_sum_refusals),
        cmocka_unit_test(test_truth_that_is_no_number),
        cmocka_unit_test(test_soft_rows),
        cmocka_unit_test(test_soft_rows_of_all_kinds),
        cmocka_unit_test(test_soft_rows_of_large_scores),
        cmocka_unit_test(test_soft_rows_minus_inf),
        cmocka_unit_test(test_soft_rows_of_other_kinds),
        cmocka_unit_test(test_soft_rows_of_any_size),
        cmocka_unit_test(test_several_labels),
        cmocka_unit_test(test_softmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
