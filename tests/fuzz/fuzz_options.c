/* Fuzzes the way of a cfg file to our layer: Darknet's parser and the layer's options.

   A cfg ends in a network or in a refusal: exit code 1 and a message. Anything else is a finding:
   a crash, another exit code, no message, memory of a negative size, a layer whose sizes do not
   multiply within an int.

   Linked with --wrap for exit, fopen, fclose, malloc, calloc, realloc and free: an exit comes back
   here, the file is the input, and what a refusal leaves is released. Inputs with sections of the
   kinds listed below are left out: upstream's detectors and recurrent layers are not on our way,
   neither is the file of a softmax tree. A network too large to build in a moment is left out as
   well. */
#include "fuzz.h"

#include <limits.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "network.h"
#include "parser.h"
#include "smooth_topk_layer.h"

const char *const fuzz_words[] = {"0",
                                  "-1",
                                  "1",
                                  "2",
                                  "5",
                                  "23",
                                  "2147483647",
                                  "-2147483648",
                                  "4294967296",
                                  "99999999999999999999",
                                  "1e39",
                                  "1e-46",
                                  "nan",
                                  "inf",
                                  "-0",
                                  "65536",
                                  "46341",
                                  ",",
                                  "1,2,3",
                                  ".1,.1",
                                  "x",
                                  "",
                                  "=",
                                  "#",
                                  "\n",
                                  "\n=\n",
                                  "[net]\n",
                                  "[softmax]\n",
                                  "[connected]\n",
                                  "[convolutional]\n",
                                  "[maxpool]\n",
                                  "[avgpool]\n",
                                  "[dropout]\n",
                                  "[batchnorm]\n",
                                  "[smooth_topk]\n",
                                  "pivot",
                                  "log",
                                  "steps",
                                  "batch=",
                                  "subdivisions=",
                                  "time_steps=",
                                  "inputs=",
                                  "step=",
                                  "policy=",
                                  "scales=",
                                  "height=",
                                  "width=",
                                  "channels=",
                                  "output=",
                                  "groups=",
                                  "size=",
                                  "stride=",
                                  "padding=",
                                  "pad=",
                                  "filters=",
                                  "k=",
                                  "tau=",
                                  "alpha=",
                                  "scale=",
                                  "temperature=",
                                  "algorithm=",
                                  "xnor=1",
                                  "binary=1",
                                  "adam=1",
                                  "batch_normalize=1",
                                  NULL};

static const char *const others[] = {
    "[shortcut", "[crop",       "[cost",     "[detection", "[region",   "[yolo", "[iseg", "[local",
    "[deconv",   "[activation", "[logistic", "[l2norm",    "[rnn",      "[gru",  "[lstm", "[crnn",
    "[lrn",      "[norm",       "[reorg",    "[route",     "[upsample", "tree="};

#define FINDING(...) \
    (parsing = 0, fprintf(real_stderr, "finding: " __VA_ARGS__), fputc('\n', real_stderr), abort())
static FILE *real_stderr;

/* ---- what Darknet calls instead of the C library ---- */

enum { EXITED = 1, TOO_LARGE };
static jmp_buf back;
static int parsing, exit_code;

void __real_exit(int code) __attribute__((noreturn));
void __wrap_exit(int code) __attribute__((noreturn));
void __wrap_exit(int code)
{
    if (!parsing) __real_exit(code);
    exit_code = code;
    longjmp(back, EXITED);
}

static const uint8_t *cfg;
static size_t cfg_size;
static FILE *cfg_file;
FILE *__wrap_fopen(const char *name, const char *mode);
FILE *__real_fopen(const char *name, const char *mode);
FILE *__wrap_fopen(const char *name, const char *mode)
{
    if (strcmp(name, "input") != 0) return __real_fopen(name, mode);
    return cfg_file = fmemopen((void *)cfg, cfg_size, "rb");
}

int __wrap_fclose(FILE *file);
int __real_fclose(FILE *file);
int __wrap_fclose(FILE *file)
{
    if (file == cfg_file) cfg_file = NULL;
    return __real_fclose(file);
}

#define MOST_BLOCKS 65536
#define LARGEST_NETWORK ((size_t)8 << 20)
static void *blocks[MOST_BLOCKS];
static size_t block_count, bytes_taken;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);

/* True for what Darknet asks for while it parses. */
static int counted(size_t count, size_t size)
{
    if (!parsing) return 0;
    if (count > (size_t)1 << 33 || size > (size_t)1 << 33)
        FINDING("memory for %zu x %zu bytes", count, size);
    bytes_taken += count * size;
    if (bytes_taken > LARGEST_NETWORK || block_count == MOST_BLOCKS) longjmp(back, TOO_LARGE);
    return 1;
}

static size_t find_block(const void *memory)
{
    size_t i = block_count;
    while (i > 0 && blocks[i - 1] != memory) --i;
    return i;
}

void *__wrap_malloc(size_t size)
{
    int count = counted(1, size);
    void *memory = __real_malloc(size);
    if (count) blocks[block_count++] = memory;
    return memory;
}

void *__wrap_calloc(size_t number, size_t size)
{
    int count = counted(number, size);
    void *memory = __real_calloc(number, size);
    if (count) blocks[block_count++] = memory;
    return memory;
}

void *__wrap_realloc(void *memory, size_t size)
{
    int count = counted(1, size);
    size_t place = find_block(memory);
    void *moved = __real_realloc(memory, size);
    if (count && place)
        blocks[place - 1] = moved;
    else if (count)
        blocks[block_count++] = moved;
    return moved;
}

void __wrap_free(void *memory)
{
    size_t place = memory ? find_block(memory) : 0;
    if (place) blocks[place - 1] = blocks[--block_count];
    __real_free(memory);
}

/* ---- one input ---- */

/* The input as text without what Darknet's reader leaves out, for the look at its sections. */
static int on_our_way(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    size_t length = 0;
    int ours = 1;
    for (size_t i = 0; i < size; ++i)
        if (data[i] && data[i] != ' ' && data[i] != '\t') text[length++] = (char)data[i];
    text[length] = 0;
    for (size_t i = 0; i < sizeof others / sizeof *others; ++i)
        if (strstr(text, others[i])) ours = 0;
    free(text);
    return ours;
}

static void check_network(const network *net)
{
    if (net->n < 1 || net->batch < 1 || net->subdivisions < 1 || net->inputs < 1)
        FINDING("a network of %d layers, batch %d, subdivisions %d, inputs %d", net->n, net->batch,
                net->subdivisions, net->inputs);
    for (int i = 0; i < net->n; ++i) {
        layer l = net->layers[i];
        if (l.outputs < 0 || (long)l.outputs * l.batch > INT_MAX)
            FINDING("layer %d has %d outputs, batch %d", i, l.outputs, l.batch);
        if (!l.forward || !l.backward) FINDING("layer %d has no functions", i);
        if (l.type != SMOOTH_TOPK) continue;
        if (l.outputs < 2 || l.inputs != l.outputs || l.batch != net->batch || !l.smooth_topk ||
            !(l.scale > 0) || !(l.temperature > 0))
            FINDING("layer %d: %d inputs, %d outputs, batch %d of %d, scale %g, temperature %g", i,
                    l.inputs, l.outputs, l.batch, net->batch, l.scale, l.temperature);
        network step = *net;
        size_t count = (size_t)l.inputs * l.batch;
        step.input = calloc(count, sizeof(float));
        step.delta = calloc(count, sizeof(float));
        step.truth = calloc(count, sizeof(float));
        for (int b = 0; b < l.batch; ++b) step.truth[(size_t)b * l.inputs + b % l.inputs] = 1;
        forward_smooth_topk_layer(l, step);
        backward_smooth_topk_layer(l, step);
        if (!(l.cost[0] >= 0)) FINDING("layer %d: the cost of zeros is %g", i, l.cost[0]);
    }
}

static long networks, refusals, left_out;

const char *fuzz_outcomes(void)
{
    static char line[100];
    snprintf(line, sizeof line, "%ld networks, %ld refusals, %ld left out", networks, refusals,
             left_out);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char said[1 << 16];
    if (!on_our_way(data, size)) {
        ++left_out;
        return -1;
    }
    cfg = data;
    cfg_size = size;
    if (!real_stderr) real_stderr = stderr;
    stderr = fmemopen(said, sizeof said, "w");
    setvbuf(stderr, NULL, _IONBF, 0);
    said[0] = 0;
    block_count = bytes_taken = 0;
    cfg_file = NULL;
    int how = setjmp(back);
    if (!how) {
        parsing = 1;
        network *net = parse_network_cfg("input");
        check_network(net);
    }
    parsing = 0;
    fclose(stderr);
    stderr = real_stderr;
    if (cfg_file) fclose(cfg_file);
    while (block_count) __real_free(blocks[--block_count]);
    if (how == EXITED && exit_code != 1) FINDING("exit code %d", exit_code);
    if (how == EXITED && !said[0]) FINDING("refused without a message");
    networks += how == 0;
    refusals += how == EXITED;
    left_out += how == TOO_LARGE;
    return 0;
}
