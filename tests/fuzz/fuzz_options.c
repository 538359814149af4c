/* Fuzzes the way of a cfg file to a step of training: Darknet's parser, the options of every layer,
   and the layers themselves.

   A cfg ends in a network or in a refusal: exit code 1 and a message. Anything else is a finding:
   a crash, another exit code, no message, memory of a negative size, a layer whose sizes do not
   multiply within an int, a write beyond memory in a step forward and backward.

   Left out: files that a cfg names (tree=, map=), and networks too large to build or to run in a
   moment. Detectors are parsed but not run: their truth is not a class. */
#include "calls.h"
#include "fuzz.h"

#include <limits.h>
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
                                  "[shortcut]\nfrom=-2\n",
                                  "[route]\nlayers=-1,-2\n",
                                  "[reorg]\nstride=2\n",
                                  "[crop]\ncrop_width=2\ncrop_height=2\n",
                                  "[upsample]\n",
                                  "[deconvolutional]\n",
                                  "[local]\n",
                                  "[cost]\n",
                                  "[activation]\n",
                                  "[logistic]\n",
                                  "[l2norm]\n",
                                  "[lrn]\n",
                                  "[rnn]\n",
                                  "[gru]\n",
                                  "[lstm]\n",
                                  "[crnn]\n",
                                  "[yolo]\n",
                                  "[region]\n",
                                  "[detection]\n",
                                  "[iseg]\n",
                                  "from=",
                                  "layers=",
                                  "reverse=1",
                                  "flatten=1",
                                  "extra=",
                                  "numload=",
                                  "activation=",
                                  "hidden_filters=",
                                  "output_filters=",
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
                                  "weights=",
                                  "label_smooth_eps=",
                                  "class_margins=",
                                  "class_weights=",
                                  "auto",
                                  "alpha=",
                                  "scale=",
                                  "temperature=",
                                  "algorithm=",
                                  "xnor=1",
                                  "binary=1",
                                  "adam=1",
                                  "batch_normalize=1",
                                  NULL};

static const char *const others[] = {"tree=", "map="};

/* The input as text without what Darknet's reader leaves out, for the look at its options. */
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
        if (!l.forward || (!l.backward && l.type != LSTM)) FINDING("layer %d has no functions", i);
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

/* A step of training in a moment: few enough products, and no detector. */
static int can_run(const network *net)
{
    double products = 0;
    for (int i = 0; i < net->n; ++i) {
        layer l = net->layers[i];
        /* Upstream's recurrent layers learn on a GPU only; [smooth_topk] refuses them on the CPU.
         */
        if (l.type == RNN || l.type == GRU || l.type == LSTM || l.type == CRNN) return 0;
        if (l.type == DETECTION || l.type == REGION || l.type == YOLO || l.type == ISEG) return 0;
        products += (double)l.batch * l.outputs * (l.inputs > 4096 ? 4096 : l.inputs);
        products += (double)l.workspace_size * l.n * l.batch;
        if (l.type == MAXPOOL || l.type == NORMALIZATION || l.type == DECONVOLUTIONAL)
            products += (double)l.outputs * l.batch * l.size * l.size * (l.n + 1);
    }
    return products < 2e7;
}

static void run(network *net)
{
    for (int b = 0; b < net->batch && net->truths > 0; ++b)
        net->truth[(size_t)b * net->truths + b % net->truths] = 1;
    net->train = 1;
    forward_network(net);
    backward_network(net);
    update_network(net);
}

static long networks, refusals, left_out, steps;

const char *fuzz_outcomes(void)
{
    static char line[100];
    snprintf(line, sizeof line, "%ld networks, %ld of them run; %ld refusals, %ld left out",
             networks, steps, refusals, left_out);
    return line;
}

static void parse(void)
{
    network *net = parse_network_cfg("input");
    check_network(net);
    if (!can_run(net)) return;
    run(net);
    ++steps;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int how = TOO_LARGE;
    if (on_our_way(data, size)) how = watch(parse, data, size);
    networks += how == RETURNED;
    refusals += how == EXITED;
    left_out += how == TOO_LARGE;
    return how == TOO_LARGE ? -1 : 0;
}
