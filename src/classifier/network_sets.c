/* Checks that a file of prediction sets was made for this network. */
#include "network_sets.h"

#include "digest.h"
#include "network.h"
#include "smooth_topk_layer.h"

#include <stdio.h>
#include <stdlib.h>

sets_origin origin_of_network(network *net, const char *cfgfile, const char *weightfile,
                              char **labels, int classes)
{
    if (net->hierarchy) {
        fprintf(stderr, "%s: prediction sets are not for networks with a tree of classes\n",
                cfgfile);
        exit(1);
    }
    sets_origin origin = {.weights = digest_file(weightfile),
                          .labels = digest_texts(labels, classes),
                          .classes = classes,
                          .width = net->w,
                          .height = net->h,
                          .channels = net->c,
                          .output = OUTPUT_OTHER};
    layer l = get_network_output_layer(net);
    const int is_membership = l.type == SMOOTH_TOPK && smooth_topk_puts_out_memberships(l);
    if (l.type == SMOOTH_TOPK || (l.type == SOFTMAX && l.groups == 1 && !l.spatial)) {
        origin.output = is_membership ? OUTPUT_MEMBERSHIP : OUTPUT_SOFTMAX;
        origin.temperature = (double)l.temperature;
    }
    return origin;
}

static void refuse(const char *fault)
{
    fprintf(stderr, "%s\n", fault);
    exit(1);
}

sets_file load_sets(const char *filename, const sets_origin *origin)
{
    sets_file file;
    char *fault = read_sets_file(filename, &file);
    if (fault) refuse(fault);
    const char *other = find_other_origin(&file.origin, origin);
    if (!other) return file;
    fprintf(stderr, "%s: these prediction sets are for %s; classifier calibrate makes new ones\n",
            filename, other);
    exit(1);
}

double temperature_factor(const sets_file *file)
{
    if (file->origin.output != OUTPUT_SOFTMAX || !(file->fitted_temperature > 0)) return 1;
    return file->fitted_temperature / file->origin.temperature;
}
