/* Convolutions as products with columns, shared out among threads in parts that do not depend on
   their number; those that Winograd's method covers go there. */
#include "convolution.h"

#include "columns.h"
#include "cpu_settings.h"
#include "cpu_threads.h"
#include "integers.h"
#include "panels.h"

#include <string.h>

/* The columns of a strip, some rows of outputs of one image, are about this many bytes and outputs
 * at least. */
#define STRIP_BYTES 1e6
#define LEAST_STRIP 64
/* The gradient with respect to the weights needs the columns of a chunk of strips at once. */
#define CHUNK_BYTES 4e6
/* Tasks of it are blocks of columns, packed once and multiplied with all filters; where these are
   fewer than TASKS for each thread, with fewer filters, a multiple of LEAST_FILTERS. A block of
   input channels is a task of the gradient with respect to the input. */
#define COLUMN_BLOCK 48
#define TASKS 4
#define LEAST_FILTERS 32
#define CHANNEL_BLOCK 16
/* Where there is one such block, of all filters, the strips are divided instead, among tasks that
   each have sums of their own. */
#define PARTS 8

typedef struct {
    const convolution_shape *shape;
    column_shape columns;   /* of one group */
    int rows;               /* of a matrix of columns: a filter's weights */
    int filters, channels;  /* of a group */
    int direct;             /* the image is its own columns */
    int strip_rows, strips; /* output rows of a strip; strips of an image and group */
    int chunk;              /* strips whose columns are kept at once */
    ptrdiff_t strip_size, image_size, out_size, in_plane, out_plane;
    float *scratch, *sums;
    const float *weights, *input, *delta;
    float *output, *weight_updates, *input_delta;
    int overwrite;    /* input_delta is written, not added to */
    int first, last;  /* strips of this chunk */
    int filter_block; /* filters of a block */
    int filter_blocks, column_blocks, channel_blocks, parts;
} column_plan;

static int blocks(int all, int block)
{
    return (all + block - 1) / block;
}

static column_plan make_plan(const convolution_shape *s)
{
    column_plan p = {.shape = s};
    p.channels = s->channels / s->groups;
    p.filters = s->filters / s->groups;
    p.columns = (column_shape){p.channels, s->height, s->width,      s->size,
                               s->stride,  s->pad,    s->out_height, s->out_width};
    p.rows = p.channels * s->size * s->size;
    p.direct = s->size == 1 && s->stride == 1 && s->pad == 0;
    p.in_plane = (ptrdiff_t)s->height * s->width;
    p.out_plane = (ptrdiff_t)s->out_height * s->out_width;
    p.image_size = p.channels * p.in_plane;
    p.out_size = p.filters * p.out_plane;
    double row_bytes = (double)sizeof(float) * p.rows * s->out_width;
    int wanted = max_int(blocks(LEAST_STRIP, s->out_width), (int)(STRIP_BYTES / row_bytes));
    p.strip_rows = blocks(s->out_height, blocks(s->out_height, min_int(wanted, s->out_height)));
    p.strips = blocks(s->out_height, p.strip_rows);
    p.strip_size = (ptrdiff_t)p.rows * p.strip_rows * s->out_width;
    p.chunk = max_int(1, (int)(CHUNK_BYTES / sizeof(float) / p.strip_size / s->groups));
    p.chunk = min_int(p.chunk, p.strips * s->batch);
    p.column_blocks = blocks(p.rows, COLUMN_BLOCK);
    p.parts = p.column_blocks * s->groups == 1 && !p.direct ? PARTS : 1;
    int wanted_tasks = cpu.threads > 1 && p.parts == 1 ? TASKS * cpu.threads : 1;
    int filter_blocks = blocks(wanted_tasks, p.column_blocks * s->groups);
    p.filter_block = blocks(blocks(p.filters, filter_blocks), LEAST_FILTERS) * LEAST_FILTERS;
    p.filter_blocks = blocks(p.filters, p.filter_block);
    p.channel_blocks = blocks(p.channels, CHANNEL_BLOCK);
    return p;
}

/* A strip: output rows [first, end) of one image and group. */
typedef struct {
    int group, first, end, outputs;
    const float *image;
    ptrdiff_t out; /* where its outputs are in output or delta */
} strip;

/* Number n of the strips of a group (group >= 0), or of all. */
static strip find_strip(const column_plan *p, int n, int group)
{
    strip s;
    int index = n / p->strips;
    if (group < 0)
        s.group = index % p->shape->groups;
    else {
        s.group = group;
        index = index * p->shape->groups + group;
    }
    s.first = n % p->strips * p->strip_rows;
    s.end = min_int(s.first + p->strip_rows, p->shape->out_height);
    s.outputs = (s.end - s.first) * p->shape->out_width;
    s.image = p->input + index * p->image_size;
    s.out = index * p->out_size + (ptrdiff_t)s.first * p->shape->out_width;
    return s;
}

static const float *group_weights(const column_plan *p, int group)
{
    return p->weights + (ptrdiff_t)group * p->filters * p->rows;
}

/* NULL where there are none: products take the image itself. */
static float *columns_of_slot(const column_plan *p, int slot)
{
    return p->scratch ? p->scratch + slot * p->strip_size : NULL;
}

static void strip_forward(void *plan, int task, int slot)
{
    column_plan *p = plan;
    strip s = find_strip(p, task, -1);
    float *columns = columns_of_slot(p, slot);
    const float *b = columns;
    int ldb = s.outputs;
    if (p->direct) {
        b = s.image + (ptrdiff_t)s.first * p->shape->out_width;
        ldb = p->out_plane;
    } else
        columns_of_image(&p->columns, s.image, s.first, s.end, columns);
    multiply(0, 0, p->filters, s.outputs, p->rows, group_weights(p, s.group), p->rows, b, ldb, 0,
             p->output + s.out, p->out_plane);
}

static void make_columns(void *plan, int task, int slot)
{
    column_plan *p = plan;
    int n = p->last - p->first;
    strip s = find_strip(p, p->first + task % n, task / n);
    (void)slot;
    columns_of_image(&p->columns, s.image, s.first, s.end, p->scratch + task * p->strip_size);
}

/* A block of the gradient with respect to the weights of a group, from the strips of this chunk, or
   from a part of them. */
static void multiply_weight_gradient(void *plan, int task, int slot)
{
    column_plan *p = plan;
    int part = task % p->parts;
    task /= p->parts;
    int f = task % p->filter_blocks * p->filter_block,
        c = task / p->filter_blocks % p->column_blocks * COLUMN_BLOCK;
    int group = task / p->filter_blocks / p->column_blocks, n = p->last - p->first;
    float *updates =
        p->parts > 1 ? p->sums + (ptrdiff_t)part * p->filters * p->rows : p->weight_updates;
    float *target = updates + ((ptrdiff_t)group * p->filters + f) * p->rows + c;
    (void)slot;
    for (int i = n * part / p->parts; i < n * (part + 1) / p->parts; ++i) {
        strip s = find_strip(p, p->first + i, group);
        const float *columns =
            p->direct ? s.image + (ptrdiff_t)s.first * p->shape->out_width + c * p->out_plane
                      : p->scratch + ((ptrdiff_t)group * n + i) * p->strip_size +
                            (ptrdiff_t)c * s.outputs;
        multiply(0, 1, min_int(p->filter_block, p->filters - f), min_int(COLUMN_BLOCK, p->rows - c),
                 s.outputs, p->delta + s.out + f * p->out_plane, p->out_plane, columns,
                 p->direct ? p->out_plane : s.outputs, 1, target, p->rows);
    }
}

/* The gradient with respect to some channels of one image: their rows of weights' x delta, added
 * where they came from. */
static void channels_input_gradient(void *plan, int task, int slot)
{
    column_plan *p = plan;
    int c = task % p->channel_blocks * CHANNEL_BLOCK, index = task / p->channel_blocks;
    int window = p->shape->size * p->shape->size;
    column_shape some = p->columns;
    some.channels = min_int(CHANNEL_BLOCK, p->channels - c);
    float *target = p->input_delta + index * p->image_size + c * p->in_plane;
    float *columns = columns_of_slot(p, slot);
    if (p->overwrite) memset(target, 0, some.channels * p->in_plane * sizeof(float));
    for (int i = 0; i < p->strips; ++i) {
        strip s = find_strip(p, index * p->strips + i, -1);
        multiply(1, 0, some.channels * window, s.outputs, p->filters,
                 group_weights(p, s.group) + c * window, p->rows, p->delta + s.out, p->out_plane, 0,
                 columns, s.outputs);
        add_columns_to_image(&some, columns, s.first, s.end, target);
    }
}

static void strip_input_gradient(void *plan, int task, int slot)
{
    column_plan *p = plan;
    strip s = find_strip(p, task, -1);
    (void)slot;
    multiply(1, 0, p->rows, s.outputs, p->filters, group_weights(p, s.group), p->rows,
             p->delta + s.out, p->out_plane, !p->overwrite,
             p->input_delta + (s.image - p->input) + (ptrdiff_t)s.first * p->shape->out_width,
             p->out_plane);
}

/* The sums of the parts, in the order of these. */
static void add_parts(const column_plan *p)
{
    ptrdiff_t size = (ptrdiff_t)p->filters * p->rows;
    for (int part = 0; part < p->parts; ++part)
        for (ptrdiff_t i = 0; i < size; ++i) p->weight_updates[i] += p->sums[part * size + i];
}

/* Floats of columns that are kept at once. */
static size_t columns_size(const column_plan *p)
{
    size_t kept = (size_t)p->chunk * p->shape->groups;
    return (kept > (size_t)cpu.threads ? kept : (size_t)cpu.threads) * p->strip_size;
}

size_t convolution_workspace(const convolution_shape *shape)
{
    column_plan p = make_plan(shape);
    if (winograd_fits(shape)) return winograd_workspace(shape);
    if (p.direct) return 0;
    return columns_size(&p) + (p.parts > 1 ? (size_t)p.parts * p.filters * p.rows : 0);
}

void convolution_forward(const convolution_shape *shape, const float *weights, const float *input,
                         float *output, float *workspace)
{
    if (winograd_fits(shape)) {
        winograd_forward(shape, weights, input, output, workspace);
        return;
    }
    column_plan p = make_plan(shape);
    p.scratch = workspace;
    p.weights = weights;
    p.input = input;
    p.output = output;
    parallel_for(shape->batch * shape->groups * p.strips, strip_forward, &p);
}

void convolution_backward(const convolution_shape *shape, const float *weights, const float *input,
                          const float *delta, float *weight_updates, float *input_delta,
                          int overwrite, float *workspace)
{
    if (winograd_fits(shape)) {
        winograd_backward(shape, weights, input, delta, weight_updates, input_delta, overwrite,
                          workspace);
        return;
    }
    column_plan p = make_plan(shape);
    int all = shape->batch * p.strips;
    p.scratch = workspace;
    p.weights = weights;
    p.input = input;
    p.delta = delta;
    p.weight_updates = weight_updates;
    p.input_delta = input_delta;
    p.overwrite = overwrite;
    if (p.direct) p.chunk = all;
    if (p.parts > 1) {
        p.sums = workspace + columns_size(&p);
        memset(p.sums, 0, sizeof(float) * p.parts * p.filters * p.rows);
    }
    for (p.first = 0; p.first < all; p.first = p.last) {
        p.last = min_int(all, p.first + p.chunk);
        if (!p.direct) parallel_for((p.last - p.first) * shape->groups, make_columns, &p);
        parallel_for(shape->groups * p.column_blocks * p.filter_blocks * p.parts,
                     multiply_weight_gradient, &p);
    }
    if (p.parts > 1) add_parts(&p);
    if (input_delta && p.direct)
        parallel_for(shape->batch * shape->groups * p.strips, strip_input_gradient, &p);
    else if (input_delta)
        parallel_for(shape->batch * shape->groups * p.channel_blocks, channels_input_gradient, &p);
}
