/* Membership probabilities: by brute force over subsets, and what must hold of any. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "smooth_topk_membership.h"

static unsigned long long state = 1;

static double uniform(void)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(state >> 33) / 2147483648.;
}

static void membership(int classes, int k, float temperature, const float *scores, float *output)
{
    void *workspace = malloc(smooth_topk_membership_workspace_size(classes, k));
    smooth_topk_membership_cpu(1, classes, k, temperature, scores, output, workspace);
    free(workspace);
}

/* The sum of z over a subset; *size: how many classes it has. */
static long double sum_of_subset(unsigned subset, int classes, float temperature,
                                 const float *scores, int *size)
{
    long double sum = 0;
    *size = 0;
    for (int i = 0; i < classes; ++i)
        if (subset >> i & 1) {
            ++*size;
            sum += (long double)scores[i] / (long double)temperature;
        }
    return sum;
}

/* Every subset of k classes, in long double. */
static void by_subsets(int classes, int k, float temperature, const float *scores, double *m)
{
    long double all = 0, of_class[16] = {0}, most = -INFINITY;
    int size;
    for (unsigned subset = 0; subset < 1u << classes; ++subset) {
        long double sum = sum_of_subset(subset, classes, temperature, scores, &size);
        if (size == k) most = fmaxl(most, sum);
    }
    for (unsigned subset = 0; subset < 1u << classes; ++subset) {
        long double sum = sum_of_subset(subset, classes, temperature, scores, &size);
        if (size != k) continue;
        long double product = expl(sum - most);
        all += product;
        for (int i = 0; i < classes; ++i)
            if (subset >> i & 1) of_class[i] += product;
    }
    for (int i = 0; i < classes; ++i) m[i] = (double)(of_class[i] / all);
}

static void test_subsets(void **unused)
{
    (void)unused;
    static const float sizes[] = {0.01f, 1, 10, 300};
    static const float temperatures[] = {0.1f, 1, 5};
    float scores[10], output[10];
    double m[10];
    for (int draw = 0; draw < 600; ++draw) {
        int classes = 2 + draw % 9, k = 1 + (int)(uniform() * (classes - 1));
        float size = sizes[draw % 4], temperature = temperatures[draw % 3];
        for (int i = 0; i < classes; ++i) {
            scores[i] = size * (float)(2 * uniform() - 1);
            if (draw % 5 == 0) scores[i] = size * (float)(int)(3 * uniform()); /* ties */
        }
        if (draw % 7 == 0 && k < classes - 1) scores[draw % classes] = -INFINITY;
        membership(classes, k, temperature, scores, output);
        by_subsets(classes, k, temperature, scores, m);
        for (int i = 0; i < classes; ++i)
            if (!(fabs((double)output[i] - m[i]) < 1e-6))
                fail_msg("classes %d, k %d, size %g, temperature %g: %.9g, should be %.9g", classes,
                         k, (double)size, (double)temperature, (double)output[i], m[i]);
    }
}

/* They sum to k, are from 0 to 1, in the order of the scores. */
static void test_many_classes(void **unused)
{
    (void)unused;
    enum { CLASSES = 21841 };
    static float scores[CLASSES], output[CLASSES];
    static const int ks[] = {1, 5, 20, 100, 1000, CLASSES - 1};
    static const float sizes[] = {1e-4f, 1, 30, 1e4f};
    for (int a = 0; a < 6; ++a)
        for (int b = 0; b < 4; ++b) {
            int classes = ks[a] > 100 ? 2000 : CLASSES, k = ks[a] < classes ? ks[a] : classes - 1;
            for (int i = 0; i < classes; ++i)
                scores[i] = sizes[b] * (float)(uniform() + uniform() - 1);
            membership(classes, k, 1, scores, output);
            double sum = 0;
            for (int i = 0; i < classes; ++i) {
                assert_true(output[i] >= 0 && output[i] <= 1.000001f);
                sum += (double)output[i];
                int j = (int)(uniform() * classes);
                if (scores[i] > scores[j]) assert_true(output[i] >= output[j] - 1e-6f);
            }
            if (!(fabs(sum - k) < 1e-5 * k))
                fail_msg("k %d, size %g: sum %.9g", k, (double)sizes[b], sum);
        }
}

/* k=1 is the softmax. */
static void test_softmax(void **unused)
{
    (void)unused;
    enum { CLASSES = 300 };
    float scores[CLASSES], output[CLASSES];
    double sum = 0;
    for (int i = 0; i < CLASSES; ++i) scores[i] = (float)(20 * uniform());
    membership(CLASSES, 1, 2, scores, output);
    for (int i = 0; i < CLASSES; ++i) sum += exp((double)scores[i] / 2);
    for (int i = 0; i < CLASSES; ++i)
        assert_true(fabs((double)output[i] - exp((double)scores[i] / 2) / sum) < 1e-6);
}

static void test_bad_rows(void **unused)
{
    (void)unused;
    float rows[6][4] = {{1, NAN, 2, 3},
                        {1, INFINITY, 2, 3},
                        {-INFINITY, -INFINITY, 2, -INFINITY},
                        {-INFINITY, 1, 2, -INFINITY},
                        {1, 2, 3, 4},
                        {3e38f, -3e38f, 3e38f, 0}};
    float output[6][4];
    void *workspace = malloc(smooth_topk_membership_workspace_size(4, 2));
    smooth_topk_membership_cpu(6, 4, 2, 1e-30f, &rows[0][0], &output[0][0], workspace);
    free(workspace);
    for (int b = 0; b < 3; ++b)
        for (int i = 0; i < 4; ++i) assert_true(output[b][i] != output[b][i]);
    static const float rest[3][4] = {{0, 1, 1, 0}, {0, 0, 1, 1}, {1, 0, 1, 0}};
    for (int b = 0; b < 3; ++b)
        for (int i = 0; i < 4; ++i) assert_true(fabsf(output[3 + b][i] - rest[b][i]) < 1e-6f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subsets),
        cmocka_unit_test(test_many_classes),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_bad_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
