/* Prediction sets: thresholds and sets by brute force and by hand, and their guarantee over many
 * draws. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "prediction_sets.h"
#include "seed.h"

#define NEAR(got, want) assert_true(fabs((got) - (want)) < 1e-6)

static void test_images_needed(void **state)
{
    (void)state;
    assert_int_equal(images_for_cover(0.9), 9);
    assert_int_equal(images_for_cover(0.95), 19);
    assert_int_equal(images_for_cover(0.5), 1);
    assert_int_equal(images_for_cover(0.8), 4);
    assert_int_equal(images_for_cover(0.99), 99);
    assert_int_equal(images_for_cover(0.85), 6); /* 7 * 0.85 = 5.95 */
    assert_int_equal(images_for_cover(0.01), 1);
    assert_int_equal(images_for_cover(0.999), 999);
}

/* The place is ceil((n+1) cover), whole where that is whole. */
static void test_threshold(void **state)
{
    (void)state;
    double scores[99];
    for (int n = 9; n <= 99; ++n) {
        for (int i = 0; i < n; ++i)
            scores[i] = (i * 37) % n + 1; /* 1 to n where 37 and n share nothing */
        if (n % 37 == 0) continue;
        int place = (9 * (n + 1) + 9) / 10;
        NEAR(conformal_threshold(scores, n, 0.9), place);
    }
    double seven[] = {7, 6, 5, 4, 3, 2, 1, 8, 9};
    NEAR(conformal_threshold(seven, 9, 0.7), 7);
}

static void test_scores(void **state)
{
    (void)state;
    const float p[] = {0.125f, 0.5f, 0.125f, 0.25f};
    double s[8];
    int order[8];
    assert_true(score_classes(SET_SCORE_LAC, 4, p, s, order));
    NEAR(s[0], 0.875);
    NEAR(s[1], 0.5);
    assert_true(score_classes(SET_SCORE_APS, 4, p, s, order));
    NEAR(s[1], 0.5);
    NEAR(s[3], 0.75);
    NEAR(s[0], 1); /* equal ones share the last of their places */
    NEAR(s[2], 1);
    assert_true(score_classes(SET_SCORE_RANK, 4, p, s, order));
    NEAR(s[1], 1);
    NEAR(s[3], 2);
    NEAR(s[0], 4);
    NEAR(s[2], 4);
    const float twice[] = {0.25f, 1, 0.25f, 0.5f}; /* a sum of 2, as an output of memberships has */
    assert_true(score_classes(SET_SCORE_APS, 4, twice, s, order));
    NEAR(s[1], 0.5);
    NEAR(s[3], 0.75);
    float many[8] = {0.3f, 0.2f, 0.15f, 0.1f, 0.09f, 0.08f, 0.05f, 0.03f};
    assert_true(score_classes(SET_SCORE_RAPS, 8, many, s, order));
    NEAR(s[4], 0.84);
    NEAR(s[5], 0.92 + 0.01);
    NEAR(s[7], 1 + 0.03);
}

static void test_bad_probabilities(void **state)
{
    (void)state;
    double s[2];
    int order[2];
    float bad[] = {0.5f, NAN}, below[] = {1.5f, -0.5f}, none[] = {0, 0};
    for (int score = 0; score < 4; ++score) assert_false(score_classes(score, 2, bad, s, order));
    assert_true(score_classes(SET_SCORE_LAC, 2, below, s, order));
    assert_true(score_classes(SET_SCORE_RANK, 2, below, s, order));
    assert_false(score_classes(SET_SCORE_APS, 2, below, s, order));
    assert_false(score_classes(SET_SCORE_RAPS, 2, none, s, order));
    assert_int_equal(find_set_score("raps"), SET_SCORE_RAPS);
    assert_int_equal(find_set_score("RAPS"), -1);
    assert_string_equal(name_of_set_score(SET_SCORE_RANK), "rank");
}

static void test_set(void **state)
{
    (void)state;
    double own[] = {0.9, 0.4, 0.7, 0.8}, scores[4];
    const float p[] = {0.2f, 0.5f, 0.25f, 0.05f};
    int members[4];
    prediction_sets sets = {.score = SET_SCORE_LAC, .cover = 0.9, .classes = 4, .threshold = 0.8};
    sets.threshold = 1 - (double)0.2f; /* equal to a score: in the set */
    assert_int_equal(find_set(&sets, p, scores, members), 3);
    assert_int_equal(members[0], 1);
    assert_int_equal(members[1], 2);
    assert_int_equal(members[2], 0);
    sets.threshold = 0.4;
    assert_int_equal(find_set(&sets, p, scores, members), 0);
    sets.class_thresholds = own;
    assert_int_equal(find_set(&sets, p, scores, members), 1);
    assert_int_equal(members[0], 0);
}

/* Class 0 has enough images of its own, class 1 too few, class 2 none. */
static void test_each_class(void **state)
{
    (void)state;
    double own[3];
    calibration_score scores[24];
    prediction_sets sets = {
        .score = SET_SCORE_LAC, .cover = 0.9, .classes = 3, .images = 24, .class_thresholds = own};
    for (int i = 0; i < 24; ++i) {
        scores[i].class = i % 3 == 0; /* 16 of class 0, 8 of class 1 */
        scores[i].score = i;
    }
    assert_int_equal(calibrate_sets(&sets, scores), 1);
    NEAR(sets.threshold, 22); /* ceil(25 * 0.9) = 23 */
    NEAR(own[1], 22);
    NEAR(own[2], 22);
    NEAR(own[0], 23); /* ceil(17 * 0.9) = 16, the last of 1, 2, 4, 5, ..., 23 */
    sets.class_thresholds = NULL;
    assert_int_equal(calibrate_sets(&sets, scores), 0);
    NEAR(sets.threshold, 22);
}

static double uniform(void)
{
    return (thread_rand() + 0.5) / (RAND_MAX + 1.);
}

enum { CLASSES = 7 };

/* An image of a class that is drawn with unequal chances; coarse: probabilities are often equal. */
static int draw_image(float *p, int coarse)
{
    int class = (int)(CLASSES * uniform() * uniform());
    double sum = 0;
    for (int i = 0; i < CLASSES; ++i) {
        double z = 2 * uniform() * uniform() * (i % 3 + 1) + (i == class) * uniform() * 2;
        p[i] = (float)exp(coarse ? floor(z) : z);
        sum += (double)p[i];
    }
    for (int i = 0; i < CLASSES; ++i) p[i] = (float)(p[i] / sum);
    return class;
}

/* The probability that a number with the distribution Beta(a, b), a and b whole, is at most x: that
   of a or more of a + b - 1. */
static double beta_distribution(int a, int b, double x)
{
    int n = a + b - 1;
    double sum = 0;
    for (int i = a; i <= n; ++i)
        sum += exp(lgamma(n + 1.) - lgamma(i + 1.) - lgamma(n - i + 1.) + i * log(x) +
                   (n - i) * log(1 - x));
    return sum;
}

/* Draws calibration images and images to use, DRAWS times. The share of sets that hold the right
   class has the mean r/(n+1), and its place in Beta(r, n+1-r) is evenly spread: by Kolmogorov and
   Smirnov. Where scores are often equal, it is above. */
static void check_guarantee(set_score score, int coarse)
{
    enum { DRAWS = 300, CALIBRATION = 60, USED = 2000, PLACE = 55 }; /* ceil(61 * 0.9) */
    double mean = 0, furthest = 0, places[DRAWS], scores[CLASSES];
    int members[CLASSES];
    float p[CLASSES];
    seed_thread(mix_seed(1, (unsigned long long)score));
    for (int draw = 0; draw < DRAWS; ++draw) {
        prediction_sets sets = {
            .score = score, .cover = 0.9, .classes = CLASSES, .images = CALIBRATION};
        calibration_score own[CALIBRATION];
        long covered = 0;
        for (int i = 0; i < CALIBRATION; ++i) {
            own[i].class = draw_image(p, coarse);
            assert_true(score_classes(score, CLASSES, p, scores, members));
            own[i].score = scores[own[i].class];
        }
        calibrate_sets(&sets, own);
        for (int i = 0; i < USED; ++i) {
            int class = draw_image(p, coarse), size = find_set(&sets, p, scores, members);
            for (int j = 0; j < size; ++j) covered += members[j] == class;
        }
        double share = (double)covered / USED;
        mean += share / DRAWS;
        places[draw] = share >= 1 ? 1 : beta_distribution(PLACE, CALIBRATION + 1 - PLACE, share);
    }
    seed_thread(0);
    /* The standard deviation of Beta's mean over the draws is 0.039/sqrt(300) = 0.0022. */
    if (mean < 0.9016 - 0.0066 || (!coarse && mean > 0.9016 + 0.0066))
        fail_msg("score %s: coverage %.4f, expected 0.9016", name_of_set_score(score), mean);
    for (int i = 0; i < DRAWS; ++i) {
        int below = 0;
        for (int j = 0; j < DRAWS; ++j) below += places[j] <= places[i];
        double distance =
            coarse ? (double)below / DRAWS - places[i] : fabs((double)below / DRAWS - places[i]);
        if (distance > furthest) furthest = distance;
    }
    /* 1.63/sqrt(300): beyond it once in a hundred. USED images blur a little. */
    if (furthest > 0.1)
        fail_msg("score %s: not Beta: distance %.3f", name_of_set_score(score), furthest);
}

static void test_guarantee(void **state)
{
    (void)state;
    check_guarantee(SET_SCORE_LAC, 0);
    check_guarantee(SET_SCORE_APS, 0);
    check_guarantee(SET_SCORE_RAPS, 0);
}

static void test_guarantee_with_ties(void **state)
{
    (void)state;
    for (int score = 0; score < 4; ++score) check_guarantee(score, 1);
}

static void test_coverage(void **state)
{
    (void)state;
    set_counts classes[3] = {{0, 0, 0}};
    long with_size[4] = {0};
    set_coverage c = {.classes = classes, .with_size = with_size};
    NEAR(median_set_size(&c, 3), 0);
    assert_int_equal(largest_set_size(&c, 3), 0);
    add_to_set_coverage(&c, 0, 1, 1);
    NEAR(median_set_size(&c, 3), 1);
    add_to_set_coverage(&c, 0, 0, 0);
    NEAR(median_set_size(&c, 3), 0.5);
    add_to_set_coverage(&c, 2, 1, 3);
    NEAR(median_set_size(&c, 3), 1);
    add_to_set_coverage(&c, 2, 1, 2);
    NEAR(median_set_size(&c, 3), 1.5);
    assert_int_equal(largest_set_size(&c, 3), 3);
    assert_int_equal(c.all.images, 4);
    assert_int_equal(c.all.covered, 3);
    assert_int_equal(c.all.sizes, 6);
    assert_int_equal(classes[0].covered, 1);
    assert_int_equal(classes[1].images, 0);
    assert_int_equal(classes[2].sizes, 5);
    double low, high;
    share_interval(81, 100, &low, &high); /* scipy's proportion_ci(method='wilson'), to 6 digits */
    NEAR(low, 0.722212);
    NEAR(high, 0.874852);
    share_interval(0, 10, &low, &high);
    NEAR(low, 0);
    NEAR(high, 0.277533);
    share_interval(10, 10, &low, &high);
    NEAR(low, 0.722467);
    NEAR(high, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_images_needed), cmocka_unit_test(test_threshold),
        cmocka_unit_test(test_scores),        cmocka_unit_test(test_bad_probabilities),
        cmocka_unit_test(test_set),           cmocka_unit_test(test_each_class),
        cmocka_unit_test(test_guarantee),     cmocka_unit_test(test_guarantee_with_ties),
        cmocka_unit_test(test_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
