/* Checks which sections a .cfg has, in which order, and how the options of [net] fit together. */
#include "cfg_checks.h"

#include "cfg_options.h"
#include "option_list.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void read_cfg_option(char *filename, int line, char *text, list *options)
{
    if (!options) {
        fprintf(stderr,
                "%s, line %d: %.80s: an option before any section; the first must be [net]\n",
                filename, line, text);
        exit(1);
    }
    char *value = text + strcspn(text, "=");
    if (*value) *value++ = 0;
    if (!*text) {
        fprintf(stderr, "%s, line %d: =%s: an option without a name\n", filename, line, value);
        exit(1);
    }
    option_insert(options, text, value);
}

/* What [net] says of sizes: they are numbers and in range by now. */
static void check_net_sizes(char *filename, const section *net)
{
    int batch = option_whole(net->options, "batch", 1);
    int subdivisions = option_whole(net->options, "subdivisions", 1);
    int steps = option_whole(net->options, "time_steps", 1);
    double plane =
        (double)option_whole(net->options, "height", 0) * option_whole(net->options, "width", 0);
    double image = plane * option_whole(net->options, "channels", 0);
    int inputs = option_whole(net->options, "inputs", 0);
    if (subdivisions > batch)
        refuse_section(filename, net, "subdivisions=%d: out of range; must be 1 to %d (batch)",
                       subdivisions, batch);
    if (batch % subdivisions)
        refuse_section(filename, net, "subdivisions=%d: out of range; must divide batch, %d",
                       subdivisions, batch);
    if (image && inputs && image != inputs)
        refuse_section(filename, net,
                       "inputs=%d: out of range; must be height*width*channels, %.0f", inputs,
                       image);
    if (!image && !inputs)
        refuse_section(filename, net, "needs height, width and channels, or inputs");
    if (image > INT_MAX || plane > INT_MAX)
        refuse_section(filename, net, "height*width*channels: out of range; must be at most %d",
                       INT_MAX);
    double step = (double)(batch / subdivisions) * steps;
    if ((double)batch * steps > INT_MAX || step * (image ? image : inputs) > INT_MAX)
        refuse_section(filename, net,
                       "batch=%d: out of range; inputs*batch/subdivisions*time_steps must be at "
                       "most %d",
                       batch, INT_MAX);
}

/* Of min_crop and max_crop the one that is not given is width or twice that. */
static void check_crops(char *filename, const section *net)
{
    int width = option_whole(net->options, "width", 0);
    int least = option_whole(net->options, "min_crop", width);
    int most = option_whole(net->options, "max_crop", 2 * width);
    if (least <= most && most < width)
        refuse_section(filename, net,
                       "max_crop=%d: out of range; must be at least %d, the width: else no image "
                       "fills what the network sees",
                       most, width);
    if (least <= most) return;
    if (!option_text(net->options, "min_crop"))
        refuse_section(filename, net,
                       "max_crop=%d: out of range; must be at least %d, the width, which min_crop "
                       "is where it is not given",
                       most, least);
    refuse_section(filename, net, "min_crop=%d: out of range; must be at most %d, %s", least, most,
                   option_text(net->options, "max_crop")
                       ? "max_crop"
                       : "twice the width, which max_crop is where it is not given");
}

/* Whole numbers between commas that grow. */
static int grow(const char *text)
{
    int last = INT_MIN, next;
    for (; text; text = strchr(text, ',') ? strchr(text, ',') + 1 : NULL, last = next)
        if ((next = atoi(text)) <= last) return 0;
    return 1;
}

static void check_policy(char *filename, const section *net)
{
    const char *policy = option_text(net->options, "policy");
    const char *steps = option_text(net->options, "steps");
    const char *scales = option_text(net->options, "scales");
    if (!policy || strcmp(policy, "steps") != 0) return;
    if (!steps || !scales) refuse_section(filename, net, "policy=steps: needs steps and scales");
    if (count_numbers(steps) != count_numbers(scales))
        refuse_section(filename, net, "scales=%s: must be as many numbers as steps=%s", scales,
                       steps);
    if (!grow(steps)) refuse_section(filename, net, "steps=%s: each must be above the last", steps);
}

/* The number of an option that a policy raises to a power must leave the rate finite. */
static void check_growth(char *filename, const section *net, const char *name, double factor,
                         double times)
{
    double rate = option_real(net->options, "learning_rate", .001);
    if (rate * pow(factor, times) <= FLT_MAX) return;
    refuse_section(filename, net,
                   "%s=%s: out of range; with it the learning rate is infinite within "
                   "max_batches=%d",
                   name, option_text(net->options, name),
                   option_whole(net->options, "max_batches", 0));
}

static void check_scales(char *filename, const section *net, int batches)
{
    double rate = option_real(net->options, "learning_rate", .001);
    const char *step = option_text(net->options, "steps");
    const char *scale = option_text(net->options, "scales");
    for (; step && scale; step = strchr(step, ','), scale = strchr(scale, ',')) {
        step += *step == ',';
        scale += *scale == ',';
        if (atoi(step) > batches) return;
        rate *= atof(scale);
        if (rate > FLT_MAX)
            refuse_section(filename, net,
                           "scales=%s: out of range; with them the learning rate is infinite from "
                           "batch %d on",
                           option_text(net->options, "scales"), atoi(step));
    }
}

/* Whether the learning rate is finite at every batch, and more than the warm-up is left of a run.
   A run without max_batches has no last batch to look at. */
static void check_rates(char *filename, const section *net)
{
    const char *policy = option_text(net->options, "policy");
    int batches = option_whole(net->options, "max_batches", 0);
    int burn_in = option_whole(net->options, "burn_in", 0);
    double power = option_real(net->options, "power", 4);
    if (!batches) return;
    if (burn_in >= batches)
        refuse_section(filename, net,
                       "burn_in=%d: out of range; must be below max_batches, %d: else the learning "
                       "rate never reaches learning_rate",
                       burn_in, batches);
    if (burn_in && power < 0) check_growth(filename, net, "power", burn_in, -power);
    if (!policy) return;
    if (power < 0 && (!strcmp(policy, "poly") || !strcmp(policy, "random")))
        refuse_section(filename, net,
                       "power=%s: out of range; must be 0 or more with policy=%s: else the "
                       "learning rate is infinite at the end of the run",
                       option_text(net->options, "power"), policy);
    if (!strcmp(policy, "exp"))
        check_growth(filename, net, "gamma", option_real(net->options, "gamma", 1), batches);
    if (!strcmp(policy, "step"))
        check_growth(filename, net, "scale", option_real(net->options, "scale", 1),
                     batches / option_whole(net->options, "step", 1));
    if (!strcmp(policy, "steps")) check_scales(filename, net, batches);
}

/* Layers that upstream's resize_network gives another size. */
static int can_be_resized(LAYER_TYPE type)
{
    return type == NETWORK || type == CONVOLUTIONAL || type == CROP || type == MAXPOOL ||
           type == REGION || type == YOLO || type == ROUTE || type == SHORTCUT ||
           type == UPSAMPLE || type == REORG || type == AVGPOOL || type == NORMALIZATION ||
           type == COST;
}

/* With random=1 all layers up to an [avgpool] change their size. */
static void check_resizing(char *filename, list *sections)
{
    const section *net = sections->front->val;
    int random = option_whole(net->options, "random", 0);
    for (node *n = sections->front; random && n; n = n->next) {
        const section *s = n->val;
        LAYER_TYPE type = string_to_layer_type(s->type);
        if (!can_be_resized(type))
            refuse_section(filename, s,
                           "cannot change its size, as random=%d of [net], line %d, asks; delete "
                           "random, or put [avgpool] before this section",
                           random, net->line);
        if (type == AVGPOOL) return;
    }
}

static int has_cost(LAYER_TYPE type)
{
    return type == SOFTMAX || type == COST || type == LOGXENT || type == DETECTION ||
           type == REGION || type == YOLO || type == ISEG || type == SMOOTH_TOPK;
}

/* Upstream's recurrent layers write beyond their state, or learn nothing, when trained on the CPU.
 */
static int cannot_learn(LAYER_TYPE type)
{
#ifdef GPU
    if (gpu_index >= 0) return 0;
#endif
    return type == RNN || type == GRU || type == LSTM || type == CRNN;
}

/* Where there is a [smooth_topk] or [topk_loss], it alone teaches the network, and is its last
 * section. */
static void check_losses(char *filename, list *sections)
{
    const section *loss = NULL;
    for (node *n = sections->front; n && !loss; n = n->next) {
        const section *s = n->val;
        if (string_to_layer_type(s->type) == SMOOTH_TOPK) loss = s;
    }
    if (!loss) return;
    for (node *n = sections->front; n; n = n->next) {
        const section *s = n->val;
        if (cannot_learn(string_to_layer_type(s->type)))
            refuse_section(filename, s, "cannot learn on the CPU: build with GPU=1");
        if (s != loss && has_cost(string_to_layer_type(s->type)))
            refuse_section(filename, s,
                           "is a second loss beside %s of line %d, and the network would "
                           "learn a mixture of both; delete the section of line %d",
                           loss->type, loss->line, s->line);
    }
    const section *last = sections->back->val;
    if (last != loss)
        refuse_section(
            filename, loss,
            "must be the last section; %s of line %d follows it, delete it or move it up",
            last->type, last->line);
}

/* [compactness] alone has a minimum that says nothing: all features alike. */
static void check_compactness(char *filename, list *sections)
{
    const section *last = sections->back->val;
    if (string_to_layer_type(last->type) == COMPACTNESS)
        refuse_section(
            filename, last,
            "must not be the last section: a loss must follow it, such as [smooth_topk]");
}

void check_cfg(char *filename, list *sections)
{
    if (!sections->size) {
        fprintf(stderr, "%s: has no sections; the first must be [net]\n", filename);
        exit(1);
    }
    for (node *n = sections->front; n; n = n->next) {
        const section *s = n->val;
        LAYER_TYPE type = string_to_layer_type(s->type);
        if (type == BLANK) refuse_section(filename, s, "no such section: Type not recognized");
        if (n == sections->front && type != NETWORK)
            refuse_section(filename, s, "the first section must be [net]");
        if (n != sections->front && type == NETWORK)
            refuse_section(filename, s, "only the first section may be [net]");
        check_options(filename, s);
    }
    const section *net = sections->front->val;
    if (sections->size == 1)
        refuse_section(filename, net, "has no layers: at least one section must follow it");
    check_net_sizes(filename, net);
    check_crops(filename, net);
    check_policy(filename, net);
    check_rates(filename, net);
    check_resizing(filename, sections);
    check_losses(filename, sections);
    check_compactness(filename, sections);
}
