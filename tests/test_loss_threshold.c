/* hardest=, a fraction of all samples: weights and threshold by their definition, and beside a sort
 * of all losses of a fixed network. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "darknet.h"
#include "loss_threshold.h"
#include "option_list.h"
#include "smooth_topk_layer.h"

enum { SAMPLES_OF_SET = 600, CLASSES = 10 };
static float scores[SAMPLES_OF_SET * CLASSES], truth[SAMPLES_OF_SET * CLASSES];
static double all_losses[SAMPLES_OF_SET];

static void assert_close(double a, double b, double allowed)
{
    if (!(fabs(a - b) <= allowed)) fail_msg("%.9g is not %.9g (allowed %g)", a, b, allowed);
}

/* p(d) / fraction, whose derivative is the factor on loss and delta. */
static double smoothed(double loss, double threshold, double fraction)
{
    double distance = loss - threshold;
    return (distance + sqrt(distance * distance + 1e-4)) / 2 / fraction;
}

static void test_weights(void **state)
{
    (void)state;
    loss_threshold t = {.fraction = 0.25f, .threshold = 2, .mean_loss = 2, .samples = 8};
    const float losses[] = {0, 1.9f, 1.995f, 2, 2.003f, 2.02f, 7, 1e30f};
    const float ones[] = {1, 1, 1, 1, 1, 1, 1, 1};
    for (int i = 0; i < 8; ++i) {
        float loss = losses[i], delta = -3, value = (float)((double)losses[i]);
        double step = 1e-6, point = (double)value;
        weigh_by_threshold(&t, 1, 1, ones, 0, &loss, &delta);
        double factor =
            point > 1e6
                ? 4
                : (smoothed(point + step, 2, 0.25) - smoothed(point - step, 2, 0.25)) / (2 * step);
        assert_close((double)delta, -3 * factor, 2e-4);
        assert_close((double)loss, point * factor, 2e-4 * point);
    }
    for (int i = 0; i < THRESHOLD_SUMS; ++i) assert_true(t.sums[i] == 0);
}

/* Steps by the formula; rows without a label and losses that are not finite stay out of it. */
static void test_steps(void **state)
{
    (void)state;
    loss_threshold t = {.fraction = 0.5f};
    float loss[] = {1, 3, 100, NAN, INFINITY}, delta[5] = {1, 1, 1, 1, 1};
    const float labels[] = {1, 1, 0, 1, 1};
    weigh_by_threshold(&t, 5, 1, labels, 1, loss, delta);
    assert_true(loss[0] == 1 && loss[1] == 3 && delta[1] == 1); /* no threshold yet */
    end_threshold_batch(&t);
    assert_close((double)t.threshold, 2, 0);
    weigh_by_threshold(&t, 5, 1, labels, 1, loss, delta);
    assert_close((double)loss[0], 0, 1e-4);
    assert_close((double)loss[1], 6, 1e-3);
    assert_true(loss[3] != loss[3] && loss[4] > 1e38f);
    end_threshold_batch(&t); /* half of them were above it */
    assert_close((double)t.threshold, 2, 1e-5);
    float high[] = {5, 7}, of_high[2] = {1, 1};
    weigh_by_threshold(&t, 2, 1, labels, 1, high, of_high);
    end_threshold_batch(&t); /* 2 of 6 samples: the mean loss is 2 + (6 - 2)/3 */
    assert_close((double)t.mean_loss, 10. / 3, 1e-5);
    assert_close((double)t.threshold, 2 + 0.1 * 10 / 3 * 0.5, 1e-4);
    end_threshold_batch(&t); /* an empty batch */
    assert_close((double)t.threshold, 2 + 0.1 * 10 / 3 * 0.5, 1e-4);
}

/* ---- in the layer ---- */

static smooth_topk_layer make(int is_other_section, int batch, const char *hardest)
{
    list *options = make_list();
    char *lines[] = {"k=2", "scale=1", (char *)hardest};
    for (int i = 0; i < (hardest ? 3 : 2); ++i) {
        char *text = strdup(lines[i]), *value = strchr(text, '=');
        kvp *option = calloc(1, sizeof *option);
        *value = 0;
        option->key = text;
        option->val = value + 1;
        list_insert(options, option);
    }
    smooth_topk_layer l = is_other_section
                              ? parse_topk_loss("test.cfg", 1, options, batch, CLASSES)
                              : parse_smooth_topk("test.cfg", 1, options, batch, CLASSES);
    for (node *n = options->front; n; n = n->next) free(((kvp *)n->val)->key);
    free_list_contents(options);
    free_list(options);
    return l;
}

/* What a fixed network says of a set, some of it hard: then its losses, by a plain layer. */
static void make_set(int is_other_section)
{
    smooth_topk_layer plain = make(is_other_section, 1, NULL);
    srand(5);
    memset(truth, 0, sizeof truth);
    for (int i = 0; i < SAMPLES_OF_SET * CLASSES; ++i)
        scores[i] = 6 * ((float)rand() / (float)RAND_MAX - 0.5f);
    for (int b = 0; b < SAMPLES_OF_SET; ++b) {
        network net = {.input = scores + b * CLASSES, .truth = truth + b * CLASSES};
        net.truth[rand() % CLASSES] = 1;
        forward_smooth_topk_layer(plain, net);
        all_losses[b] = (double)plain.cost[0];
    }
    free_layer(plain);
}

static int falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* One batch of the set from `first` on, forward; returns its cost. */
static double forward(smooth_topk_layer l, int first, int is_training)
{
    network net = {
        .input = scores + first * CLASSES, .truth = truth + first * CLASSES, .train = is_training};
    forward_smooth_topk_layer(l, net);
    return (double)l.cost[0];
}

static void one_epoch(smooth_topk_layer l)
{
    update_args unused = {0};
    for (int first = 0; first < SAMPLES_OF_SET; first += l.batch) {
        forward(l, first, 1);
        l.update(l, unused);
    }
}

static void compare_with_sort(int is_other_section, int batch)
{
    double sorted[SAMPLES_OF_SET], hardest = 0, cost = 0;
    const int count = SAMPLES_OF_SET * 3 / 10;
    smooth_topk_layer l = make(is_other_section, batch, "hardest=0.3");
    memcpy(sorted, all_losses, sizeof sorted);
    qsort(sorted, SAMPLES_OF_SET, sizeof *sorted, falling);
    for (int i = 0; i < count; ++i) hardest += sorted[i];
    for (int epoch = 0; epoch < 40; ++epoch) one_epoch(l);
    double threshold = (double)smooth_topk_threshold(&l)->threshold;
    if (threshold > sorted[count - 12] || threshold < sorted[count + 12])
        fail_msg("threshold %g, the sort's %g", threshold, sorted[count]);
    for (int first = 0; first < SAMPLES_OF_SET; first += batch) cost += forward(l, first, 0);
    assert_close(cost * 0.3, hardest, 0.02 * hardest);
    assert_close((double)smooth_topk_threshold(&l)->threshold, threshold, 0); /* no training */
    free_layer(l);
}

static void test_beside_a_sort(void **state)
{
    (void)state;
    for (int other = 0; other < 2; ++other) {
        make_set(other);
        compare_with_sort(other, 1);
        compare_with_sort(other, 6);
        compare_with_sort(other, 120);
    }
}

/* Four subdivisions, and two ranks whose sums are added, are one batch. */
static void test_parts_of_a_batch(void **state)
{
    (void)state;
    update_args unused = {0};
    make_set(0);
    smooth_topk_layer whole = make(0, 40, "hardest=0.3"), part = make(0, 10, "hardest=0.3");
    smooth_topk_layer ranks[2] = {make(0, 20, "hardest=0.3"), make(0, 20, "hardest=0.3")};
    loss_threshold *first = smooth_topk_threshold(ranks),
                   *second = smooth_topk_threshold(ranks + 1);
    for (int i = 0; i < SAMPLES_OF_SET; i += 40) {
        double cost = forward(whole, i, 1), of_parts = 0;
        for (int j = 0; j < 4; ++j) of_parts += forward(part, i + 10 * j, 1);
        double of_ranks = forward(ranks[0], i, 1) + forward(ranks[1], i + 20, 1);
        assert_close(of_parts, cost, 1e-4 * cost);
        assert_close(of_ranks, cost, 1e-4 * cost);
        for (int s = 0; s < THRESHOLD_SUMS; ++s)
            first->sums[s] = second->sums[s] = first->sums[s] + second->sums[s];
        whole.update(whole, unused);
        part.update(part, unused);
        for (int r = 0; r < 2; ++r) ranks[r].update(ranks[r], unused);
        double threshold = (double)smooth_topk_threshold(&whole)->threshold;
        assert_close((double)smooth_topk_threshold(&part)->threshold, threshold, 1e-5);
        assert_close((double)first->threshold, threshold, 1e-5);
    }
    free_layer(whole);
    free_layer(part);
    free_layer(ranks[0]);
    free_layer(ranks[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_beside_a_sort),
        cmocka_unit_test(test_parts_of_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
