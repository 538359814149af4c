/* The sections of a .cfg beside each other. */
#include "cfg_checks.h"

#include "cfg_options.h"
#include "option_list.h"

#include <limits.h>
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
    int least = option_whole(net->options, "min_crop", option_whole(net->options, "width", 0));
    int most = option_whole(net->options, "max_crop", 2 * option_whole(net->options, "width", 0));
    if (least > most)
        refuse_section(filename, net, "min_crop=%d: out of range; must be at most max_crop, %d",
                       least, most);
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
    check_policy(filename, net);
    check_losses(filename, sections);
}
