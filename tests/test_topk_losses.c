/* The other top-k losses beside their definitions: values, finite differences, ties, -inf, NaN. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "multilabel_losses.h"
#include "smooth_topk.h"
#include "smooth_topk_truth.h"
#include "topk_losses.h"

enum { MOST = 200 };

static float some(float scale)
{
    return scale * (2 * (float)rand() / (float)RAND_MAX - 1);
}

static int falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* a_j of the others, in falling order. */
static int others(int n, const double *s, int y, double *a)
{
    int count = 0;
    for (int j = 0; j < n; ++j)
        if (j != y) a[count++] = s[j] - s[y];
    qsort(a, (size_t)count, sizeof *a, falling);
    return count;
}

/* The paper's: log(1 + e^V), V the largest sum_j p_j a_j - p_j log p_j over 0 <= p_j <= 1/k, sum 1;
   there p_j = min(1/k, exp(a_j - t)). */
static double entropy_by_definition(int k, int count, const double *a)
{
    double low = a[count - 1] - 100, high = a[0] + 100, v = 0;
    for (int i = 0; i < 300; ++i) {
        double t = (low + high) / 2, sum = 0;
        for (int j = 0; j < count; ++j) sum += fmin(1. / k, exp(a[j] - t));
        if (sum > 1)
            low = t;
        else
            high = t;
    }
    for (int j = 0; j < count; ++j) {
        double p = fmin(1. / k, exp(a[j] - low));
        if (p > 0) v += p * a[j] - p * log(p);
    }
    return log1p(exp(v));
}

/* The distribution functions of lml and of lapsum. */
static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

static double laplace(double x)
{
    return x < 0 ? exp(x) / 2 : 1 - exp(-x) / 2;
}

static double sum_by_definition(double (*chosen)(double), int k, float tau, int n, const double *s,
                                int y)
{
    double low = -1e6, high = 1e6;
    for (int i = 0; i < 300; ++i) {
        double nu = (low + high) / 2, sum = 0;
        for (int j = 0; j < n; ++j) sum += chosen(s[j] / tau + nu);
        if (sum < k)
            low = nu;
        else
            high = nu;
    }
    return -log(chosen(s[y] / tau + low));
}

static double by_definition(const topk_loss_params *params, int n, const double *s, int y)
{
    double a[MOST], all[MOST], sum = 0;
    int k = params->k, count = others(n, s, y, a);
    switch (params->type) {
    case TOPK_LOSS_ENTROPY:
        return entropy_by_definition(k, count, a);
    case TOPK_LOSS_TRUNCATED_ENTROPY:
        for (int i = k - 1; i < count; ++i) sum += exp(a[i]);
        return log1p(sum);
    case TOPK_LOSS_HINGE_ALPHA:
        for (int i = 0; i < k; ++i) sum += (1 + a[i]) / k;
        return fmax(0, sum);
    case TOPK_LOSS_HINGE_BETA:
        for (int i = 0; i < k; ++i) sum += fmax(0, 1 + a[i]) / k;
        return sum;
    case TOPK_LOSS_CALIBRATED_HINGE:
        memcpy(all, s, (size_t)n * sizeof *s);
        qsort(all, (size_t)n, sizeof *all, falling);
        return fmax(0, 1 + all[k] - s[y]);
    case TOPK_LOSS_LML:
        return sum_by_definition(logistic, k, params->tau, n, s, y);
    case TOPK_LOSS_LAPSUM:
        return sum_by_definition(laplace, k, params->tau, n, s, y);
    case TOPK_LOSS_GCE:
        for (int j = 0; j < n; ++j) sum += exp(s[j] - s[y]);
        return (1 - pow(1 / sum, params->q)) / params->q;
    case TOPK_LOSS_MULTILABEL_HINGE:
        return fmax(0, 1 + a[0]);
    case TOPK_LOSS_MULTILABEL_ENTROPY:
        for (int j = 0; j < count; ++j) sum += exp(a[j]);
        return log1p(sum);
    default:
        for (int j = 0; j < n; ++j) sum += pow(fmax(0, 1 - (j == y ? 1 : -1) * s[j]), 2);
        return sum;
    }
}

static void evaluate(const topk_loss_params *params, int n, const float *scores, int y, float *loss,
                     float *grad)
{
    void *scratch = aligned_alloc(64, (topk_loss_scratch(params, n) + 127) / 64 * 64);
    memset(grad, 0x7f, (size_t)n * sizeof *grad);
    topk_loss_of_label(params, n, scores, y, loss, grad, scratch);
    free(scratch);
}

static void check_near(const char *what, const topk_loss_params *p, int n, double got, double want,
                       double tolerance)
{
    if (fabs(got - want) <= tolerance) return;
    fail_msg("%s of %s, k=%d, n=%d: %.9g, should be %.9g", what, topk_loss_name(p->type), p->k, n,
             got, want);
}

/* A step over a kink of a hinge tells nothing. */
static int has_kink(topk_loss_type type)
{
    return type == TOPK_LOSS_HINGE_ALPHA || type == TOPK_LOSS_HINGE_BETA ||
           type == TOPK_LOSS_MULTILABEL_HINGE || type == TOPK_LOSS_CALIBRATED_HINGE ||
           type == TOPK_LOSS_TRUNCATED_ENTROPY;
}

static void check_sample(const topk_loss_params *params, int n, const float *scores, int y)
{
    float loss, grad[MOST];
    double s[MOST], sum = 0, largest = 1e-3, h = 1e-5;
    for (int j = 0; j < n; ++j) s[j] = scores[j];
    evaluate(params, n, scores, y, &loss, grad);
    double want = by_definition(params, n, s, y);
    check_near("loss", params, n, loss, want, 1e-6 * fmax(1, want));
    for (int j = 0; j < n; ++j) {
        sum += grad[j];
        largest = fmax(largest, fabs(grad[j]));
    }
    if (params->type != TOPK_LOSS_L2SVM)
        check_near("sum of the gradient", params, n, sum, 0, 1e-6 * largest * n);
    for (int j = 0; j < n; ++j) {
        double here = s[j];
        s[j] = here + h;
        double above = by_definition(params, n, s, y);
        s[j] = here - h;
        double below = by_definition(params, n, s, y);
        s[j] = here;
        double left = (want - below) / h, right = (above - want) / h;
        if (has_kink(params->type) && fabs(left - right) > 1e-3) continue;
        check_near("gradient", params, n, grad[j], (above - below) / (2 * h), 2e-5 * fmax(1, want));
    }
}

static void test_by_definition(void **state)
{
    (void)state;
    static const int sizes[] = {2, 3, 6, 20, 101}, ks[] = {1, 2, 5, 19, 100};
    static const float scales[] = {0.01f, 1, 5, 20};
    float scores[MOST];
    srand(1);
    for (int type = 0; type < TOPK_LOSS_TYPES; ++type)
        for (int size = 0; size < 5; ++size)
            for (int ik = 0; ik < 5; ++ik)
                for (int scale = 0; scale < 4; ++scale)
                    for (int trial = 0; trial < 4; ++trial) {
                        int n = sizes[size], k = ks[ik];
                        topk_loss_params params = {(topk_loss_type)type, k, trial % 2 ? 1 : 2.5f,
                                                   trial % 2 ? 1 : 0.7f};
                        if (k >= n) continue;
                        for (int j = 0; j < n; ++j) scores[j] = some(scales[scale]);
                        check_sample(&params, n, scores, rand() % n);
                    }
}

static void test_k_1_is_softmax(void **state)
{
    (void)state;
    float scores[10], loss, grad[10];
    srand(2);
    for (int type = TOPK_LOSS_ENTROPY; type <= TOPK_LOSS_TRUNCATED_ENTROPY; ++type)
        for (int trial = 0; trial < 50; ++trial) {
            topk_loss_params params = {(topk_loss_type)type, 1, 1, 0};
            double sum = 0;
            int y = trial % 10;
            for (int j = 0; j < 10; ++j) sum += exp(scores[j] = some(10));
            evaluate(&params, 10, scores, y, &loss, grad);
            check_near("loss", &params, 10, loss, log(sum) - scores[y], 1e-6 * fmax(1, loss));
            for (int j = 0; j < 10; ++j)
                check_near("gradient", &params, 10, grad[j], exp(scores[j]) / sum - (j == y), 1e-6);
        }
}

/* gce with q near 0 is cross-entropy, with q = 1 it is 1 - p of the label. */
static void test_gce_between_its_ends(void **state)
{
    (void)state;
    float scores[10], loss, grad[10];
    srand(4);
    for (int trial = 0; trial < 50; ++trial) {
        topk_loss_params params = {TOPK_LOSS_GCE, 1, 1, 1e-7f};
        double sum = 0;
        int y = trial % 10;
        for (int j = 0; j < 10; ++j) sum += exp(scores[j] = some(10));
        double p = exp(scores[y]) / sum;
        evaluate(&params, 10, scores, y, &loss, grad);
        check_near("loss", &params, 10, loss, -log(p), 1e-5 * fmax(1, loss));
        check_near("gradient", &params, 10, grad[y], p - 1, 1e-5);
        params.q = 1;
        evaluate(&params, 10, scores, y, &loss, grad);
        check_near("loss", &params, 10, loss, 1 - p, 1e-6);
        check_near("gradient", &params, 10, grad[y], -p * (1 - p), 1e-6);
    }
}

/* By hand: three equal scores, k=2; the first of equal ones counts as the larger. */
static void test_ties(void **state)
{
    (void)state;
    const float scores[4] = {1, 1, 1, 1};
    static const struct {
        topk_loss_type type;
        double loss, grad[4];
    } wants[] = {
        /* u = 0, Z = 3: B = 2 log(3/2), L = log(1 + 2 * 3/2) */
        {TOPK_LOSS_ENTROPY, 1.3862943611, {-.75, .25, .25, .25}},
        {TOPK_LOSS_TRUNCATED_ENTROPY, 1.0986122887, {-2. / 3, 0, 1. / 3, 1. / 3}},
        {TOPK_LOSS_HINGE_ALPHA, 1, {-1, .5, .5, 0}},
        {TOPK_LOSS_HINGE_BETA, 1, {-1, .5, .5, 0}},
        {TOPK_LOSS_CALIBRATED_HINGE, 1, {-1, 0, 1, 0}},
        /* p = 1/2 each: L = log 2, w alike */
        {TOPK_LOSS_LML, 0.6931471806, {-.375, .125, .125, .125}},
        /* p = 1/2 each, on the kink of F */
        {TOPK_LOSS_LAPSUM, 0.6931471806, {-.75, .25, .25, .25}},
        {TOPK_LOSS_L2SVM, 12, {0, 4, 4, 4}},
        /* p = 1/4, q = 1/2: (1 - 1/2) / (1/2); the gradient is 1/2 (p - 1[label]) */
        {TOPK_LOSS_GCE, 1, {-.375, .125, .125, .125}},
        {TOPK_LOSS_MULTILABEL_HINGE, 1, {-1, 1, 0, 0}},
        {TOPK_LOSS_MULTILABEL_ENTROPY, 1.3862943611, {-.75, .25, .25, .25}},
    };
    for (size_t i = 0; i < sizeof wants / sizeof *wants; ++i) {
        topk_loss_params params = {wants[i].type, 2, 1, 0.5f};
        float loss, grad[4];
        evaluate(&params, 4, scores, 0, &loss, grad);
        check_near("loss", &params, 4, loss, wants[i].loss, 1e-6);
        for (int j = 0; j < 4; ++j)
            check_near("gradient", &params, 4, grad[j], wants[i].grad[j], 1e-6);
    }
}

/* The (k+1)-th largest score, of label and another class alike, is the other's: both have a
   gradient. Label 2, k=2: first the label is the second, then the third. */
static void test_ties_with_the_label(void **state)
{
    (void)state;
    const topk_loss_params params = {TOPK_LOSS_CALIBRATED_HINGE, 2, 1, 1};
    const float scores[2][5] = {{5, 2, 2, 1, 0}, {5, 4, 2, 2, 0}};
    const float wants[2][5] = {{0, 1, -1, 0, 0}, {0, 0, -1, 1, 0}};
    for (int i = 0; i < 2; ++i) {
        float loss, grad[5];
        evaluate(&params, 5, scores[i], 2, &loss, grad);
        assert_true(loss == 1);
        for (int j = 0; j < 5; ++j) assert_true(grad[j] == wants[i][j]);
    }
}

static int is_nan(float x)
{
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & 0x7fffffff) > 0x7f800000;
}

static void test_numbers_that_are_none(void **state)
{
    (void)state;
    for (int type = 0; type < TOPK_LOSS_TYPES; ++type) {
        topk_loss_params params = {(topk_loss_type)type, 2, 1, 0.5f};
        float bad[2] = {NAN, INFINITY}, loss, grad[5], grad_without[4];
        for (int i = 0; i < 2; ++i) {
            float scores[5] = {1, 2, bad[i], 0, -1};
            evaluate(&params, 5, scores, 0, &loss, grad);
            assert_true(is_nan(loss));
            for (int j = 0; j < 5; ++j) assert_true(is_nan(grad[j]));
        }
        /* A class of -inf is as if it were not there. */
        float scores[5] = {1, 2, -INFINITY, 0.5f, -1};
        float rest[4] = {1, 2, 0.5f, -1}, loss_without;
        evaluate(&params, 5, scores, 0, &loss, grad);
        evaluate(&params, 4, rest, 0, &loss_without, grad_without);
        check_near("loss", &params, 5, loss, loss_without, 1e-6);
        assert_true(grad[2] == 0);
        for (int j = 0; j < 4; ++j)
            check_near("gradient", &params, 5, grad[j + (j > 1)], grad_without[j], 1e-6);
        evaluate(&params, 5, scores, 2, &loss, grad);
        assert_true(loss == (type == TOPK_LOSS_GCE ? 2 : INFINITY));
        for (int j = 0; j < 5; ++j) assert_true(grad[j] == 0);
        /* One finite score beside the label, k=2. */
        float few[5] = {1, 3, -INFINITY, -INFINITY, -INFINITY};
        evaluate(&params, 5, few, 0, &loss, grad);
        if (type == TOPK_LOSS_HINGE_BETA)
            assert_true(loss == 1.5f && grad[1] == .5f && grad[0] == -.5f);
        else if (type == TOPK_LOSS_GCE)
            assert_true(loss > 1.3f && loss < 1.4f && grad[1] > 0 && grad[2] == 0);
        else if (type == TOPK_LOSS_MULTILABEL_HINGE)
            assert_true(loss == 3 && grad[1] == 1 && grad[0] == -1);
        else if (type == TOPK_LOSS_MULTILABEL_ENTROPY)
            assert_true(loss > 2.1f && loss < 2.2f && grad[1] > 0 && grad[2] == 0);
        else if (type != TOPK_LOSS_L2SVM)
            assert_true(loss == 0 && grad[0] == 0 && grad[1] == 0);
    }
}

/* Large scores: finite, and as the definition has them. */
static void test_large_scores(void **state)
{
    (void)state;
    float loss, grad[6];
    const float scores[6] = {-1e30f, 1e30f, 2e30f, 0, 1e-30f, 1e30f};
    for (int type = 0; type < TOPK_LOSS_TYPES; ++type)
        for (int k = 1; k < 6; ++k)
            for (int y = 0; y < 6; ++y) {
                topk_loss_params params = {(topk_loss_type)type, k, 0.5f, 0.7f};
                evaluate(&params, 6, scores, y, &loss, grad);
                assert_true(!is_nan(loss) && loss >= 0);
                for (int j = 0; j < 6; ++j) assert_true(!is_nan(grad[j]));
                if (type == TOPK_LOSS_TRUNCATED_ENTROPY && y == 0 && k == 1)
                    check_near("loss / 1e30", &params, 6, (double)loss / 1e30, 3, 1e-6);
                if ((type == TOPK_LOSS_LML || type == TOPK_LOSS_LAPSUM) && y == 0 &&
                    k == 1) /* nu is between -2 and -1 e30/tau */
                    assert_true(loss / 1e30f > 3.9f && loss / 1e30f < 6.1f);
            }
}

static void test_truth_rows(void **state)
{
    (void)state;
    topk_loss_params params = {TOPK_LOSS_ENTROPY, 2, 1, 0};
    enum { N = 6 };
    float scores[4 * N], truth[4 * N] = {0}, loss[4], delta[4 * N], one, grad[N];
    srand(3);
    for (int i = 0; i < 4 * N; ++i) scores[i] = some(3);
    memcpy(scores + N, scores, N * sizeof *scores);
    truth[2] = 1;         /* a label */
    truth[N + 2] = 0.25f; /* two labels */
    truth[N + 4] = 0.75f;
    truth[3 * N] = NAN; /* row 2 has none */
    size_t size = topk_loss_truth_workspace_size(&params, 1, N);
    void *workspace = malloc(size);
    assert_int_equal(
        topk_loss_truth_cpu(&params, 3, 4, N, scores, truth, loss, delta, workspace, size), 0);
    evaluate(&params, N, scores, 2, &one, grad);
    check_near("loss", &params, N, loss[0], 3 * one, 1e-6);
    float want = 0.25f * one;
    double sum[N];
    for (int j = 0; j < N; ++j) {
        check_near("delta", &params, N, delta[j], -3 * grad[j], 1e-6);
        sum[j] = 0.25 * grad[j];
    }
    evaluate(&params, N, scores, 4, &one, grad);
    check_near("loss", &params, N, loss[1], 3 * (want + 0.75 * one), 1e-5);
    for (int j = 0; j < N; ++j)
        check_near("delta", &params, N, delta[N + j], -3 * (sum[j] + 0.75 * grad[j]), 1e-5);
    assert_true(loss[2] == 0 && delta[2 * N] == 0 && delta[2 * N + 5] == 0);
    assert_true(is_nan(loss[3]) && is_nan(delta[3 * N + 1]));
    assert_int_equal(
        topk_loss_truth_cpu(&params, 1, 4, N, scores, truth, loss, delta, workspace, 1),
        SMOOTH_TOPK_ERROR_MEMORY);
    free(workspace);
}

/* As the paper has them, for labels with t = 1/m. */
static double multilabel_by_definition(topk_loss_type type, int n, const double *s,
                                       const float *truth, int labels)
{
    double other = -INFINITY, label = INFINITY, sum = 0, mean = 0;
    for (int i = 0; i < n; ++i) {
        sum += exp(s[i]);
        if (truth[i] != 0) {
            label = fmin(label, s[i]);
            mean += s[i] / labels;
        } else {
            other = fmax(other, s[i]);
        }
    }
    if (type == TOPK_LOSS_MULTILABEL_ENTROPY) return log(sum) - mean;
    return labels < n ? fmax(0, 1 + other - label) : 0;
}

static void test_multilabel_rows(void **state)
{
    (void)state;
    enum { N = 12 };
    float scores[N], truth[N], loss, delta[N];
    double s[N], h = 1e-5;
    char workspace[8192];
    srand(5);
    for (int trial = 0; trial < 400; ++trial) {
        topk_loss_params params = {
            trial % 2 ? TOPK_LOSS_MULTILABEL_HINGE : TOPK_LOSS_MULTILABEL_ENTROPY, 1, 1, 0};
        int labels = 1 + trial / 2 % N;
        memset(truth, 0, sizeof truth);
        for (int left = labels; left > 0;) {
            int i = rand() % N;
            if (truth[i] != 0) continue;
            truth[i] = 1.f / (float)labels;
            --left;
        }
        for (int i = 0; i < N; ++i) s[i] = scores[i] = some(trial < 200 ? 2 : 10);
        assert_int_equal(topk_loss_truth_cpu(&params, 2, 1, N, scores, truth, &loss, delta,
                                             workspace, sizeof workspace),
                         0);
        double want = multilabel_by_definition(params.type, N, s, truth, labels);
        check_near("loss of a row", &params, N, loss, 2 * want, 1e-6 * fmax(1, want));
        for (int i = 0; i < N; ++i) {
            double here = s[i];
            s[i] = here + h;
            double above = multilabel_by_definition(params.type, N, s, truth, labels);
            s[i] = here - h;
            double below = multilabel_by_definition(params.type, N, s, truth, labels);
            s[i] = here;
            if (fabs((want - below) - (above - want)) / h > 1e-3 && trial % 2) continue;
            check_near("delta of a row", &params, N, delta[i], -(above - below) / h, 1e-4);
        }
    }
    /* A label of -inf; another class of -inf; a NaN. */
    float grad[4], row[4] = {0.5f, 0.5f, 0, 0};
    const float cases[3][4] = {{1, -INFINITY, 2, 3}, {1, 2, -INFINITY, 0}, {1, 2, NAN, 3}};
    for (int type = TOPK_LOSS_MULTILABEL_HINGE; type <= TOPK_LOSS_MULTILABEL_ENTROPY; ++type) {
        multilabel_loss_of_row((topk_loss_type)type, 4, cases[0], row, &loss, grad);
        assert_true(loss == INFINITY && grad[0] == 0 && grad[1] == 0 && grad[2] == 0);
        multilabel_loss_of_row((topk_loss_type)type, 4, cases[1], row, &loss, grad);
        assert_true(!is_nan(loss) && loss < 10 && grad[2] == 0);
        multilabel_loss_of_row((topk_loss_type)type, 4, cases[2], row, &loss, grad);
        assert_true(is_nan(loss) && is_nan(grad[0]));
    }
}

/* [smooth_topk] k=1 tau=1 alpha=0 label_smooth_eps=e is softmax with cross-entropy to 1 - e on the
   label and e/(n-1) on every other class. */
static void test_label_smoothed_softmax(void **state)
{
    (void)state;
    enum { N = 100 };
    static float scores[N], truth[N], delta[N];
    static char workspace[1 << 20];
    smooth_topk_term term = {{1, 1, 0, SMOOTH_TOPK_PIVOT}, 1};
    smooth_topk_objective objective = {.terms = &term, .count = 1, .scale = 1};
    for (int i = 0; i < 200; ++i) {
        int label = rand() % N;
        float loss, smoothing = i % 2 ? 0.1f : 0.4f;
        double sum = 0, want = 0;
        for (int j = 0; j < N; ++j) sum += exp(scores[j] = some(i < 100 ? 3 : 15));
        memset(truth, 0, sizeof truth);
        truth[label] = 1;
        objective.smoothing = smoothing;
        assert_int_equal(smooth_topk_truth_cpu(&objective, 1, N, scores, truth, &loss, delta,
                                               workspace, sizeof workspace),
                         0);
        for (int j = 0; j < N; ++j) {
            double p = exp(scores[j]) / sum, q = j == label ? 1 - smoothing : smoothing / (N - 1.);
            want -= q * log(p);
            if (fabs(delta[j] - (q - p)) > 3e-7) fail_msg("delta %g, not %g", delta[j], q - p);
        }
        if (fabs(loss - want) > 1e-6 * want) fail_msg("loss %.9g, not %.9g", loss, want);
    }
}

static void test_hardest(void **state)
{
    (void)state;
    int order[5];
    float loss[5] = {1, 3, 3, 0, 2}, delta[10] = {1, -1, 2, -2, 3, -3, 4, -4, 5, -5};
    topk_loss_keep_hardest(5, 5, 2, loss, delta, order);
    assert_true(loss[0] == 1 && delta[0] == 1);
    topk_loss_keep_hardest(2, 5, 2, loss, delta, order);
    const float losses[5] = {0, 7.5f, 7.5f, 0, 0},
                deltas[10] = {0, 0, 5, -5, 7.5f, -7.5f, 0, 0, 0, 0};
    assert_memory_equal(loss, losses, sizeof losses);
    for (int i = 0; i < 10; ++i) assert_true(delta[i] == deltas[i]);
    topk_loss_keep_hardest(1, 5, 2, loss, delta, order); /* the first of equal ones */
    assert_true(loss[1] == 37.5f && loss[2] == 0 && delta[2] == 25 && delta[4] == 0);
    float with_nan[3] = {5, NAN, 1}, of_nan[3] = {1, 2, 3};
    topk_loss_keep_hardest(1, 3, 1, with_nan, of_nan, order);
    assert_true(is_nan(with_nan[1]) && with_nan[0] == 0 && of_nan[0] == 0 && of_nan[1] == 6);
    float two_nan[3] = {5, NAN, NAN}, of_two[3] = {1, 2, 3}; /* the first of them */
    topk_loss_keep_hardest(1, 3, 1, two_nan, of_two, order);
    assert_true(is_nan(two_nan[1]) && two_nan[2] == 0 && of_two[1] == 6 && of_two[2] == 0);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        topk_loss_params params;
        int classes, error;
    } cases[] = {
        {{TOPK_LOSS_LML, 5, 1, 0}, 6, 0},
        {{TOPK_LOSS_LML, 0, 1, 0}, 6, SMOOTH_TOPK_ERROR_K},
        {{TOPK_LOSS_LML, 6, 1, 0}, 6, SMOOTH_TOPK_ERROR_K},
        {{TOPK_LOSS_LML, 5, 0, 0}, 6, SMOOTH_TOPK_ERROR_TAU},
        {{TOPK_LOSS_LML, 5, -1, 0}, 6, SMOOTH_TOPK_ERROR_TAU},
        {{TOPK_LOSS_LML, 5, INFINITY, 0}, 6, SMOOTH_TOPK_ERROR_TAU},
        {{TOPK_LOSS_LML, 5, NAN, 0}, 6, SMOOTH_TOPK_ERROR_TAU},
        {{TOPK_LOSS_TYPES, 5, 1, 0}, 6, SMOOTH_TOPK_ERROR_ALGORITHM},
        {{TOPK_LOSS_LML, 1, 1, 0}, 1, SMOOTH_TOPK_ERROR_SIZE},
        {{TOPK_LOSS_GCE, 1, 1, 1}, 6, 0},
        {{TOPK_LOSS_GCE, 1, 1, 0}, 6, SMOOTH_TOPK_ERROR_Q},
        {{TOPK_LOSS_GCE, 1, 1, 1.01f}, 6, SMOOTH_TOPK_ERROR_Q},
        {{TOPK_LOSS_GCE, 1, 1, -0.5f}, 6, SMOOTH_TOPK_ERROR_Q},
        {{TOPK_LOSS_GCE, 1, 1, NAN}, 6, SMOOTH_TOPK_ERROR_Q},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
        assert_int_equal(topk_loss_check(&cases[i].params, cases[i].classes), cases[i].error);
    assert_null(topk_loss_name(TOPK_LOSS_TYPES));
    assert_string_equal(topk_loss_name(TOPK_LOSS_L2SVM), "l2svm");
    assert_string_equal(topk_loss_name(TOPK_LOSS_LAPSUM), "lapsum");
    assert_string_equal(topk_loss_name(TOPK_LOSS_GCE), "gce");
    assert_non_null(strstr(smooth_topk_strerror(SMOOTH_TOPK_ERROR_Q), "0 < q <= 1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_definition),
        cmocka_unit_test(test_k_1_is_softmax),
        cmocka_unit_test(test_gce_between_its_ends),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_ties_with_the_label),
        cmocka_unit_test(test_numbers_that_are_none),
        cmocka_unit_test(test_large_scores),
        cmocka_unit_test(test_truth_rows),
        cmocka_unit_test(test_multilabel_rows),
        cmocka_unit_test(test_hardest),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_label_smoothed_softmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
