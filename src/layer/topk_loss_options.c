/* The options of a [topk_loss] section: names, ranges, the banner. */
#include "topk_loss_options.h"

#include "smooth_topk.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

static topk_loss_type type_option(const loss_section *section)
{
    const char *text = loss_option_text(section, "type");
    char all[256] = "";
    if (!text) return TOPK_LOSS_ENTROPY;
    for (int type = 0; type < TOPK_LOSS_TYPES; ++type) {
        const char *name = topk_loss_name((topk_loss_type)type);
        if (strcmp(text, name) == 0) return (topk_loss_type)type;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", type ? ", " : "", name);
    }
    refuse_loss_option(section->name, "type=%s: no such loss; must be one of %s", text, all);
}

static int has_k(topk_loss_type type)
{
    return type != TOPK_LOSS_L2SVM && type != TOPK_LOSS_GCE && type != TOPK_LOSS_MULTILABEL_HINGE &&
           type != TOPK_LOSS_MULTILABEL_ENTROPY;
}

static int has_tau(topk_loss_type type)
{
    return type == TOPK_LOSS_LML || type == TOPK_LOSS_LAPSUM;
}

static int k_option(const loss_section *section, topk_loss_type type, int classes)
{
    char range[100];
    const char *text = loss_option_text(section, "k"), *value = text ? text : "5";
    if (!has_k(type)) {
        if (text)
            refuse_loss_option(section->name, "k=%s: type=%s has no k; delete it", text,
                               topk_loss_name(type));
        return 1;
    }
    snprintf(range, sizeof range, "a whole number, 1 <= k < %d (the number of classes)", classes);
    if (strchr(value, ','))
        refuse_loss_option(section->name, "k=%s: must be one; several k are for [smooth_topk]",
                           value);
    int k = read_loss_whole_number(section, "k", value, value, range);
    if (k < 1 || k >= classes)
        refuse_loss_option(section->name, "k=%d: out of range; must be %s", k, range);
    return k;
}

static float tau_option(const loss_section *section, topk_loss_type type)
{
    static const char range[] = "a finite number, tau > 0";
    const char *text = loss_option_text(section, "tau");
    if (!text) return 1;
    if (!has_tau(type))
        refuse_loss_option(section->name,
                           "tau=%s: only type=lml and type=lapsum have a temperature; delete it",
                           text);
    float tau = (float)loss_number_option(section, "tau", 1, range);
    if (!(tau >= FLT_MIN))
        refuse_loss_option(section->name, "tau=%s: out of range; must be %s", text, range);
    return tau;
}

static float q_option(const loss_section *section, topk_loss_type type)
{
    static const char range[] = "a number, 0 < q <= 1";
    const char *text = loss_option_text(section, "q");
    if (!text) return 0.7f;
    if (type != TOPK_LOSS_GCE)
        refuse_loss_option(section->name, "q=%s: only type=gce has a q; delete it", text);
    float q = (float)loss_number_option(section, "q", 0.7, range);
    if (!(q >= FLT_MIN && q <= 1))
        refuse_loss_option(section->name, "q=%s: out of range; must be %s", text, range);
    return q;
}

topk_loss_options read_topk_loss_options(list *of_section, int classes)
{
    const loss_section section = {"topk_loss", of_section};
    topk_loss_options options = {{TOPK_LOSS_ENTROPY, 1, 1, 0}, 1, 1, {0, 0}};
    if (classes < 2)
        refuse_loss_option(section.name, "classes=%d: the layer below must give at least 2 scores",
                           classes);
    options.params.type = type_option(&section);
    options.params.k = k_option(&section, options.params.type, classes);
    options.params.tau = tau_option(&section, options.params.type);
    options.params.q = q_option(&section, options.params.type);
    options.scale = loss_scale_option(&section, 1);
    options.temperature = loss_temperature_option(&section, 1);
    options.hardest = loss_hardest_option(&section);
    return options;
}

void print_topk_loss_options(const topk_loss_options *options)
{
    fprintf(stderr, "%s  ", topk_loss_name(options->params.type));
    if (has_k(options->params.type)) fprintf(stderr, "k = %d  ", options->params.k);
    if (has_tau(options->params.type)) fprintf(stderr, "tau = %g  ", (double)options->params.tau);
    if (options->params.type == TOPK_LOSS_GCE)
        fprintf(stderr, "q = %g  ", (double)options->params.q);
    fprintf(stderr, "scale = %g", (double)options->scale);
    print_hardest_option(options->hardest);
}
