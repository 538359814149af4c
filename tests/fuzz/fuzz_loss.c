/* Fuzzes the mathematics: parameters, sizes and scores as raw bits, against what smooth_topk.h
   promises and, where the loss is finite, against the 80-bit reference. */
#include "fuzz.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support.h"
#include "../reference.h"
#include "smooth_topk.h"

#define MOST_CLASSES 300
#define MOST_BATCH 3

/* The first 16 bytes of an input: k, classes, batch, algorithm, shape, labels, tau, alpha. */
const char *const fuzz_words[] = {"\xff\xff\xff\xff",
                                  "\xff\xff\x7f\x7f",
                                  "\x01\x01\x80\x7f",
                                  "\x01\x01\x80\x3f",
                                  "\x01\x01\x80\xff",
                                  "\x80\x80\x80\x80",
                                  "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
                                  "\x02",
                                  "\x05",
                                  "\x0b",
                                  "\x40\x40",
                                  NULL};

static long refused, special, compared[2];

const char *fuzz_outcomes(void)
{
    static char line[200];
    snprintf(line, sizeof line,
             "%ld refused; samples: %ld special, %ld compared by loss alone, %ld by gradients too",
             refused, special, compared[0], compared[1]);
    return line;
}

static smooth_topk_params params;
static int classes, batch, labels[MOST_BATCH];
static float scores[MOST_BATCH * MOST_CLASSES];

#define FINDING(...)                                                                         \
    (fprintf(stderr, "finding: k %d tau %.9g alpha %.9g algorithm %d classes %d batch %d: ", \
             params.k, params.tau, params.alpha, (int)params.algorithm, classes, batch),     \
     fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), abort())

/* The error that the header promises; several where several things are wrong. */
static int is_right_error(int error)
{
    int k = classes >= 2 && (params.k < 1 || params.k >= classes);
    int tau = is_nan(params.tau) || is_infinite(params.tau) || params.tau < 0;
    int alpha = is_nan(params.alpha) || is_infinite(params.alpha) || params.alpha < 0;
    int algorithm = params.algorithm != SMOOTH_TOPK_PIVOT && params.algorithm != SMOOTH_TOPK_LOG;
    int size = classes < 2 || batch < 0, label = 0;
    for (int b = 0; b < batch; ++b) label |= labels[b] < -1 || labels[b] >= classes;
    switch (error) {
    case SMOOTH_TOPK_OK:
        return !(k || tau || alpha || algorithm || size || label);
    case SMOOTH_TOPK_ERROR_K:
        return k;
    case SMOOTH_TOPK_ERROR_TAU:
        return tau;
    case SMOOTH_TOPK_ERROR_ALPHA:
        return alpha;
    case SMOOTH_TOPK_ERROR_ALGORITHM:
        return algorithm;
    case SMOOTH_TOPK_ERROR_SIZE:
        return size;
    case SMOOTH_TOPK_ERROR_LABEL:
        return label;
    default:
        return 0;
    }
}

/* Samples without a number to compare. Returns whether this is one. */
static int check_special(const float *row, int label, float loss, const float *grad)
{
    int nan = 0, finite = 0, minus_inf = label >= 0 && is_infinite(row[label]);
    for (int i = 0; i < classes; ++i) {
        nan |= is_nan(row[i]) || (is_infinite(row[i]) && row[i] > 0);
        finite += i != label && !is_nan(row[i]) && !is_infinite(row[i]);
    }
    if (label >= 0 && !nan && !minus_inf && finite >= params.k) return 0;
    ++special;
    nan = nan && label >= 0;
    if (nan ? !is_nan(loss) : label >= 0 && minus_inf ? bits(loss) != 0x7f800000 : loss != 0)
        FINDING("label %d, %d finite others: loss %g", label, finite, loss);
    for (int i = 0; i < classes; ++i)
        if (nan ? !is_nan(grad[i]) : grad[i] != 0)
            FINDING("label %d, %d finite others: gradient %d is %g", label, finite, i, grad[i]);
    return 1;
}

/* Signs, bounds and the sum, whatever the size of the numbers. */
static void check_laws(const float *row, int label, float loss, const float *grad)
{
    double sum = 0, largest = 0, most = (1 + 1e-6) / params.k;
    if (is_nan(loss) || !(loss >= 0)) FINDING("loss %g", loss);
    for (int i = 0; i < classes; ++i) {
        double size = i == label ? -(double)grad[i] : grad[i];
        if (is_nan(grad[i]) || !(size >= 0) || size > most)
            FINDING("label %d: gradient %d is %g", label, i, grad[i]);
        if (is_infinite(row[i]) && size != 0) FINDING("gradient of -inf: %g", grad[i]);
        largest = fmax(largest, size);
        sum += grad[i];
    }
    if (!(fabs(sum) <= 1e-5 * largest + classes * 1.2e-38))
        FINDING("label %d: sum of gradients %g, largest %g", label, sum, largest);
}

static void check_numbers(const float *row, int label, float loss, const float *grad)
{
    static long double wanted_grad[MOST_CLASSES];
    long double wanted, largest = 0, pivot_to_label = 0;
    int hinge = params.tau < FLT_MIN;
    if (hinge)
        reference_hinge(&params, classes, row, label, &wanted);
    else
        reference(&params, classes, row, label, &wanted, wanted_grad);
    for (int i = 0; i < classes; ++i)
        if (!is_infinite(row[i]))
            pivot_to_label = fmaxl(pivot_to_label, fabsl((long double)row[i] - row[label]));
    /* The product subtracts in double what the reference subtracts in 80 bits. */
    long double rounding = 4 * DBL_EPSILON * (params.alpha + pivot_to_label / params.k);
    long double allowed = LOSS_TOLERANCE * fmaxl(wanted, params.tau) + rounding + FLT_MIN;
    if (is_infinite(loss) ? !(wanted + allowed >= FLT_MAX) : !(fabsl(loss - wanted) <= allowed))
        FINDING("label %d: loss %.9g, not %.9Lg", label, loss, wanted);
    /* Where q itself is uncertain, so is the sigmoid in every gradient. */
    if (hinge || rounding > GRADIENT_TOLERANCE / 4 * params.tau) {
        ++compared[0];
        return;
    }
    ++compared[1];
    for (int i = 0; i < classes; ++i) largest = fmaxl(largest, fabsl(wanted_grad[i]));
    allowed = fmaxl(GRADIENT_TOLERANCE * largest, 2e-38L);
    for (int i = 0; i < classes; ++i)
        if (!(fabsl(grad[i] - wanted_grad[i]) <= allowed))
            FINDING("label %d: gradient %d is %.9g, not %.9Lg, largest %.9Lg", label, i, grad[i],
                    wanted_grad[i], largest);
}

/* Bytes of the input, 0 behind its end. */
static const uint8_t *input;
static size_t input_size;
static unsigned next_byte(void)
{
    if (!input_size) return 0;
    --input_size;
    return *input++;
}
static unsigned next_bytes(int count)
{
    unsigned value = 0;
    while (count-- > 0) value = value << 8 | next_byte();
    return value;
}
static float next_float(void)
{
    return from_bits(next_bytes(4));
}

/* What the input's bytes mean: numbers near the borders of what is allowed, or anything. */
static void read_input(void)
{
    params.k = (int)next_bytes(2) - 2;
    classes = (int)next_bytes(2) % (MOST_CLASSES + 2) - 1;
    batch = (int)(next_byte() % (MOST_BATCH + 2)) - 1;
    params.algorithm = (smooth_topk_algorithm)(next_byte() % 16 ? next_byte() % 2 : next_byte());
    unsigned shape = next_byte(), which = next_byte();
    params.tau = next_float();
    params.alpha = next_float();
    if (which & 1 && classes > 1) params.k = 1 + (params.k + 2) % (classes - 1);
    if (which & 2) params.tau = ldexpf(1, (int)(bits(params.tau) >> 23 & 15) - 9);
    if (which & 4) params.alpha = ldexpf(bits(params.alpha) >> 28, -2);
    for (int b = 0; b < MOST_BATCH; ++b) {
        labels[b] = (int)next_bytes(2) - 2;
        if (which & 8 && classes > 0) labels[b] = (labels[b] + 2) % (classes + 1) - 1;
    }
    const uint8_t *begin = input;
    size_t size = input_size;
    for (int i = 0; i < MOST_BATCH * MOST_CLASSES; ++i) {
        if (!input_size) { /* what there is again and again */
            input = begin;
            input_size = size;
        }
        if (shape % 4 == 0)
            scores[i] = next_float();
        else if (shape % 4 == 1)
            scores[i] = (float)((int)next_byte() - 128) / 4;
        else if (shape % 4 == 2)
            scores[i] = ldexpf((int)next_bytes(2) - 32768, (int)(shape >> 2) % 32 - 24);
        else
            scores[i] = (float)(next_byte() > 127) * 40 + ldexpf(next_byte(), -12);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static float loss[MOST_BATCH], grad[MOST_BATCH * MOST_CLASSES], row_grad[MOST_CLASSES];
    float alone, untouched;
    input = data;
    input_size = size;
    read_input();
    memset(loss, 0xa5, sizeof loss);
    memset(grad, 0xa5, sizeof grad);
    memset(&untouched, 0xa5, sizeof untouched);
    /* Exactly as large as promised, so that a sanitizer sees what is read beside them. */
    size_t count = batch > 0 && classes > 0 ? (size_t)batch * classes : 0;
    float *its_scores = malloc(count * sizeof(float) + 1);
    memcpy(its_scores, scores, count * sizeof(float));
    int error = smooth_topk_cpu(&params, batch, classes, its_scores, labels, loss, grad);
    free(its_scores);
    if (!is_right_error(error)) FINDING("error %d: %s", error, smooth_topk_strerror(error));
    for (int i = error ? 0 : batch; i < MOST_BATCH; ++i)
        if (bits(loss[i]) != bits(untouched)) FINDING("loss %d was written", i);
    for (size_t i = error ? 0 : count; i < sizeof grad / sizeof *grad; ++i)
        if (bits(grad[i]) != bits(untouched)) FINDING("gradient %zu was written", i);
    refused += error != 0;
    for (int b = 0; !error && b < batch; ++b) {
        const float *row = scores + (size_t)b * classes, *its_grad = grad + (size_t)b * classes;
        smooth_topk_cpu(&params, 1, classes, row, labels + b, &alone, NULL);
        if (bits(alone) != bits(loss[b])) FINDING("row %d: loss %g, alone %g", b, loss[b], alone);
        smooth_topk_cpu(&params, 1, classes, row, labels + b, &alone, row_grad);
        if (bits(alone) != bits(loss[b]) || memcmp(row_grad, its_grad, classes * sizeof(float)))
            FINDING("row %d differs from itself alone", b);
        if (check_special(row, labels[b], loss[b], its_grad)) continue;
        check_laws(row, labels[b], loss[b], its_grad);
        check_numbers(row, labels[b], loss[b], its_grad);
    }
    return 0;
}
