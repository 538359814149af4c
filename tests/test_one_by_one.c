/* 1x1 convolutions of every stride and padding beside a reference in double: output and gradients
   of the layer, by upstream's loops, by src/cpu, and by the text of upstream's
   convolutional_kernels.cu without cuDNN, whose calls of the GPU are replaced by those of the CPU.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batchnorm_layer.h"
#include "blas.h"
#include "col2im.h"
#include "convolutional_layer.h"
#include "cpu_settings.h"
#include "gemm.h"
#include "im2col.h"

/* Built with AddressSanitizer: what upstream's layers leave behind is not looked for. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* The GPU's functions under the names that tests.mk gives them, and what they call. */
#define add_bias_cpu add_bias
#define backward_bias_cpu backward_bias
#define activate_array_cpu(x, n, a) activate_array(x, n, a)
#define gradient_array_cpu(x, n, a, delta) gradient_array(x, n, a, delta)
#define binarize_weights_cpu binarize_weights
#define forward_batchnorm_layer_cpu forward_batchnorm_layer
#define backward_batchnorm_layer_cpu backward_batchnorm_layer
void binarize_cpu(float *input, int n, float *binary);
void binarize_weights(float *weights, int n, int size, float *binary);
static void smooth_layer(layer l, int size, float rate)
{
    (void)l, (void)size, (void)rate;
}
#include "convolutional_kernels_text.h"

typedef struct {
    const char *name;
    int is_fast;
    void (*forward)(layer, network);
    void (*backward)(layer, network);
} way;

static const way ways[] = {
    {"upstream's loops", 0, forward_convolutional_layer, backward_convolutional_layer},
    {"src/cpu", 1, forward_convolutional_layer, backward_convolutional_layer},
    {"the GPU's text", 0, forward_convolutional_layer_cpu, backward_convolutional_layer_cpu}};

enum { BATCH = 2, CHANNELS = 4, FILTERS = 6, HEIGHT = 7, WIDTH = 9, PIXELS = HEIGHT * WIDTH };

static cpu_settings built;

static float random_number(void)
{
    return 2.f * rand() / (float)RAND_MAX - 1;
}

static void assert_near(const way *tried, const char *what, const layer *l, int i, double value,
                        double wanted)
{
    if (!(fabs(value - wanted) <= 1e-5))
        fail_msg("%s, stride %d, pad %d, groups %d: %s[%d] = %g, not %g", tried->name, l->stride,
                 l->pad, l->groups, what, i, value, wanted);
}

/* Calls visit for every output pixel over an input pixel, with the indices of output, weight and
 * input. */
typedef void (*visitor)(void *sums, int output, int weight, int input);
static void visit_all(const layer *l, visitor visit, void *sums)
{
    int channels = CHANNELS / l->groups, filters = FILTERS / l->groups;
    for (int b = 0; b < BATCH; ++b)
        for (int f = 0; f < FILTERS; ++f)
            for (int c = 0; c < channels; ++c)
                for (int i = 0; i < l->out_h; ++i)
                    for (int j = 0; j < l->out_w; ++j) {
                        int y = i * l->stride - l->pad, x = j * l->stride - l->pad;
                        if (y < 0 || x < 0 || y >= HEIGHT || x >= WIDTH) continue;
                        int plane = b * CHANNELS + f / filters * channels + c;
                        visit(sums, ((b * FILTERS + f) * l->out_h + i) * l->out_w + j,
                              f * channels + c, plane * PIXELS + y * WIDTH + x);
                    }
}

typedef struct {
    const float *weights, *input, *delta;
    double *output, *weight_updates, *input_delta;
} reference;

static void add_product(void *sums, int output, int weight, int input)
{
    reference *r = sums;
    r->output[output] += (double)r->weights[weight] * r->input[input];
    r->weight_updates[weight] += (double)r->delta[output] * r->input[input];
    r->input_delta[input] += (double)r->delta[output] * r->weights[weight];
}

/* The gradient by the input begins at 1: it must be added to. */
static void check_layer(const way *tried, int stride, int pad, int groups)
{
    cpu = built;
    if (!tried->is_fast) cpu.blas = cpu.winograd = 0;
    layer l = make_convolutional_layer(BATCH, HEIGHT, WIDTH, CHANNELS, FILTERS, groups, 1, stride,
                                       pad, LINEAR, 0, 0, 0, 0);
    int inputs = BATCH * CHANNELS * PIXELS, outputs = BATCH * l.outputs;
    network net = {.train = 1, .batch = BATCH};
    net.input = malloc(inputs * sizeof(float));
    net.delta = malloc(inputs * sizeof(float));
    net.workspace = malloc(l.workspace_size);
    float *delta = malloc(outputs * sizeof(float));
    for (int i = 0; i < inputs; ++i) net.input[i] = random_number(), net.delta[i] = 1;
    for (int i = 0; i < outputs; ++i) delta[i] = random_number();
    reference r = {l.weights,
                   net.input,
                   delta,
                   calloc(outputs, sizeof(double)),
                   calloc(l.nweights, sizeof(double)),
                   calloc(inputs, sizeof(double))};
    visit_all(&l, add_product, &r);
    tried->forward(l, net);
    memcpy(l.delta, delta, outputs * sizeof(float));
    tried->backward(l, net);
    for (int i = 0; i < outputs; ++i) assert_near(tried, "output", &l, i, l.output[i], r.output[i]);
    for (int i = 0; i < l.nweights; ++i)
        assert_near(tried, "weight_updates", &l, i, l.weight_updates[i], r.weight_updates[i]);
    for (int i = 0; i < inputs; ++i)
        assert_near(tried, "input delta", &l, i, net.delta[i], 1 + r.input_delta[i]);
    free(r.output), free(r.weight_updates), free(r.input_delta), free(delta);
    free(net.input), free(net.delta), free(net.workspace);
    free_layer(l);
}

static void test_strides_and_padding(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; ++i)
        for (int stride = 1; stride <= 3; ++stride)
            for (int pad = 0; pad <= 2; ++pad)
                for (int groups = 1; groups <= 2; ++groups)
                    check_layer(&ways[i], stride, pad, groups);
}

int main(void)
{
    built = cpu;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_strides_and_padding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
