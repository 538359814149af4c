/* Many rows of every kind in one batch, again and again: each has the loss and gradient, to the
   bit, that it has alone. Ordinary rows, rows that pivot_kernel defers, ignored ones, bad scores,
   ties. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support.h"
#include "smooth_topk.h"

/* Fewer where the kernels are emulated. */
#ifndef ROWS
#define ROWS 2000
#define ROUNDS 20
#endif

static uint64_t state = 5;

static float uniform(void)
{
    return (float)(next_random(&state) >> 40) * 0x1p-24f;
}

/* Kinds follow one another, so that neighbours in a block differ. */
static int fill_row(int kind, int classes, int k, float *scores)
{
    for (int i = 0; i < classes; ++i) scores[i] = 6 * uniform() - 3;
    int label = (int)(uniform() * (float)classes);
    switch (kind % 7) {
    case 1: /* k nearly equal, the others far below: beyond what float can bear */
        for (int i = 0; i < classes; ++i)
            scores[i] = i * 37 % classes <= k ? 0.01f * scores[i] : -40.f * (float)k;
        break;
    case 2:
        return -1;
    case 3:
        scores[classes / 2] = NOT_A_NUMBER;
        break;
    case 4: /* more ties at the pivot than there are lanes */
        for (int i = 0; i < classes; ++i) scores[i] = (float)(i % 2);
        break;
    case 5:
        for (int i = 0; i < k / 2; ++i) scores[(int)(uniform() * (float)classes)] = 30.f * (float)k;
        break;
    case 6:
        scores[label] = MINUS_INF;
        break;
    }
    return label;
}

static void check_batch(int classes, int k)
{
    smooth_topk_params params = {k, 1, 1, SMOOTH_TOPK_PIVOT};
    size_t size = (size_t)ROWS * (size_t)classes;
    float *scores = malloc(size * sizeof(float)), *grad = malloc(size * sizeof(float)),
          *alone = malloc(size * sizeof(float)), *loss = malloc(2 * ROWS * sizeof(float));
    int *labels = malloc(ROWS * sizeof(int));
    for (int b = 0; b < ROWS; ++b) {
        float *row = scores + (size_t)b * (size_t)classes;
        labels[b] = fill_row(b, classes, k, row);
        assert_int_equal(smooth_topk_cpu(&params, 1, classes, row, labels + b, loss + ROWS + b,
                                         alone + (size_t)b * (size_t)classes),
                         0);
    }
    for (int round = 0; round < ROUNDS; ++round) {
        memset(loss, 0xff, ROWS * sizeof(float));
        memset(grad, 0xff, size * sizeof(float));
        assert_int_equal(smooth_topk_cpu(&params, ROWS, classes, scores, labels, loss, grad), 0);
        for (int b = 0; b < ROWS; ++b) {
            size_t begin = (size_t)b * (size_t)classes;
            if (memcmp(loss + b, loss + ROWS + b, sizeof(float)) ||
                memcmp(grad + begin, alone + begin, (size_t)classes * sizeof(float)))
                fail_msg("row %d of kind %d, %d classes, k %d, round %d: not as alone", b, b % 7,
                         classes, k, round);
        }
    }
    free(scores), free(grad), free(alone), free(loss), free(labels);
}

/* A warp a sample, a block a sample, and what only any_kernel does. */
static void test_rows_are_as_alone(void **unused)
{
    (void)unused;
    check_batch(100, 5);
    check_batch(1500, 5);
    check_batch(200, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows_are_as_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
