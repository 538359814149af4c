/* Which layers a weights file holds, and what is loaded of them. */
#include "weights_layout.h"

#include "convolutional_layer.h"
#include "connected_layer.h"
#include "layer_weights.h"
#include "network.h"

/* Darknet's parser. */
void transpose_matrix(float *a, int rows, int columns);

static int has_filters(const layer *l)
{
    return l->type == CONVOLUTIONAL || l->type == DECONVOLUTIONAL;
}

static int loads_some_filters(const layer *l)
{
    return has_filters(l) && l->numload && l->numload < l->n && !l->flipped;
}

static int leaves_scales(const layer *l)
{
    return (has_filters(l) || l->type == CONNECTED) && l->batch_normalize && l->dontloadscales;
}

int has_loading_options(const network *net)
{
    for (int i = 0; i < net->n; ++i) {
        const layer *l = net->layers + i;
        if (count_weights(*l) && (l->dontload || loads_some_filters(l) || leaves_scales(l)))
            return 1;
    }
    return 0;
}

/* The layer with the options that upstream's reader shall see. */
static layer with_options(layer l, int parts)
{
    if (!parts || !loads_some_filters(&l)) l.numload = 0;
    if (!parts || !leaves_scales(&l)) l.dontloadscales = 0;
    l.dontload = 0;
    return l;
}

static size_t count_in_file(layer l, weights_layout layout)
{
    if (l.dontsave && layout == AS_SAVED) return 0;
    return count_weights(with_options(l, layout == PARTS));
}

static loading_plan compare_size(const network *net, size_t header, size_t size, int start,
                                 int cutoff, weights_layout layout, int heeded)
{
    loading_plan p = {.layout = layout,
                      .heeded = heeded,
                      .last = -1,
                      .need = header,
                      .least = header,
                      .whole = header,
                      .missing = -1,
                      .unsaved = -1,
                      .may_be_longer = start > 0 || cutoff < net->n};
    for (int i = start; i < net->n && i < cutoff; ++i) {
        layer l = net->layers[i];
        size_t bytes = count_in_file(l, layout) * sizeof(float);
        if (l.dontsave && layout == AS_SAVED && p.unsaved < 0 && count_weights(with_options(l, 0)))
            p.unsaved = i;
        if (p.missing < 0 && p.need + bytes > size) p.missing = i;
        if (p.missing < 0) p.whole += bytes;
        p.need += bytes;
        if (!bytes || (heeded && l.dontload)) continue;
        p.last = i;
        p.least = p.need;
    }
    return p;
}

int is_whole_file(const loading_plan *p, size_t size)
{
    return size == p->need || (size > p->need && p->may_be_longer) ||
           (p->least < p->need && size >= p->least);
}

int is_part(const loading_plan *p, size_t header, size_t size)
{
    return size == p->whole && p->whole != header;
}

loading_plan plan_loading(const network *net, size_t header, size_t size, int start, int cutoff,
                          int heeded)
{
    loading_plan plans[3] = {{0}};
    int count = heeded ? 3 : 2;
    for (int i = 0; i < count; ++i)
        plans[i] = compare_size(net, header, size, start, cutoff, (weights_layout)i, heeded);
    for (int i = 0; i < count; ++i)
        if (plans[i].need == size) return plans[i];
    for (int i = 0; i < count; ++i)
        if (is_whole_file(plans + i, size) || is_part(plans + i, header, size)) return plans[i];
    return plans[AS_SAVED];
}

/* Reads `wanted` of the `count` numbers that come next into `values` and passes over the rest. */
static void read_some(float *values, size_t wanted, size_t count, FILE *file)
{
    float number;
    if (wanted && fread(values, sizeof *values, wanted, file) != wanted) return;
    for (; wanted < count && fread(&number, sizeof number, 1, file) == 1; ++wanted)
        ;
}

static void read_scales(const layer *l, size_t wanted, size_t count, FILE *file)
{
    float *const arrays[] = {l->scales, l->rolling_mean, l->rolling_variance};
    for (int i = 0; i < 3 && l->batch_normalize; ++i)
        read_some(arrays[i], l->dontloadscales ? 0 : wanted, count, file);
}

/* A layer that is in the file whole and is wanted in part. */
static void read_part(const layer *l, FILE *file, int transposed)
{
    if (l->type == CONNECTED) {
        size_t outputs = (size_t)l->outputs, count = outputs * (size_t)l->inputs;
        read_some(l->biases, outputs, outputs, file);
        read_some(l->weights, count, count, file);
        if (transposed) transpose_matrix(l->weights, l->inputs, l->outputs);
        read_scales(l, outputs, outputs, file);
    } else {
        size_t filters = (size_t)l->n, wanted = filters;
        if (loads_some_filters(l)) wanted = (size_t)l->numload;
        size_t size = (size_t)(l->c / (l->groups ? l->groups : 1) * l->size * l->size);
        read_some(l->biases, wanted, filters, file);
        read_scales(l, wanted, filters, file);
        read_some(l->weights, wanted * size, filters * size, file);
    }
#ifdef GPU
    if (gpu_index >= 0 && l->type == CONNECTED) push_connected_layer(*l);
    if (gpu_index >= 0 && l->type != CONNECTED) push_convolutional_layer(*l);
#endif
}

int begin_loading_layer(const loading_plan *p, int i, layer *l, FILE *file, int transposed)
{
    layer given = *l;
    size_t count = count_in_file(given, p->layout);
    *l = with_options(given, p->layout == PARTS);
    if (!count || (p->heeded && i > p->last)) return 0;
    if (p->heeded && given.dontload) {
        read_some(NULL, 0, count, file);
        return 0;
    }
    if (!p->heeded || p->layout == PARTS || !(loads_some_filters(&given) || leaves_scales(&given)))
        return 1;
    read_part(&given, file, transposed);
    return 0;
}

void tell_initial_layers(const loading_plan *p, const network *net, const char *beginning,
                         int start, int cutoff)
{
    int told = 0;
    for (int i = start; i < net->n && i < cutoff; ++i) {
        layer l = net->layers[i];
        if (!count_weights(with_options(l, 0))) continue;
        int missing = p->missing >= 0 && i >= p->missing;
        int unsaved = l.dontsave && p->layout == AS_SAVED;
        int skipped = p->heeded && l.dontload;
        int some = p->heeded && loads_some_filters(&l), scales = p->heeded && leaves_scales(&l);
        if (!(missing || unsaved || skipped || some || scales)) continue;
        if (!told++) fprintf(stderr, "%s these layers keep their initial values:", beginning);
        fprintf(stderr, " %d (%s", i, get_layer_string(l.type));
        if (unsaved)
            fprintf(stderr, ", dontsave=1");
        else if (skipped)
            fprintf(stderr, ", dontload=1");
        else if (!missing && some)
            fprintf(stderr, ", all but numload=%d filters", l.numload);
        else if (!missing && scales)
            fprintf(stderr, ", dontloadscales=1");
        fprintf(stderr, ")");
    }
    if (told) fprintf(stderr, "\n");
}

void tell_unsaved_layers(const network *net)
{
    for (int i = 0; i < net->n; ++i)
        if (net->layers[i].dontsave && count_weights(with_options(net->layers[i], 0)))
            fprintf(stderr,
                    "Layer %d (%s) has dontsave=1: no weights file of this run will hold it, and "
                    "valid and predict need it\n",
                    i, get_layer_string(net->layers[i].type));
}
