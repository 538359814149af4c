/* What makes a step fast on the CPU (src/cpu): each part beside a reference in double precision,
   with and without BLAS and Winograd, for every instruction set of this machine, on one thread and
   on three. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "activations.h"
#include "batchnorm_layer.h"
#include "convolution.h"
#include "cpu_settings.h"
#include "cpu_threads.h"
#include "elementwise.h"
#include "gemm.h"
#include "layer_update.h"
#include "maxpool_layer.h"
#include "network.h"
#include "normalization.h"
#include "parser.h"

/* Built with AddressSanitizer: what upstream's free_network leaves behind is not looked for. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* Of the grids of convolutions one in EVERY is tried: for what runs slowly. */
#ifndef EVERY
#define EVERY 1
#endif

static cpu_settings built;
static int winograd_used;

static float *random_floats(size_t n, float scale, float shift)
{
    float *x = malloc((n + 1) * sizeof(float));
    for (size_t i = 0; i < n; ++i) x[i] = scale * (2.f * rand() / (float)RAND_MAX - 1) + shift;
    return x;
}

/* NaN in every place. */
static float *not_numbers(size_t n)
{
    return memset(malloc((n + 1) * sizeof(float)), 0xff, (n + 1) * sizeof(float));
}

static float *copy_floats(const float *x, size_t n)
{
    return memcpy(malloc((n + 1) * sizeof(float)), x, n * sizeof(float));
}

/* Root mean square of the error, relative to that of the value; a NaN is infinite. */
static double relative_error(const float *x, const double *reference, size_t n)
{
    double error = 0, value = 0;
    for (size_t i = 0; i < n; ++i) {
        if (!isfinite(reference[i]) || (*(const uint32_t *)(x + i) & 0x7f800000) == 0x7f800000)
            return 1e9;
        error += (x[i] - reference[i]) * (x[i] - reference[i]);
        value += reference[i] * reference[i];
    }
    return value > 0 ? sqrt(error / value) : error > 0 ? 1e9 : 0;
}

#define assert_close(x, reference, n, most)                                                  \
    do {                                                                                     \
        double error = relative_error(x, reference, n);                                      \
        if (!(error <= (most)))                                                              \
            fail_msg("%s: error %g, at most %g (blas %d, winograd %d, instructions %d)", #x, \
                     error, (double)(most), cpu.blas, cpu.winograd, cpu.instructions);       \
    } while (0)

/* Each number, relative to the size that rounding is relative to. */
#define assert_within(x, reference, sizes, n, most)                                                \
    do {                                                                                           \
        for (int place = 0; place < (n); ++place)                                                  \
            if (!(fabs((x)[place] - (reference)[place]) <= (most) * (sizes)[place]))               \
                fail_msg("%s: %g, not %g, of size %g (blas %d, winograd %d, instructions %d)", #x, \
                         (x)[place], (reference)[place], (sizes)[place], cpu.blas, cpu.winograd,   \
                         cpu.instructions);                                                        \
    } while (0)

/* Every fast way to compute on this machine; setting 0 is the first. Returns 0 after the last. */
static int choose(int setting)
{
    int sets = built.instructions + 1;
    cpu = built;
    cpu.instructions = setting % sets;
    setting /= sets;
    cpu.blas = built.blas && !(setting & 1);
    cpu.winograd = !(setting & 2);
    return setting < 4;
}

/* -------------------------------------------------------------------------------------------------
   Convolutions
   -------------------------------------------------------------------------------------------------
 */

typedef struct {
    double *output, *weight_updates, *input_delta;
} reference_convolution;

static reference_convolution convolve_reference(const convolution_shape *s, const float *weights,
                                                const float *input, const float *delta)
{
    size_t out = (size_t)s->batch * s->filters * s->out_height * s->out_width;
    int group_channels = s->channels / s->groups, group_filters = s->filters / s->groups;
    reference_convolution r = {
        calloc(out, sizeof(double)),
        calloc((size_t)s->filters * group_channels * s->size * s->size, sizeof(double)),
        calloc((size_t)s->batch * s->channels * s->height * s->width, sizeof(double))};
    for (int b = 0; b < s->batch; ++b)
        for (int f = 0; f < s->filters; ++f)
            for (int c = 0; c < group_channels; ++c)
                for (int u = 0; u < s->size; ++u)
                    for (int v = 0; v < s->size; ++v) {
                        size_t w = (((size_t)f * group_channels + c) * s->size + u) * s->size + v;
                        size_t plane =
                            (size_t)b * s->channels + f / group_filters * group_channels + c;
                        for (int i = 0; i < s->out_height; ++i)
                            for (int j = 0; j < s->out_width; ++j) {
                                int y = i * s->stride + u - s->pad, x = j * s->stride + v - s->pad;
                                if (y < 0 || x < 0 || y >= s->height || x >= s->width) continue;
                                size_t in = (plane * s->height + y) * s->width + x;
                                size_t o = (((size_t)b * s->filters + f) * s->out_height + i) *
                                               s->out_width +
                                           j;
                                r.output[o] += (double)weights[w] * input[in];
                                r.weight_updates[w] += (double)delta[o] * input[in];
                                r.input_delta[in] += (double)delta[o] * weights[w];
                            }
                    }
    return r;
}

static convolution_shape shape(int batch, int channels, int height, int width, int filters,
                               int groups, int size, int stride, int pad)
{
    convolution_shape s = {batch, channels, height, width, filters, groups,
                           size,  stride,   pad,    0,     0};
    s.out_height = (height + 2 * pad - size) / stride + 1;
    s.out_width = (width + 2 * pad - size) / stride + 1;
    return s;
}

/* Twice, so that gradients are seen to be added: the first time that by the input is to overwrite
   what is there. On one thread and on three, with the same bits. */
static void check_convolution(const convolution_shape *s)
{
    size_t in = (size_t)s->batch * s->channels * s->height * s->width;
    size_t out = (size_t)s->batch * s->filters * s->out_height * s->out_width;
    size_t n = (size_t)s->filters * (s->channels / s->groups) * s->size * s->size;
    float *input = random_floats(in, 1, .3f), *delta = random_floats(out, 1, 0);
    float *weights = random_floats(n, 1, 0);
    reference_convolution r = convolve_reference(s, weights, input, delta);
    for (size_t i = 0; i < n; ++i) r.weight_updates[i] *= 2;
    for (size_t i = 0; i < in; ++i) r.input_delta[i] *= 2;
    for (int setting = 0; choose(setting); ++setting) {
        float *output[2], *weight_updates[2], *input_delta[2];
        /* Upstream's loops add up in one float where the compiler does not vectorize them. */
        double most = winograd_fits(s) ? 1e-5 : cpu.blas ? 1e-6 : 2e-6;
        winograd_used += winograd_fits(s);
        for (int threads = 0; threads < 2; ++threads) {
            cpu.threads = threads ? 3 : 1;
            size_t size = convolution_workspace(s);
            float *workspace = not_numbers(size + 1);
            workspace[size] = 42;
            output[threads] = not_numbers(out);
            weight_updates[threads] = calloc(n, sizeof(float));
            input_delta[threads] = not_numbers(in);
            convolution_forward(s, weights, input, output[threads], workspace);
            for (int i = 0; i < 2; ++i)
                convolution_backward(s, weights, input, delta, weight_updates[threads],
                                     input_delta[threads], i == 0, workspace);
            assert_true(workspace[size] == 42);
            free(workspace);
        }
        assert_close(output[0], r.output, out, most);
        assert_close(weight_updates[0], r.weight_updates, n, most);
        assert_close(input_delta[0], r.input_delta, in, most);
        assert_memory_equal(output[0], output[1], out * sizeof(float));
        assert_memory_equal(weight_updates[0], weight_updates[1], n * sizeof(float));
        assert_memory_equal(input_delta[0], input_delta[1], in * sizeof(float));
        for (int i = 0; i < 2; ++i) free(output[i]), free(weight_updates[i]), free(input_delta[i]);
    }
    cpu = built;
    free(input), free(delta), free(weights), free(r.output), free(r.weight_updates),
        free(r.input_delta);
}

static void test_convolutions(void **state)
{
    static const int sizes[][2] = {{1, 1}, {3, 3}, {5, 4}, {8, 8}, {7, 13}, {16, 16}, {24, 9}};
    static const int channels[][2] = {{1, 1}, {3, 16}, {8, 8}, {17, 9}, {16, 32}, {33, 20}};
    int number = 0;
    (void)state;
    for (int i = 0; i < 7; ++i)
        for (int j = 0; j < 6; ++j)
            for (int pad = 0; pad < 3; ++pad) {
                convolution_shape s = shape(2, channels[j][0], sizes[i][0], sizes[i][1],
                                            channels[j][1], 1, 3, 1, pad);
                if (s.out_height > 0 && s.out_width > 0 && number++ % EVERY == 0)
                    check_convolution(&s);
            }
    assert_true(winograd_used > 0);
}

static void test_convolution_options(void **state)
{
    int number = 0;
    (void)state;
    for (int size = 1; size <= 7; size += size < 3 ? 1 : 2)
        for (int stride = 1; stride <= 3; ++stride)
            for (int pad = 0; pad <= size / 2; ++pad)
                for (int groups = 1; groups <= 4; groups *= 2) {
                    convolution_shape s = shape(3, 4, 9, 11, 12, groups, size, stride, pad);
                    if (number++ % EVERY == 0) check_convolution(&s);
                }
    convolution_shape some[] = {shape(1, 3, 70, 90, 16, 1, 3, 2, 1),
                                shape(1, 8, 70, 90, 16, 1, 3, 1, 1), /* strips and bands */
                                shape(2, 70, 20, 20, 130, 1, 3, 2, 1),
                                shape(2, 70, 40, 40, 130, 1, 1, 1, 0),
                                shape(2, 32, 9, 9, 32, 32, 3, 1, 1),
                                shape(20, 24, 6, 6, 48, 1, 3, 1, 1),
                                shape(2, 180, 6, 9, 170, 1, 3, 1, 1),  /* filters by panels */
                                shape(16, 32, 24, 24, 32, 1, 3, 1, 1), /* several chunks */
                                shape(20, 70, 20, 20, 30, 1, 3, 2, 1),
                                shape(20, 70, 20, 20, 30, 2, 3, 2, 1), /* 15 strips, then 5 */
                                shape(2, 9, 5, 7, 12, 1, 3, 1, 4),     /* padding beyond a tile's */
                                shape(2, 6, 9, 9, 6, 1, 1, 2, 0),
                                shape(2, 6, 9, 9, 6, 1, 1, 1, 1)}; /* 1x1, not direct */
    for (size_t i = 0; i < sizeof some / sizeof *some; ++i) check_convolution(some + i);
}

/* -------------------------------------------------------------------------------------------------
   Products
   -------------------------------------------------------------------------------------------------
 */

static void test_products(void **state)
{
    static const int sizes[][3] = {
        {1, 1, 1}, {3, 5, 7}, {64, 300, 20}, {700, 90, 100}, {90, 1000, 70}};
    (void)state;
    for (int i = 0; i < 5; ++i)
        for (int kind = 0; kind < 8; ++kind) {
            int M = sizes[i][0], N = sizes[i][1], K = sizes[i][2], TA = kind & 1, TB = kind / 2 & 1;
            float beta = kind & 4 ? .5f : 1;
            float *a = random_floats((size_t)M * K, 1, 0), *b = random_floats((size_t)K * N, 1, 0);
            float *c = random_floats((size_t)M * N, 1, 0);
            float *again = copy_floats(c, (size_t)M * N);
            double *r = malloc((size_t)M * N * sizeof(double));
            for (int m = 0; m < M; ++m)
                for (int n = 0; n < N; ++n) {
                    double sum = 0;
                    for (int k = 0; k < K; ++k)
                        sum += (double)(TA ? a[k * M + m] : a[m * K + k]) *
                               (TB ? b[n * K + k] : b[k * N + n]);
                    r[m * N + n] = 2 * sum + beta * (double)c[m * N + n];
                }
            cpu.threads = 1;
            gemm_cpu(TA, TB, M, N, K, 2, a, TA ? M : K, b, TB ? K : N, beta, c, N);
            cpu.threads = 3;
            gemm_cpu(TA, TB, M, N, K, 2, a, TA ? M : K, b, TB ? K : N, beta, again, N);
            assert_close(c, r, (size_t)M * N, 1e-6);
            assert_memory_equal(c, again, (size_t)M * N * sizeof(float));
            free(a), free(b), free(c), free(again), free(r);
        }
    cpu = built;
}

/* -------------------------------------------------------------------------------------------------
   Normalization, activations, update
   -------------------------------------------------------------------------------------------------
 */

static void test_normalization(void **state)
{
    static const int shapes[][3] = {{3, 5, 1}, {2, 3, 7}, {4, 2, 64}, {2, 3, 1031}, {7, 2, 2000}};
    (void)state;
    for (int i = 0; i < 5; ++i)
        for (int setting = 0; choose(setting); ++setting)
            for (ACTIVATION activation = LOGISTIC; activation <= SELU; ++activation) {
                normalization_shape s = {shapes[i][0], shapes[i][1], shapes[i][2]};
                int n = s.batch * s.channels * s.size, numbers = s.batch * s.size;
                /* A mean of none and of 50 deviations. */
                float shift = activation % 2 ? 30 : .2f;
                float *x = random_floats(n, 1, shift), *y = malloc(n * sizeof(float)),
                      *delta = random_floats(n, 1, 0);
                float *given = copy_floats(delta, n);
                float *scales = random_floats(s.channels, .5f, 1),
                      *biases = random_floats(s.channels, 1, 0);
                float *mean = calloc(s.channels, 4), *variance = calloc(s.channels, 4);
                float *scale_updates = calloc(s.channels, 4), *bias_updates = calloc(s.channels, 4);
                double *ry = malloc(n * 8), *rd = malloc(n * 8), *rv = malloc(s.channels * 8);
                double *rs = calloc(s.channels, 8), *rb = calloc(s.channels, 8);
                /* The sizes of what is added up: a sum may cancel. */
                double *sy = malloc(n * 8), *sd = malloc(n * 8);
                double *ss = calloc(s.channels, 8), *sb = calloc(s.channels, 8);
                normalize_forward(&s, x, y, mean, variance, scales, biases, activation);
                normalize_backward(&s, x, y, delta, mean, variance, scales, biases, scale_updates,
                                   bias_updates, activation);
                for (int c = 0; c < s.channels; ++c) {
                    double m = 0, v = 0, d1 = 0, d2 = 0, a1 = 0, a2 = 0;
#define EACH(place)                   \
    for (int b = 0; b < s.batch; ++b) \
        for (int p = 0, place = (b * s.channels + c) * s.size; p < s.size; ++p, ++place)
                    EACH(place) m += x[place];
                    m /= numbers;
                    EACH(place) v += (x[place] - m) * (x[place] - m);
                    rv[c] = v / (numbers - 1);
                    assert_true(fabs(mean[c] - m) <= 1e-6 * (fabs(m) + 1));
                    /* From here on as the floats are that hold them. */
                    m = mean[c];
                    v = variance[c];
                    EACH(place)
                    {
                        double normal = (x[place] - m) / (sqrt(v) + 1e-6) * scales[c];
                        ry[place] = activate(normal + biases[c], activation);
                        sy[place] = fabs(normal) + fabs(biases[c]) + 1;
                        rd[place] = given[place] * (double)gradient(y[place], activation);
                        d1 += rd[place], a1 += fabs(rd[place]);
                        d2 += rd[place] * (x[place] - m), a2 += fabs(rd[place] * (x[place] - m));
                    }
                    rb[c] = d1, sb[c] = a1;
                    rs[c] = d2 / (sqrt(v) + 1e-6), ss[c] = a2 / (sqrt(v) + 1e-6);
                    double w = v + 1e-5, scale = scales[c] / sqrt(w);
                    EACH(place)
                    {
                        sd[place] = scale * (fabs(rd[place]) +
                                             fabs(x[place] - m) * a2 / w / numbers + a1 / numbers);
                        rd[place] =
                            scale * (rd[place] - (x[place] - m) * d2 / w / numbers - d1 / numbers);
                    }
                }
                assert_close(variance, rv, s.channels, 1e-6);
                if (activation != STAIR) assert_within(y, ry, sy, n, 1e-6);
                assert_within(delta, rd, sd, n, 1e-6);
                assert_within(scale_updates, rs, ss, s.channels, 1e-6);
                assert_within(bias_updates, rb, sb, s.channels, 1e-6);
                free(x), free(y), free(delta), free(given), free(scales), free(biases), free(mean),
                    free(variance);
                free(scale_updates), free(bias_updates), free(ry), free(rd), free(rv), free(rs),
                    free(rb);
                free(sy), free(sd), free(ss), free(sb);
            }
    cpu = built;
}

static void test_activations(void **state)
{
    enum { N = 40000 };
    (void)state;
    for (int setting = 0; choose(setting); ++setting)
        for (ACTIVATION activation = LOGISTIC; activation <= SELU; ++activation) {
            float *x = random_floats(N, 6, 0), *given = copy_floats(x, N),
                  *delta = random_floats(N, 1, 0);
            float *before = copy_floats(delta, N);
            activate_array(x, N, activation);
            gradient_array(x, N, activation, delta);
            for (int i = 0; i < N; ++i) {
                float right = activate(given[i], activation), slope = gradient(x[i], activation);
                if (!(fabsf(x[i] - right) <= 1e-6f * (1 + fabsf(right))))
                    fail_msg("activation %d of %g: %g, not %g", activation, given[i], x[i], right);
                if (!(fabsf(delta[i] - before[i] * slope) <= 1e-6f))
                    fail_msg("gradient %d at %g", activation, x[i]);
            }
            free(x), free(given), free(delta), free(before);
        }
    cpu = built;
}

static void test_update(void **state)
{
    enum { N = 50001 };
    (void)state;
    for (int setting = 0; choose(setting); ++setting) {
        float *w = random_floats(N, 1, 0), *u = random_floats(N, 1, 0), *w0 = copy_floats(w, N),
              *u0 = copy_floats(u, N);
        update_weights(N, .3f, .2f, .9f, w, u);
        for (int i = 0; i < N; ++i) {
            double step = u0[i] - .3 * w0[i];
            assert_true(fabs(w[i] - (w0[i] + .2 * step)) < 1e-6 && fabs(u[i] - .9 * step) < 1e-6);
        }
        free(w), free(u), free(w0), free(u0);
    }
    cpu = built;
}

/* What upstream's adam_update_gpu does, in double precision: three steps of one number. */
static void follow_adam(double *w, const float *gradients, double decay, double rate)
{
    const double B1 = .8, B2 = .95, eps = 1e-3;
    double m = 0, v = 0;
    for (int t = 1; t <= 3; ++t) {
        double d = gradients[t - 1] - decay * *w;
        m = B1 * m + (1 - B1) * d;
        v = B2 * v + (1 - B2) * d * d;
        *w += rate * (m / (1 - pow(B1, t))) / (sqrt(v / (1 - pow(B2, t))) + eps);
    }
}

typedef struct {
    int count;
    float *values, *updates, *moments[2], *gradients[3];
    double *right;
} learned_part;

static learned_part make_part(int count)
{
    learned_part p = {.count = count, .updates = calloc(count, sizeof(float))};
    p.values = random_floats(count, 1, 0);
    p.right = malloc(count * sizeof(double));
    for (int i = 0; i < count; ++i) p.right[i] = p.values[i];
    for (int i = 0; i < 2; ++i) p.moments[i] = calloc(count, sizeof(float));
    for (int i = 0; i < 3; ++i) p.gradients[i] = random_floats(count, i == 1 ? 1e-3f : 5, 0);
    return p;
}

static void check_part(learned_part *p, double decay, double rate, double clip)
{
    for (int i = 0; i < p->count; ++i) {
        const float g[] = {p->gradients[0][i], p->gradients[1][i], p->gradients[2][i]};
        follow_adam(p->right + i, g, decay, rate);
        double right = clip ? fmin(clip, fmax(-clip, p->right[i])) : p->right[i];
        if (!(fabs(p->values[i] - right) <= 1e-5) || p->updates[i] != 0)
            fail_msg("number %d: %g, not %g", i, p->values[i], right);
    }
    free(p->values), free(p->updates), free(p->right);
    for (int i = 0; i < 2; ++i) free(p->moments[i]);
    for (int i = 0; i < 3; ++i) free(p->gradients[i]);
}

/* Adam of the three layers that have it, clip= of the one that has that; also without the fast
   loops. */
static void test_adam(void **state)
{
    static const LAYER_TYPE types[] = {CONVOLUTIONAL, DECONVOLUTIONAL, CONNECTED};
    (void)state;
    for (int setting = 0; choose(setting) || setting == 4; ++setting) {
        if (setting == 4) cpu.blas = cpu.winograd = 0;
        for (int i = 0; i < 3; ++i) {
            enum { OUTPUTS = 37, INPUTS = 1111 };
            learned_part weights = make_part(OUTPUTS * INPUTS), biases = make_part(OUTPUTS),
                         scales = make_part(OUTPUTS);
            learned_part *parts[] = {&weights, &biases, &scales};
            layer l = {.type = types[i], .n = OUTPUTS, .outputs = OUTPUTS, .inputs = INPUTS};
            l.nweights = types[i] == CONNECTED ? 0 : OUTPUTS * INPUTS;
            l.clip = .5f;
            l.learning_rate_scale = 2;
            l.weights = weights.values, l.weight_updates = weights.updates;
            l.m = weights.moments[0], l.v = weights.moments[1];
            l.biases = biases.values, l.bias_updates = biases.updates;
            l.bias_m = biases.moments[0], l.bias_v = biases.moments[1];
            l.scales = scales.values, l.scale_updates = scales.updates;
            l.scale_m = scales.moments[0], l.scale_v = scales.moments[1];
            update_args a = {.batch = 4,
                             .learning_rate = .05f,
                             .decay = .01f,
                             .adam = 1,
                             .B1 = .8f,
                             .B2 = .95f,
                             .eps = 1e-3f};
            for (a.t = 1; a.t <= 3; ++a.t) {
                for (int p = 0; p < 3; ++p)
                    for (int j = 0; j < parts[p]->count; ++j)
                        parts[p]->updates[j] += parts[p]->gradients[a.t - 1][j];
                l.clip = a.t == 3 ? .5f : 0;
                assert_int_equal(update_layer_cpu(l, a), 1);
            }
            for (int p = 0; p < 3; ++p)
                check_part(parts[p], .04, .1, p == 0 && types[i] == CONVOLUTIONAL ? .5 : 0);
        }
    }
    cpu = built;
}

/* clip= with momentum; and upstream's own loop is left alone without either. */
static void test_clip(void **state)
{
    enum { N = 33 };
    (void)state;
    for (int setting = 0; choose(setting) || setting == 4; ++setting) {
        if (setting == 4) cpu.blas = cpu.winograd = 0;
        float *w = random_floats(N, 1, 0), *u = random_floats(N, 1, 0), *w0 = copy_floats(w, N),
              *u0 = copy_floats(u, N), b[1] = {.75f}, bu[1] = {0};
        layer l = {.type = CONVOLUTIONAL, .n = 1, .nweights = N, .weights = w, .weight_updates = u};
        l.biases = b, l.bias_updates = bu, l.learning_rate_scale = 1, l.clip = .25f;
        update_args a = {.batch = 2, .learning_rate = .1f, .momentum = .9f, .decay = .01f};
        assert_int_equal(update_layer_cpu(l, a), 1);
        for (int i = 0; i < N; ++i) {
            double right = w0[i] + .05 * (u0[i] - .02 * w0[i]);
            assert_true(fabs(w[i] - fmin(.25, fmax(-.25, right))) < 1e-6);
        }
        assert_true(b[0] == .75f);
        l.clip = 0;
        assert_int_equal(update_layer_cpu(l, a), cpu_fast());
        l.type = DECONVOLUTIONAL;
        assert_int_equal(update_layer_cpu(l, a), 0);
        free(w), free(u), free(w0), free(u0);
    }
    cpu = built;
}

/* -------------------------------------------------------------------------------------------------
   Pooling and threads
   -------------------------------------------------------------------------------------------------
 */

/* As upstream's pass before it: with the input's delta 0, to be added to, or anything, where it is
   the first to write to it. */
static void check_pooling(layer l, network net, int overwrite, const float *output,
                          const float *delta)
{
    int in = 2 * l.inputs, out = 2 * l.outputs;
    layer layers[2] = {{.type = CONVOLUTIONAL}, l};
    net.delta = overwrite ? not_numbers(in) : calloc(in, sizeof(float));
    layers[0].delta = net.delta;
    net.layers = layers;
    net.n = overwrite ? 2 : 0;
    net.index = overwrite;
    memset(l.output, 0xff, out * sizeof(float));
    memset(l.indexes, 0xff, out * sizeof(int));
    forward_maxpool_layer(l, net);
    backward_maxpool_layer(l, net);
    assert_memory_equal(output, l.output, out * sizeof(float));
    assert_memory_equal(delta, net.delta, in * sizeof(float));
    free(net.delta);
}

static void test_pooling_is_upstreams(void **state)
{
    (void)state;
    for (int size = 2; size <= 3; ++size)
        for (int stride = 1; stride <= 3; ++stride)
            for (int padding = 0; padding < 3; ++padding)
                for (int h = 4; h < 10; ++h) {
                    int width = h % 3 ? 2 * (h / 2) + 2 : 70; /* more than a vector */
                    layer l = make_maxpool_layer(2, h, width, 3, size, stride, padding);
                    int in = 2 * l.inputs, out = 2 * l.outputs;
                    network net = {.input = random_floats(in, 1, 0)};
                    for (int i = 0; i < in; ++i)
                        net.input[i] = (int)(4 * net.input[i]); /* equal ones */
                    for (int i = 0; i < out; ++i) l.delta[i] = i;
                    net.delta = calloc(in, sizeof(float));
                    cpu.blas = cpu.winograd = 0;
                    forward_maxpool_layer(l, net);
                    backward_maxpool_layer(l, net);
                    float *output = copy_floats(l.output, out), *delta = net.delta;
                    cpu = built;
                    for (int set = 0; set <= (int)built.instructions; ++set) {
                        cpu.instructions = set;
                        check_pooling(l, net, 0, output, delta);
                        check_pooling(l, net, 1, output, delta);
                    }
                    free(output), free(delta);
                    free(net.input);
                    free_layer(l);
                    cpu = built;
                }
}

static void count(void *argument, int task, int slot)
{
    assert_true(slot >= 0 && slot < cpu.threads);
    ++((int *)argument)[task];
}

typedef struct {
    pthread_t caller;
    int done[10], foreign;
} nested_loop;

static void count_nested(void *argument, int task, int slot)
{
    nested_loop *loop = argument;
    ++loop->done[task];
    if (slot || !pthread_equal(pthread_self(), loop->caller)) ++loop->foreign;
}

static void loop_inside(void *argument, int task, int slot)
{
    nested_loop *loop = (nested_loop *)argument + task;
    (void)slot;
    loop->caller = pthread_self();
    parallel_for(10, count_nested, loop);
}

static void test_every_task_runs_once(void **state)
{
    static int done[1000];
    (void)state;
    cpu.threads = 4;
    for (int tasks = 0; tasks <= 1000; tasks += tasks < 10 ? 1 : 99) {
        memset(done, 0, sizeof done);
        for (int i = 0; i < 50; ++i) parallel_for(tasks, count, done);
        for (int i = 0; i < 1000; ++i) assert_int_equal(done[i], i < tasks ? 50 : 0);
    }
    cpu = built;
}

static void test_a_loop_within_a_loop_stays_on_its_thread(void **state)
{
    static nested_loop loops[100];
    (void)state;
    cpu.threads = 4;
    parallel_for(100, loop_inside, loops);
    for (int i = 0; i < 100; ++i) {
        assert_int_equal(loops[i].foreign, 0);
        for (int j = 0; j < 10; ++j) assert_int_equal(loops[i].done[j], 1);
    }
    cpu = built;
}

/* Waits, but not for ever, until `tasks` have begun. */
typedef struct {
    int tasks, begun, together;
} meeting;

static void meet(void *argument, int task, int slot)
{
    meeting *m = argument;
    (void)task, (void)slot;
    __atomic_add_fetch(&m->begun, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 60000 && __atomic_load_n(&m->begun, __ATOMIC_SEQ_CST) < m->tasks; ++i)
        usleep(1000);
    if (__atomic_load_n(&m->begun, __ATOMIC_SEQ_CST) == m->tasks)
        __atomic_add_fetch(&m->together, 1, __ATOMIC_SEQ_CST);
}

static void test_tasks_run_at_the_same_time(void **state)
{
    (void)state;
    for (cpu.threads = 2; cpu.threads <= 4; ++cpu.threads) {
        meeting m = {cpu.threads, 0, 0};
        parallel_for(m.tasks, meet, &m);
        assert_int_equal(m.together, m.tasks);
    }
    cpu = built;
}

/* -------------------------------------------------------------------------------------------------
   Whole networks: beside upstream's arithmetic
   -------------------------------------------------------------------------------------------------
 */

static network *parsed_network(const char *sections, int fast)
{
    char name[] = "/tmp/test_cpu.XXXXXX";
    int file = mkstemp(name);
    assert_true(file >= 0 && write(file, sections, strlen(sections)) == (ssize_t)strlen(sections));
    close(file);
    cpu = built;
    if (!fast) cpu.blas = cpu.winograd = 0;
    srand(7);
    network *net = parse_network_cfg(name);
    unlink(name);
    return net;
}

/* Two steps on the same numbers, whatever the deltas were before; the output, with the updates it
 * led to, and the output of a prediction. */
static float *two_steps(network *net, int *n)
{
    unsigned random = 5;
    for (int step = 0; step < 2; ++step) {
        for (int i = 0; i < net->inputs * net->batch; ++i)
            net->input[i] = (random = random * 1664525u + 1013904223u) / 4294967296.f;
        memset(net->truth, 0, net->truths * net->batch * sizeof(float));
        for (int b = 0; b < net->batch; ++b) net->truth[b * net->truths + b % net->truths] = 1;
        for (int i = 0; i < net->n; ++i)
            if (net->layers[i].delta)
                memset(net->layers[i].delta, 0xff,
                       net->layers[i].outputs * net->batch * sizeof(float));
        train_network_datum(net);
    }
    *n = net->outputs * net->batch;
    float *result = malloc(2 * *n * sizeof(float));
    memcpy(result, net->output, *n * sizeof(float));
    memcpy(result + *n, network_predict(net, net->input), *n * sizeof(float));
    *n *= 2;
    return result;
}

#define NET                                                                                    \
    "[net]\nbatch=4\nheight=12\nwidth=12\nchannels=3\nlearning_rate=.01\nmomentum=.9\ndecay=." \
    "001\n"
#define LINEAR "[convolutional]\nfilters=16\nsize=3\nstride=1\npad=1\nactivation=linear\n"
#define CONV "[convolutional]\nfilters=16\nsize=3\nstride=1\npad=1\nactivation=leaky\n"
#define BN_CONV CONV "batch_normalize=1\n"
#define END "[avgpool]\n[softmax]\n"

static const char *const networks[] = {
    NET BN_CONV BN_CONV "[maxpool]\nsize=2\nstride=2\n" BN_CONV END,
    NET CONV CONV "[batchnorm]\n" CONV END,
    NET CONV BN_CONV "groups=4\n" CONV "groups=2\n" END,
    NET LINEAR "xnor=1\n" CONV END,
    NET CONV BN_CONV "binary=1\n" END,
    NET CONV "[connected]\noutput=20\nbatch_normalize=1\nactivation=relu\n[connected]\noutput=9\n["
             "softmax]\n",
    NET BN_CONV "[deconvolutional]\nfilters=8\nsize=2\nstride=2\nactivation=relu\n" CONV END,
    NET BN_CONV "[shortcut]\nfrom=-1\nactivation=linear\n" BN_CONV
                "[route]\nlayers=-1,-3\n" CONV END,
    NET BN_CONV "[shortcut]\nfrom=-1\nactivation=leaky\n" CONV END,
    NET BN_CONV "[dropout]\nprobability=0\n" BN_CONV END,
    NET BN_CONV "[dropout]\nprobability=0\n[route]\nlayers=-2\n" CONV
                "[route]\nlayers=-3,-1\n" CONV END,
    NET BN_CONV BN_CONV "[shortcut]\nfrom=-2\nactivation=relu\nalpha=.5\nbeta=2\n"
                        "[route]\nlayers=-1,-3,-1\n" CONV
                        "[shortcut]\nfrom=-4\nactivation=logistic\n" CONV END,
    NET BN_CONV "[maxpool]\nsize=3\nstride=2\n[convolutional]\nfilters=16\nsize=1\nactivation="
                "relu\n[maxpool]\nsize=2\nstride=2\n[route]\nlayers=-2\n" CONV
                "[convolutional]\nfilters=9\nsize=3\nstride=2\npad=1\nactivation=relu\n" END};

/* The largest error of what a layer's weights are to be changed by, beside its size. */
static double error_of_updates(const network *net, const network *right)
{
    double worst = 0;
    for (int i = 0; i < net->n; ++i) {
        const layer *l = net->layers + i, *r = right->layers + i;
        int n = l->type == CONNECTED ? l->inputs * l->outputs : l->nweights;
        double error = 0, size = 0;
        for (int j = 0; l->weight_updates && j < n; ++j) {
            double difference = l->weight_updates[j] - (double)r->weight_updates[j];
            error += difference * difference;
            size += r->weight_updates[j] * (double)r->weight_updates[j];
        }
        if (!(error <= worst * worst * size)) worst = sqrt(error / size);
    }
    return worst;
}

/* xnor takes the signs of its input, of which rounding would turn some that are next to 0: it is
   the first layer. Its sums are often 0 up to rounding, where leaky has its bend: it is linear.
   Updates agree to 1e-5, and to 2e-3 where rounding puts one number beyond leaky's bend. */
static void test_networks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; ++i) {
        int n, m;
        network *slow = parsed_network(networks[i], 0), *fast = parsed_network(networks[i], 1);
        cpu.blas = cpu.winograd = 0;
        float *right = two_steps(slow, &n);
        cpu = built;
        float *ours = two_steps(fast, &m);
        assert_int_equal(n, m);
        for (int j = 0; j < n; ++j)
            if (!(fabsf(right[j] - ours[j]) <= 2e-5f))
                fail_msg("network %d: %g, not %g", (int)i, ours[j], right[j]);
        double error = error_of_updates(fast, slow);
        if (!(error <= 1e-2)) fail_msg("network %d: error of updates %g", (int)i, error);
        free(right), free(ours);
        free_network(slow), free_network(fast);
    }
}

/* What a command asks for that changes an image: the gradient by it, of a network that only
   predicts. After a step, so that the rolling means are not all 0. */
static float *gradient_by_image(network *net, int *n)
{
    free(two_steps(net, n));
    *n = net->inputs * net->batch;
    float *by_image = calloc(*n, sizeof(float));
    net->train = 0;
    net->delta = by_image;
    forward_network(net);
    layer last = net->layers[net->n - 3]; /* below [avgpool] and [softmax] */
    for (int i = 0; i < last.outputs * net->batch; ++i) last.delta[i] = (i % 7 - 3) * .1f;
    net->n -= 2;
    backward_network(net);
    net->n += 2;
    return by_image;
}

static void test_gradient_by_an_image(void **state)
{
    const char *texts[] = {NET BN_CONV BN_CONV CONV END, NET CONV "[batchnorm]\n" CONV END};
    (void)state;
    for (int i = 0; i < 2; ++i) {
        int n;
        network *slow = parsed_network(texts[i], 0), *fast = parsed_network(texts[i], 1);
        cpu.blas = cpu.winograd = 0;
        float *right = gradient_by_image(slow, &n);
        cpu = built;
        float *ours = gradient_by_image(fast, &n);
        double size = 0, error = 0;
        for (int j = 0; j < n; ++j) {
            size += right[j] * (double)right[j];
            error += (right[j] - (double)ours[j]) * (right[j] - (double)ours[j]);
        }
        if (!(size > 0 && error <= 1e-8 * size))
            fail_msg("network %d: error %g of %g", i, sqrt(error), sqrt(size));
        free(right), free(ours);
        free_network(slow), free_network(fast);
    }
}

/* Upstream overwrites what a [shortcut] added to the gradient of [batchnorm]'s input. */
static void test_batchnorm_adds_its_gradient(void **state)
{
    enum { N = 2 * 3 * 20 };
    float *delta[2], *given = random_floats(N, 1, 0);
    layer l = make_batchnorm_layer(2, 5, 4, 3);
    network net = {.input = random_floats(N, 1, 0), .train = 1};
    (void)state;
    for (int run = 0; run < 4; ++run) {
        int filled = run % 2;
        if (run == 2) cpu.blas = cpu.winograd = 0;
        net.delta = delta[filled] = malloc(N * sizeof(float));
        for (int i = 0; i < N; ++i) delta[filled][i] = filled;
        forward_batchnorm_layer(l, net);
        memcpy(l.delta, given, N * sizeof(float));
        backward_batchnorm_layer(l, net);
        if (!filled) continue;
        for (int i = 0; i < N; ++i) assert_true(fabsf(delta[1][i] - (delta[0][i] + 1)) < 1e-6f);
        free(delta[0]), free(delta[1]);
    }
    cpu = built;
    free(given), free(net.input);
    free_layer(l);
}

static void test_tanh_of_large_numbers(void **state)
{
    float x[] = {-3e38f, -400, -1, 0, 1, 99, 101, 355, 400, 3e38f};
    (void)state;
    for (int i = 0; i < 10; ++i) {
        float y = x[i];
        activate_array(&y, 1, TANH);
        assert_true(fabs((double)y - tanh((double)x[i])) < 1e-6);
    }
}

/* Steps of two networks in turn, one of them resized between, are those of each alone. */
static void test_two_networks_and_sizes(void **state)
{
    int n;
    const char *text = networks[0], *other = networks[2];
    (void)state;
    network *a = parsed_network(text, 1), *b = parsed_network(other, 1);
    float *first = two_steps(a, &n), *second = two_steps(b, &n);
    network *c = parsed_network(text, 1), *d = parsed_network(other, 1);
    for (int size = 20; size >= 4; size -= 8) {
        resize_network(a, size, size);
        resize_network(c, size, size);
        float *x = two_steps(a, &n), *y = two_steps(b, &n);
        free(x), free(y);
    }
    resize_network(c, 12, 12);
    float *third = two_steps(c, &n), *fourth = two_steps(d, &n);
    assert_memory_equal(first, third, n * sizeof(float));
    assert_memory_equal(second, fourth, n * sizeof(float));
    free(first), free(second), free(third), free(fourth);
    free_network(a), free_network(b), free_network(c), free_network(d);
}

/* Each test draws its own numbers, whatever runs before it. */
static int seed(void **state)
{
    (void)state;
    srand(1);
    return 0;
}

int main(void)
{
    built = cpu;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_convolutions, seed),
        cmocka_unit_test_setup(test_convolution_options, seed),
        cmocka_unit_test_setup(test_products, seed),
        cmocka_unit_test_setup(test_normalization, seed),
        cmocka_unit_test_setup(test_activations, seed),
        cmocka_unit_test_setup(test_update, seed),
        cmocka_unit_test_setup(test_adam, seed),
        cmocka_unit_test_setup(test_clip, seed),
        cmocka_unit_test_setup(test_pooling_is_upstreams, seed),
        cmocka_unit_test_setup(test_every_task_runs_once, seed),
        cmocka_unit_test_setup(test_a_loop_within_a_loop_stays_on_its_thread, seed),
        cmocka_unit_test_setup(test_tasks_run_at_the_same_time, seed),
        cmocka_unit_test_setup(test_networks, seed),
        cmocka_unit_test_setup(test_gradient_by_an_image, seed),
        cmocka_unit_test_setup(test_batchnorm_adds_its_gradient, seed),
        cmocka_unit_test_setup(test_tanh_of_large_numbers, seed),
        cmocka_unit_test_setup(test_two_networks_and_sizes, seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
