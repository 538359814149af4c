/* The options of each section of a .cfg: one table of names, kinds and ranges, and its check. */
#include "cfg_options.h"

#include "numbers.h"
#include "option_list.h"

#include <float.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* TEXT: looked at by the layer, which knows the number of classes. */
typedef enum { WHOLE, NUMBER, WHOLES, NUMBERS, WORD, TEXT } option_kind;

typedef struct {
    const char *name;
    option_kind kind;
    double least, most;
    const char *must_be; /* in words, for the message; of a WORD, all of them between commas */
} option_rule;

#define COUNT WHOLE, 1, INT_MAX, "a whole number, 1 to 2147483647"
#define NOT_NEGATIVE WHOLE, 0, INT_MAX, "a whole number, 0 to 2147483647"
#define SWITCH WHOLE, 0, 1, "0 or 1"
#define SIDE WHOLE, 0, INT_MAX / 2, "a whole number, 0 to 1073741823"
#define PADDING WHOLE, 0, INT_MAX / 4, "a whole number, 0 to 536870911"
#define ANY_WHOLE WHOLE, -INT_MAX, INT_MAX, "a whole number"
#define ANY NUMBER, -FLT_MAX, FLT_MAX, "a finite number"
#define ABOVE_0 NUMBER, FLT_MIN, FLT_MAX, "a finite number above 0"
#define FROM_0 NUMBER, 0, FLT_MAX, "a finite number, 0 or more"
/* Distortions of an image. Wider ranges leave nothing of it, or overflow. */
#define CROP_SIDE WHOLE, 1, 100000, "a whole number, 1 to 100000"
#define CROP_RATIO NUMBER, 0.01, 100, "a number, 0.01 to 100"
#define ANGLE NUMBER, -360, 360, "a number of degrees, -360 to 360"
#define FACTOR NUMBER, 0.01, 100, "a number, 0.01 to 100 (1: none)"
#define HUE NUMBER, -1, 1, "a number, -1 to 1"
#define BELOW_1 NUMBER, 0, 1 - FLT_EPSILON / 2, "a number from 0 to below 1"
#define ACTIVATIONS                                                                           \
    WORD, 0, 0,                                                                               \
        "linear, leaky, relu, logistic, tanh, elu, selu, relie, plse, hardtan, lhtan, ramp, " \
        "loggy, stair"
#define BY_LAYER TEXT, 0, 0, ""
#define END       \
    {             \
        NULL, ANY \
    }

/* Darknet reads these in every section but [net]. */
static const option_rule of_every_layer[] = {{"truth", ANY_WHOLE},
                                             {"onlyforward", SWITCH},
                                             {"stopbackward", SWITCH},
                                             {"dontsave", SWITCH},
                                             {"dontload", SWITCH},
                                             {"numload", NOT_NEGATIVE},
                                             {"dontloadscales", SWITCH},
                                             {"learning_rate", FROM_0},
                                             {"smooth", ANY},
                                             END};

static const option_rule of_net[] = {
    {"batch", COUNT},
    {"subdivisions", COUNT},
    {"time_steps", COUNT},
    {"inputs", COUNT},
    {"height", SIDE},
    {"width", SIDE},
    {"channels", SIDE},
    {"min_crop", CROP_SIDE},
    {"max_crop", CROP_SIDE},
    {"min_ratio", CROP_RATIO},
    {"max_ratio", CROP_RATIO},
    {"center", SWITCH},
    {"flip", SWITCH},
    {"angle", ANGLE},
    {"aspect", FACTOR},
    {"saturation", FACTOR},
    {"exposure", FACTOR},
    {"hue", HUE},
    {"learning_rate", ABOVE_0},
    {"momentum", BELOW_1},
    {"decay", FROM_0},
    {"clip", FROM_0},
    {"adam", SWITCH},
    {"B1", BELOW_1},
    {"B2", BELOW_1},
    {"eps", ABOVE_0},
    {"policy", WORD, 0, 0, "constant, step, exp, poly, steps, sigmoid, random"},
    {"burn_in", NOT_NEGATIVE},
    {"power", ANY},
    {"step", COUNT},
    {"steps", WHOLES, -INT_MAX, INT_MAX, "whole numbers between commas"},
    {"scale", FROM_0},
    {"scales", NUMBERS, 0, FLT_MAX, "numbers between commas"},
    {"gamma", FROM_0},
    {"max_batches", NOT_NEGATIVE},
    {"notruth", SWITCH},
    {"random", NOT_NEGATIVE},
    END};

static const option_rule of_convolutional[] = {{"filters", COUNT},
                                               {"size", COUNT},
                                               {"stride", COUNT},
                                               {"pad", NOT_NEGATIVE},
                                               {"padding", PADDING},
                                               {"groups", COUNT},
                                               {"batch_normalize", SWITCH},
                                               {"binary", SWITCH},
                                               {"xnor", SWITCH},
                                               {"flipped", SWITCH},
                                               {"dot", ANY},
                                               {"activation", ACTIVATIONS},
                                               END};

static const option_rule of_local[] = {{"filters", COUNT},          {"size", COUNT},
                                       {"stride", COUNT},           {"pad", PADDING},
                                       {"activation", ACTIVATIONS}, END};

static const option_rule of_connected[] = {{"output", COUNT},
                                           {"batch_normalize", SWITCH},
                                           {"activation", ACTIVATIONS},
                                           {"shortcut", SWITCH},
                                           {"tanh", SWITCH},
                                           END};

static const option_rule of_crnn[] = {{"output_filters", COUNT},   {"hidden_filters", COUNT},
                                      {"batch_normalize", SWITCH}, {"activation", ACTIVATIONS},
                                      {"shortcut", SWITCH},        END};

static const option_rule of_softmax[] = {
    {"groups", COUNT}, {"temperature", ABOVE_0}, {"spatial", SWITCH}, {"noloss", SWITCH}, END};

static const option_rule of_cost[] = {{"type", WORD, 0, 0, "sse, masked, seg, smooth, L1, wgan"},
                                      {"scale", ANY},
                                      {"ratio", ANY},
                                      {"noobj", ANY},
                                      {"thresh", ANY},
                                      END};

static const option_rule of_crop[] = {
    {"crop_height", COUNT}, {"crop_width", COUNT},  {"flip", SWITCH},
    {"angle", ANGLE},       {"saturation", FACTOR}, {"exposure", FACTOR},
    {"noadjust", SWITCH},   {"shift", ANY},         END};

static const option_rule of_reorg[] = {
    {"stride", COUNT}, {"reverse", SWITCH}, {"flatten", SWITCH}, {"extra", NOT_NEGATIVE}, END};

static const option_rule of_maxpool[] = {
    {"size", COUNT}, {"stride", COUNT}, {"padding", PADDING}, END};

static const option_rule of_dropout[] = {{"probability", BELOW_1}, END};

static const option_rule of_normalization[] = {
    {"size", COUNT}, {"alpha", ANY}, {"beta", ANY}, {"kappa", ANY}, END};

static const option_rule of_shortcut[] = {
    {"from", ANY_WHOLE}, {"activation", ACTIVATIONS}, {"alpha", ANY}, {"beta", ANY}, END};

static const option_rule of_route[] = {
    {"layers", WHOLES, -INT_MAX, INT_MAX, "whole numbers between commas"}, END};

static const option_rule of_upsample[] = {{"stride", ANY_WHOLE}, {"scale", ANY}, END};

static const option_rule of_activation[] = {{"activation", ACTIVATIONS}, END};

/* The layers of detectors: [detection], [region], [yolo] and [iseg]. */
static const option_rule of_detector[] = {
    {"classes", COUNT},
    {"coords", COUNT},
    {"num", COUNT},
    {"side", COUNT},
    {"ids", COUNT},
    {"max", COUNT},
    {"mask", WHOLES, 0, INT_MAX, "whole numbers between commas"},
    {"anchors", NUMBERS, -FLT_MAX, FLT_MAX, "numbers between commas"},
    {"jitter", ANY},
    {"ignore_thresh", ANY},
    {"truth_thresh", ANY},
    {"thresh", ANY},
    {"coord_scale", ANY},
    {"object_scale", ANY},
    {"noobject_scale", ANY},
    {"mask_scale", ANY},
    {"class_scale", ANY},
    {"random", ANY},
    {"rescore", ANY_WHOLE},
    {"softmax", ANY_WHOLE},
    {"sqrt", ANY_WHOLE},
    {"log", ANY_WHOLE},
    {"forced", ANY_WHOLE},
    {"reorg", ANY_WHOLE},
    {"background", ANY_WHOLE},
    {"classfix", ANY_WHOLE},
    {"absolute", ANY_WHOLE},
    {"bias_match", ANY_WHOLE},
    END};

static const option_rule of_smooth_topk[] = {{"k", BY_LAYER},
                                             {"weights", BY_LAYER},
                                             {"tau", BY_LAYER},
                                             {"alpha", BY_LAYER},
                                             {"scale", BY_LAYER},
                                             {"algorithm", BY_LAYER},
                                             {"temperature", BY_LAYER},
                                             {"output", BY_LAYER},
                                             {"hardest", BY_LAYER},
                                             {"label_smooth_eps", BY_LAYER},
                                             {"class_margins", BY_LAYER},
                                             {"class_weights", BY_LAYER},
                                             END};

static const option_rule of_topk_loss[] = {
    {"type", BY_LAYER},  {"k", BY_LAYER},           {"tau", BY_LAYER},     {"q", BY_LAYER},
    {"scale", BY_LAYER}, {"temperature", BY_LAYER}, {"hardest", BY_LAYER}, END};

static const option_rule of_compactness[] = {{"weight", BY_LAYER}, END};

static const option_rule nothing[] = {END};

static const option_rule *section_rules(const section *s, LAYER_TYPE type)
{
    switch (type) {
    case SMOOTH_TOPK: /* of both sections */
        return strcmp(s->type, "[topk_loss]") ? of_smooth_topk : of_topk_loss;
    case COMPACTNESS:
        return of_compactness;
    case NETWORK:
        return of_net;
    case CONVOLUTIONAL:
    case DECONVOLUTIONAL:
        return of_convolutional;
    case LOCAL:
        return of_local;
    case CONNECTED:
    case RNN:
    case GRU:
    case LSTM:
        return of_connected;
    case CRNN:
        return of_crnn;
    case SOFTMAX:
        return of_softmax;
    case COST:
        return of_cost;
    case CROP:
        return of_crop;
    case REORG:
        return of_reorg;
    case MAXPOOL:
        return of_maxpool;
    case DROPOUT:
        return of_dropout;
    case NORMALIZATION:
        return of_normalization;
    case SHORTCUT:
        return of_shortcut;
    case ROUTE:
        return of_route;
    case UPSAMPLE:
        return of_upsample;
    case ACTIVE:
        return of_activation;
    case DETECTION:
    case REGION:
    case YOLO:
    case ISEG:
        return of_detector;
    default:
        return nothing;
    }
}

static const option_rule *find_rule(const option_rule *rules, const char *name)
{
    for (; rules->name; ++rules)
        if (strcmp(rules->name, name) == 0) return rules;
    return NULL;
}

/* Darknet reads the text with atoi or atof, which take the beginning of anything for a number. */
static int check_number(const option_rule *rule, int whole, const char *text, const char *end)
{
    double value;
    size_t length = (size_t)(end - text);
    if (read_real(text, length, rule->least, rule->most, &value) != NUMBER_READ) return 0;
    return !whole || value == (double)strtol(text, NULL, 10); /* 16.0 is whole, 1e2 is 1 to atoi */
}

/* What follows a "#" or ";" is a comment. */
static int is_valid_value(const option_rule *rule, const char *text)
{
    const char *end = text + strcspn(text, "#;");
    if (rule->kind == TEXT) return 1;
    if (rule->kind == WORD) {
        const char *word = rule->must_be;
        size_t length = strlen(text);
        for (; word; word = strstr(word, ", ") ? strstr(word, ", ") + 2 : NULL)
            if (length == strcspn(word, ",") && strncmp(word, text, length) == 0) return 1;
        return 0;
    }
    int whole = rule->kind == WHOLE || rule->kind == WHOLES;
    if (rule->kind == WHOLE || rule->kind == NUMBER) return check_number(rule, whole, text, end);
    for (;; ++text) {
        const char *comma = memchr(text, ',', end - text);
        if (!check_number(rule, whole, text, comma ? comma : end)) return 0;
        if (!comma) return 1;
        text = comma;
    }
}

/* Options of other programs that have another name here. If they were ignored, layers would learn
   that the user wants frozen. */
static void refuse_foreign_word(char *filename, const section *s, const kvp *option)
{
    static const char *const words[] = {"frozen", "freeze", "trainable", "train", NULL};
    for (const char *const *word = words; *word; ++word)
        if (strcmp(option->key, *word) == 0)
            refuse_section(filename, s,
                           "%s=%s: no such option; to freeze this layer and all before it write "
                           "stopbackward=1, this layer alone learning_rate=0",
                           option->key, option->val);
}

/* An option that the layers of this project do not have is refused, not only named: a misspelt k or
   tau would train another loss. */
static void refuse_unknown(char *filename, const section *s, const kvp *option,
                           const option_rule *rules)
{
    char all[256] = "";
    for (int i = 0; rules[i].name; ++i) {
        if (i) strncat(all, rules[i + 1].name ? ", " : " and ", sizeof all - strlen(all) - 1);
        strncat(all, rules[i].name, sizeof all - strlen(all) - 1);
    }
    refuse_section(filename, s, "%s=%s: no such option; the layer's options are %s", option->key,
                   option->val, all);
}

static void refuse_twice(char *filename, const section *s, const node *place)
{
    const kvp *option = place->val;
    for (const node *n = place->next; n; n = n->next) {
        const kvp *other = n->val;
        if (strcmp(option->key, other->key) != 0) continue;
        refuse_section(filename, s, "%s: given twice (%s and %s)", option->key, option->val,
                       other->val);
    }
}

void check_options(char *filename, const section *s)
{
    LAYER_TYPE type = string_to_layer_type(s->type);
    const int is_own = type == SMOOTH_TOPK || type == COMPACTNESS;
    const option_rule *rules = section_rules(s, type);
    for (node *n = s->options->front; n; n = n->next) {
        const kvp *option = n->val;
        if (!*option->val && !is_own)
            refuse_section(filename, s, "%s: has no value; write %s=VALUE", option->key,
                           option->key);
        const option_rule *rule = find_rule(rules, option->key);
        if (!rule && type != NETWORK) rule = find_rule(of_every_layer, option->key);
        if (!rule) refuse_foreign_word(filename, s, option);
        if (!rule && is_own) refuse_unknown(filename, s, option, rules);
        if (is_own) refuse_twice(filename, s, n);
        if (rule && !is_valid_value(rule, option->val))
            refuse_section(filename, s, "%s=%s: out of range; must be %s%s", option->key,
                           option->val, rule->kind == WORD ? "one of " : "", rule->must_be);
    }
}

char *option_text(list *options, const char *name)
{
    for (node *n = options->front; n; n = n->next)
        if (strcmp(((kvp *)n->val)->key, name) == 0) return ((kvp *)n->val)->val;
    return NULL;
}

int option_whole(list *options, const char *name, int by_default)
{
    char *text = option_text(options, name);
    return text ? atoi(text) : by_default;
}

double option_real(list *options, const char *name, double by_default)
{
    char *text = option_text(options, name);
    return text ? atof(text) : by_default;
}

int count_numbers(const char *text)
{
    int count = 1;
    for (; *text; ++text) count += *text == ',';
    return count;
}
