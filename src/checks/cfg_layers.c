/* Checks that a layer of a .cfg fits the layers before it: that their sizes match, and that its own
   fit into an int. Its options have been checked before. */
#include "cfg_checks.h"

#include "cfg_options.h"
#include "allocate.h"
#include "class_tree.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The layer to come, and what it stands on. */
typedef struct {
    char *filename;
    section *s;
    network *net;
    int index;
    double w, h, c, inputs, batch;
} place;

#define REFUSE(p, ...) refuse_section((p)->filename, (p)->s, __VA_ARGS__)

static int number(const place *p, const char *name, int by_default)
{
    return option_whole(p->s->options, name, by_default);
}

static void check_count(const place *p, const char *what, double count)
{
    if (count > INT_MAX)
        REFUSE(p, "%s: %.0f, out of range; must be at most %d", what, count, INT_MAX);
}

static void check_outputs(const place *p, double w, double h, double c)
{
    check_count(p, "outputs*batch", w * h * c * p->batch);
}

static void need_image(const place *p)
{
    if (!(p->w && p->h && p->c)) REFUSE(p, "the layer before it must output an image");
}

static void check_divides(const place *p, const char *name, int value, double whole,
                          const char *what)
{
    if (value < 1 || value > whole || (long)whole % value)
        REFUSE(p, "%s=%d: out of range; must divide %s, %.0f", name, value, what, whole);
}

/* A window of `size` moves by `stride` over the image with `padding` (of both sides together).
   Returns the outputs along a side of length `side`. */
static double window_steps(double side, int size, int stride, double padding)
{
    return (double)(long)((side + padding - size) / stride) + 1;
}

static void check_window(const place *p, int size, int stride, double padding)
{
    double side = p->w < p->h ? p->w : p->h, most = side + padding + stride - 1;
    if (size > most)
        REFUSE(
            p,
            "size=%d: out of range; must be at most %.0f, from the image's smaller side, padding "
            "and stride",
            size, most);
    check_count(p, "width with padding", p->w + padding);
    check_count(p, "height with padding", p->h + padding);
}

/* Bytes of the columns that a filter works on. */
static void check_columns(const place *p, double columns)
{
    check_count(p, "numbers in the workspace", columns);
}

static void check_convolutional(const place *p)
{
    int n = number(p, "filters", 1), size = number(p, "size", 1), stride = number(p, "stride", 1);
    int groups = number(p, "groups", 1), numload = number(p, "numload", 0);
    double padding = number(p, "pad", 0) ? size / 2 : number(p, "padding", 0);
    need_image(p);
    check_window(p, size, stride, 2 * padding);
    check_divides(p, "groups", groups, p->c, "the channels");
    check_divides(p, "groups", groups, n, "filters");
    if (numload > n) REFUSE(p, "numload=%d: out of range; must be 0 to %d (filters)", numload, n);
    if (number(p, "binary", 0) && !number(p, "batch_normalize", 0))
        REFUSE(p, "binary=1: needs batch_normalize=1, whose scales it learns");
    double w = window_steps(p->w, size, stride, 2 * padding);
    double h = window_steps(p->h, size, stride, 2 * padding);
    check_count(p, "numbers in the filters", (double)size * size * p->c * n);
    check_outputs(p, w, h, n);
    check_columns(p, w * h * size * size * p->c / groups);
}

static void check_deconvolutional(const place *p)
{
    int n = number(p, "filters", 1), size = number(p, "size", 1), stride = number(p, "stride", 1);
    double padding = number(p, "pad", 0) ? size / 2 : number(p, "padding", 0);
    need_image(p);
    double w = (p->w - 1) * stride + size - 2 * padding;
    double h = (p->h - 1) * stride + size - 2 * padding;
    if (w < 1 || h < 1) REFUSE(p, "padding=%.0f: out of range; it leaves no output", padding);
    check_count(p, "numbers in the filters", (double)size * size * p->c * n);
    check_outputs(p, w, h, n);
    check_columns(p, p->w * p->h * size * size * n);
}

/* Upstream counts outputs as if the padding of its loops were (size - 1)/2, whatever pad says. */
static void check_local(const place *p)
{
    int n = number(p, "filters", 1), size = number(p, "size", 1), stride = number(p, "stride", 1);
    int pad = number(p, "pad", 0);
    need_image(p);
    if (p->net->adam)
        fprintf(stderr,
                "\n%s, line %d: [local] learns by momentum; adam=1 is for [convolutional], "
                "[deconvolutional] and [connected]\n",
                p->filename, p->s->line);
    if (pad && size != 2 * (double)pad + 1)
        REFUSE(p, "pad=%d: out of range; must be 0, or %d (half of size=%d, which must be odd)",
               pad, size / 2, size);
    check_window(p, size, 1, 2. * pad);
    double w = window_steps(p->w, size, stride, 2. * pad);
    double h = window_steps(p->h, size, stride, 2. * pad);
    check_count(p, "numbers in the filters", (double)size * size * p->c * n * w * h);
    check_outputs(p, w, h, n);
    check_columns(p, 4 * w * h * size * size * p->c);
}

static void check_connected(const place *p)
{
    double output = number(p, "output", 1);
    check_count(p, "inputs*output", p->inputs * output);
    check_outputs(p, 1, 1, output);
}

/* [rnn], [gru], [lstm]: their own output is an input as well, at each of the time steps and before.
 */
static void check_recurrent(const place *p)
{
    double output = number(p, "output", 1);
    check_connected(p);
    check_count(p, "output*output", output * output);
    check_outputs(p, 1, 1, 2 * output);
}

static void check_crnn(const place *p)
{
    double output = number(p, "output_filters", 1), hidden = number(p, "hidden_filters", 1);
    need_image(p);
    check_count(p, "numbers in the filters", 9 * hidden * (p->c + hidden + output));
    check_outputs(p, p->w, p->h, 2 * hidden);
    check_outputs(p, p->w, p->h, output);
    check_columns(p, 9 * p->w * p->h * (p->c > hidden ? p->c : hidden));
}

/* A tree in the section needs a node for each class. */
static void check_tree_option(const place *p, double classes)
{
    char *file = option_text(p->s->options, "tree");
    if (!file) return;
    long nodes = check_tree_file(file);
    if (nodes != classes)
        REFUSE(p, "tree=%s: has %ld nodes; must have one for each of the %.0f classes", file, nodes,
               classes);
}

static void check_softmax(const place *p)
{
    check_tree_option(p, p->inputs);
    check_divides(p, "groups", number(p, "groups", 1), p->inputs, "the number of inputs");
    if (number(p, "spatial", 0)) need_image(p);
}

static void check_crop(const place *p)
{
    int w = number(p, "crop_width", 1), h = number(p, "crop_height", 1);
    need_image(p);
    if (w > p->w)
        REFUSE(p, "crop_width=%d: out of range; must be 1 to %.0f (the image's)", w, p->w);
    if (h > p->h)
        REFUSE(p, "crop_height=%d: out of range; must be 1 to %.0f (the image's)", h, p->h);
}

/* Upstream's loops put parts of the channels side by side in either direction: their number must be
   divisible by stride*stride. */
static void check_reorg(const place *p)
{
    int stride = number(p, "stride", 1), reverse = number(p, "reverse", 0);
    int extra = number(p, "extra", 0);
    need_image(p);
    if (extra) {
        if (number(p, "flatten", 0)) REFUSE(p, "extra=%d: must be 0 with flatten=1", extra);
        check_outputs(p, 1, 1, p->inputs + extra);
        return;
    }
    if (!reverse) {
        check_divides(p, "stride", stride, p->w, "the image's width");
        check_divides(p, "stride", stride, p->h, "the image's height");
    }
    double area = (double)stride * stride;
    if (area > p->c || (long)p->c % (long)area)
        REFUSE(p, "stride=%d: out of range; its square must divide the channels, %.0f", stride,
               p->c);
    check_outputs(p, p->w, p->h, p->c);
}

static void check_maxpool(const place *p)
{
    int stride = number(p, "stride", 1), size = number(p, "size", stride);
    int padding = number(p, "padding", size - 1);
    need_image(p);
    check_window(p, size, stride, padding);
    check_outputs(p, window_steps(p->w, size, stride, padding),
                  window_steps(p->h, size, stride, padding), p->c);
}

static void check_upsample(const place *p)
{
    int stride = number(p, "stride", 2);
    need_image(p);
    if (stride == 0) REFUSE(p, "stride=0: out of range; must be a whole number other than 0");
    if (stride < 0) {
        check_divides(p, "-stride", -stride, p->w, "the image's width");
        check_divides(p, "-stride", -stride, p->h, "the image's height");
        return;
    }
    check_count(p, "width", p->w * stride);
    check_count(p, "height", p->h * stride);
    check_outputs(p, p->w * stride, p->h * stride, p->c);
}

static void check_normalization(const place *p)
{
    int size = number(p, "size", 5);
    need_image(p);
    if (size > p->c)
        REFUSE(p, "size=%d: out of range; must be 1 to %.0f (the channels)", size, p->c);
}

/* The layer that `from` or a number of `layers` names: counted from 0, or back from here. */
static const layer *named_layer(const place *p, const char *name, const char *text)
{
    int number = atoi(text), i = number < 0 ? p->index + number : number;
    if (i < 0 || i >= p->index)
        REFUSE(p, "%s=%s: %d is out of range; must be 0 to %d, or -%d to -1 (this is layer %d)",
               name, option_text(p->s->options, name), number, p->index - 1, p->index, p->index);
    const layer *l = &p->net->layers[i];
    if (!l->delta)
        REFUSE(p, "%s=%s: layer %d passes no gradient on", name, option_text(p->s->options, name),
               i);
    return l;
}

static void check_shortcut(const place *p)
{
    const char *text = option_text(p->s->options, "from");
    if (p->index == 0) REFUSE(p, "must not be the first layer");
    if (!text) REFUSE(p, "needs from, the layer to add");
    const layer *source = named_layer(p, "from", text);
    need_image(p);
    int w = (int)p->w, h = (int)p->h;
    if (source->out_w < 1 || source->out_h < 1 || source->out_c < 1)
        REFUSE(p, "from=%s: that layer outputs no image", text);
    if (w / source->out_w != h / source->out_h || source->out_w / w != source->out_h / h)
        REFUSE(p, "from=%s: its image of %d x %d does not fit on %d x %d", text, source->out_w,
               source->out_h, w, h);
    check_outputs(p, p->w, p->h, p->c);
}

static void check_route(const place *p)
{
    const char *text = option_text(p->s->options, "layers");
    double outputs = 0;
    if (p->index == 0) REFUSE(p, "must not be the first layer");
    if (!text) REFUSE(p, "needs layers, the numbers of those to join");
    for (; text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL)
        outputs += named_layer(p, "layers", text)->outputs;
    check_outputs(p, 1, 1, outputs);
}

/* ---- detectors ---- */

static void check_inputs(const place *p, double needed)
{
    if (p->inputs != needed)
        REFUSE(p, "needs %.0f inputs by its options, but the layer before it has %.0f outputs",
               needed, p->inputs);
}

static void check_anchors(const place *p, int num)
{
    const char *text = option_text(p->s->options, "anchors");
    if (text && count_numbers(text) > 2. * num)
        REFUSE(p, "anchors=%s: must be at most %.0f numbers, two for each of num=%d", text,
               2. * num, num);
}

static void check_detector(const place *p, LAYER_TYPE type)
{
    double classes = number(p, "classes", type == DETECTION ? 1 : 20);
    int num = number(p, "num", 1);
    if (type == DETECTION) {
        double coords = number(p, "coords", 1), side = number(p, "side", 7);
        check_inputs(p, side * side * ((1 + coords) * num + classes));
        check_count(p, "truths*batch", side * side * (1 + coords + classes) * p->batch);
        return;
    }
    need_image(p);
    if (type == REGION) check_tree_option(p, classes);
    if (type == ISEG) {
        check_inputs(p, p->w * p->h * (classes + number(p, "ids", 32)));
        return;
    }
    const char *mask = type == YOLO ? option_text(p->s->options, "mask") : NULL;
    double boxes = mask ? count_numbers(mask) : num;
    double coords = type == YOLO ? 4 : number(p, "coords", 4);
    check_anchors(p, num);
    for (; mask; mask = strchr(mask, ',') ? strchr(mask, ',') + 1 : NULL)
        if (atoi(mask) >= num)
            REFUSE(p, "mask=%s: %d is out of range; must be 0 to %d (num - 1)",
                   option_text(p->s->options, "mask"), atoi(mask), num - 1);
    check_inputs(p, p->w * p->h * boxes * (classes + coords + 1));
}

/* Layers whose backward pass writes into the gradient array of the layer below without testing
   that it exists. */
static int needs_gradient_below(LAYER_TYPE type)
{
    return type == MAXPOOL || type == AVGPOOL || type == DROPOUT || type == SHORTCUT ||
           type == ROUTE || type == REORG || type == UPSAMPLE || type == NORMALIZATION ||
           type == BATCHNORM || type == ACTIVE || type == SOFTMAX || type == LOGXENT ||
           type == L2NORM || type == COST || type == SMOOTH_TOPK || type == DETECTION ||
           type == REGION || type == YOLO || type == ISEG;
}

/* For the message of an allocation of this layer that fails, and of those after the last. */
static void name_allocations(const network *net, int index, const char *type)
{
    static char subject[80], advice[120];
    int steps = net->time_steps > 0 ? net->time_steps : 1;
    if (type)
        snprintf(subject, sizeof subject, "layer %d (%.*s)", index, (int)strcspn(type + 1, "]"),
                 type + 1);
    else
        snprintf(subject, sizeof subject, "the network");
    snprintf(advice, sizeof advice, "at batch=%d, subdivisions=%d; raise subdivisions",
             net->batch / steps * net->subdivisions, net->subdivisions);
    if (net->subdivisions == 1)
        snprintf(advice, sizeof advice, "at batch=%d; raise subdivisions", net->batch / steps);
    if (net->batch == steps) snprintf(advice, sizeof advice, "for one image; make it smaller");
    set_allocation_purpose(subject, advice);
}

static void check_by_type(const place *p, LAYER_TYPE type)
{
    switch (type) {
    case CONVOLUTIONAL:
        check_convolutional(p);
        break;
    case DECONVOLUTIONAL:
        check_deconvolutional(p);
        break;
    case LOCAL:
        check_local(p);
        break;
    case CONNECTED:
        check_connected(p);
        break;
    case RNN:
    case GRU:
    case LSTM:
        check_recurrent(p);
        break;
    case CRNN:
        check_crnn(p);
        break;
    case SOFTMAX:
        check_softmax(p);
        break;
    case CROP:
        check_crop(p);
        break;
    case REORG:
        check_reorg(p);
        break;
    case MAXPOOL:
        check_maxpool(p);
        break;
    case UPSAMPLE:
        check_upsample(p);
        break;
    case NORMALIZATION:
        check_normalization(p);
        break;
    case AVGPOOL:
    case BATCHNORM:
        need_image(p);
        break;
    case SHORTCUT:
        check_shortcut(p);
        break;
    case ROUTE:
        check_route(p);
        break;
    case DETECTION:
    case REGION:
    case YOLO:
    case ISEG:
        check_detector(p, type);
        break;
    default:
        break;
    }
}

void check_layer_fits(char *filename, section *s, network *net, int index)
{
    const layer *below = index ? &net->layers[index - 1] : NULL;
    place p = {filename, s, net, index, net->w, net->h, net->c, net->inputs, net->batch};
    LAYER_TYPE type = string_to_layer_type(s->type);
    name_allocations(net, index, s->type);
    if (below) {
        p.w = below->out_w;
        p.h = below->out_h;
        p.c = below->out_c;
        p.inputs = below->outputs;
    }
    if (needs_gradient_below(type) && !below) REFUSE(&p, "must not be the first layer");
    if (needs_gradient_below(type) && !below->delta)
        REFUSE(&p, "must not follow a layer that passes no gradient on");
    check_by_type(&p, type);
}

void check_truths(char *filename, const network *net)
{
    name_allocations(net, net->n, NULL);
    for (int i = 0; i < net->n; ++i) {
        const layer *l = &net->layers[i];
        int judges = (l->type == SOFTMAX && !l->noloss) || l->type == COST || l->type == LOGXENT;
        if (!judges || l->inputs == net->truths) continue;
        fprintf(
            stderr,
            "\n%s: layer %d is a loss for %d numbers, but the last layer outputs %d; it should be "
            "the last\n",
            filename, i, l->inputs, net->truths);
        exit(1);
    }
}
