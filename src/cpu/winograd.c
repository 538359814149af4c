/* 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): 36 products a tile of 16 outputs, where
   columns take 144. The transforms are in winograd_kernels.h; here are the tiles, the 36 matrix
   products, and their way through the threads. */
#include "convolution.h"
#include "cpu_settings.h"
#include "cpu_threads.h"
#include "integers.h"
#include "panels.h"

#include <stdint.h>
#include <string.h>

/* Tiles are worked on in chunks whose 36 matrices are about this large, in bytes: near the size of
   a cache, and long enough for a matrix product. */
#define CHUNK_BYTES 4e6
#define LEAST_TILES 128
/* Rows of tiles that one task transforms: a band. */
#define BAND_TILES 64
#define LEAST_CHANNELS 8
#define MOST_LANES 16
/* Where U is larger, and all tiles are one chunk, tasks are panels of U: a panel is transformed and
   multiplied while it is in the cache, and U as a whole is nowhere. */
#define BY_PANELS_BYTES 4e6
/* Channels of the filters that one task transforms. */
#define TASK_CHANNELS 64

/* Some rows of tiles of one image, and the rows of input and output that they cover. */
typedef struct {
    int tile_rows, tile_columns;
    int pad, in_first, in_rows, in_top, width; /* in_top: of the first, in the tiles' own rows */
    int out_first, out_rows, out_width;
    ptrdiff_t plane, out_plane;
    int first_tile; /* in the chunk */
} winograd_band;

/* A block of filters, at most a vector's lanes, and their channels [first, end). */
typedef struct {
    const float *weights; /* of the block's first filter */
    int block, channels, first, end;
} winograd_filters;

typedef struct {
    int lanes;
    void (*input_tiles)(const winograd_band *band, const float *image, int block,
                        const panel_layout *panels, float *matrices, ptrdiff_t apart,
                        float *scratch);
    void (*add_input_gradient)(const winograd_band *band, const float *matrices, ptrdiff_t apart,
                               const panel_layout *panels, int block, int filled, float *image,
                               float *scratch);
    void (*delta_tiles)(const winograd_band *band, const float *delta, int block,
                        const panel_layout *panels, float *matrices, ptrdiff_t apart,
                        float *scratch);
    void (*output_tiles)(const winograd_band *band, const float *matrices, ptrdiff_t apart,
                         const panel_layout *panels, int block, float *output, float *scratch);
    void (*filters)(const winograd_filters *f, int width, float *matrices, ptrdiff_t apart);
    void (*filters_turned)(const winograd_filters *f, int width, ptrdiff_t panel, float *matrices,
                           ptrdiff_t apart);
    void (*add_filter_gradients)(const winograd_filters *f, int width, const float *matrices,
                                 ptrdiff_t apart, float *gradient);
} winograd_kernels;

#define LOOPS_FILE "winograd_kernels.h"
#include "each_instruction_set.h"

/* How a convolution is divided. Tiles are numbered through the whole batch; a chunk is some bands
 * in a row. */
typedef struct {
    const convolution_shape *shape;
    const winograd_kernels *kernels;
    int tile_rows, tile_columns, tiles;        /* of an image */
    int band_rows, bands;                      /* rows of tiles of a band; bands of an image */
    int chunk_bands, chunk_tiles;              /* at most */
    panel_layout in, out;                      /* of channels, of filters */
    int channels, filters;                     /* with those that fill the last panel */
    int by_panels;                             /* few tiles and many filters: see BY_PANELS_BYTES */
    ptrdiff_t in_size, out_size, scratch_size; /* floats from matrix to matrix of tiles */
    /* Floats from matrix to matrix of a panel of U: of filters, or turned, of channels. */
    ptrdiff_t filter_piece, channel_piece;
    float *u, *filter_gradients, *inputs, *outputs, *scratch; /* in the workspace */
    const float *weights, *input, *delta;
    float *output, *weight_updates, *input_delta;
    int overwrite;                          /* input_delta is written, not added to */
    int first, last, first_tile, chunk_now; /* the bands of this chunk, its tiles */
} winograd_plan;

int winograd_fits(const convolution_shape *s)
{
    return cpu.winograd && s->size == 3 && s->stride == 1 && s->pad <= 2 && s->groups == 1 &&
           s->channels >= LEAST_CHANNELS && s->filters >= LEAST_CHANNELS && s->out_height > 2 &&
           s->out_width > 2;
}

static winograd_plan make_plan(const convolution_shape *s)
{
    winograd_plan p = {.shape = s, .kernels = SIMD_CHOOSE(loops, cpu.instructions)};
    p.tile_rows = (s->out_height + 3) / 4;
    p.tile_columns = (s->out_width + 3) / 4;
    p.tiles = p.tile_rows * p.tile_columns;
    p.band_rows = min_int(p.tile_rows, max_int(1, BAND_TILES / p.tile_columns));
    p.bands = (p.tile_rows + p.band_rows - 1) / p.band_rows;
    int band_tiles = p.band_rows * p.tile_columns;
    double bytes = 36. * sizeof(float) * band_tiles * (s->channels + s->filters);
    p.chunk_bands =
        max_int((LEAST_TILES + band_tiles - 1) / band_tiles, (int)(CHUNK_BYTES / bytes));
    p.chunk_bands = min_int(p.chunk_bands, p.bands * s->batch);
    p.chunk_tiles = p.chunk_bands * band_tiles;
    p.in = choose_layout(s->channels, p.kernels->lanes);
    p.out = choose_layout(s->filters, p.kernels->lanes);
    p.channels = p.in.width * p.in.count;
    p.filters = p.out.width * p.out.count;
    p.filter_piece = (ptrdiff_t)p.channels * p.out.width + 16;
    p.channel_piece = (ptrdiff_t)p.filters * p.in.width + 16;
    p.by_panels = p.chunk_bands == p.bands * s->batch &&
                  36. * sizeof(float) * p.channels * p.filters > BY_PANELS_BYTES;
    p.in_size = panels_size(&p.in, p.chunk_tiles);
    p.out_size = panels_size(&p.out, p.chunk_tiles);
    p.scratch_size = (ptrdiff_t)(4 * p.band_rows + 2) * (4 * p.tile_columns + 2) * MOST_LANES;
    return p;
}

/* Floats of U, and as many of the gradient with respect to it. */
static ptrdiff_t size_of_u(const winograd_plan *p)
{
    ptrdiff_t by_filters = p->filter_piece * (p->by_panels ? cpu.threads : p->out.count);
    ptrdiff_t by_channels = p->channel_piece * (p->by_panels ? cpu.threads : p->in.count);
    return 36 * (by_filters > by_channels ? by_filters : by_channels);
}

size_t winograd_workspace(const convolution_shape *s)
{
    winograd_plan p = make_plan(s);
    return 2 * size_of_u(&p) + 36 * (p.in_size + p.out_size) + cpu.threads * p.scratch_size +
           4 * MOST_LANES;
}

static float *aligned(float *p)
{
    return (float *)(((uintptr_t)p + 63) / 64 * 64);
}

static void lay_out(winograd_plan *p, float *workspace)
{
    p->scratch = aligned(workspace);
    p->u = aligned(p->scratch + cpu.threads * p->scratch_size);
    p->filter_gradients = aligned(p->u + size_of_u(p));
    p->inputs = aligned(p->filter_gradients + size_of_u(p));
    p->outputs = aligned(p->inputs + 36 * p->in_size);
}

static int tile_of_band(const winograd_plan *p, int band)
{
    return band / p->bands * p->tiles + band % p->bands * p->band_rows * p->tile_columns;
}

/* Returns the image that the band is of. */
static int find_band(const winograd_plan *p, int number, winograd_band *band)
{
    const convolution_shape *s = p->shape;
    int row = number % p->bands * p->band_rows;
    band->tile_rows = min_int(p->band_rows, p->tile_rows - row);
    band->tile_columns = p->tile_columns;
    band->pad = s->pad;
    band->in_first = max_int(0, 4 * row - s->pad);
    band->in_top = band->in_first - (4 * row - s->pad);
    band->in_rows =
        max_int(0, min_int(s->height, 4 * (row + band->tile_rows) + 2 - s->pad) - band->in_first);
    band->width = s->width;
    band->plane = (ptrdiff_t)s->height * s->width;
    band->out_first = 4 * row;
    band->out_rows = min_int(s->out_height - 4 * row, 4 * band->tile_rows);
    band->out_width = s->out_width;
    band->out_plane = (ptrdiff_t)s->out_height * s->out_width;
    band->first_tile = tile_of_band(p, number) - p->first_tile;
    return number / p->bands;
}

static int block_count(const winograd_plan *p, int channels)
{
    return (channels + p->kernels->lanes - 1) / p->kernels->lanes;
}

/* Takes the bands one after the other, a chunk at a time. Returns 0 at the end. */
static int next_chunk(winograd_plan *p)
{
    int all = p->bands * p->shape->batch;
    p->first = p->last;
    if (p->first >= all) return 0;
    p->last = min_int(all, p->first + p->chunk_bands);
    p->first_tile = tile_of_band(p, p->first);
    p->chunk_now = tile_of_band(p, p->last) - p->first_tile;
    return 1;
}

static int filter_tasks(const winograd_plan *p)
{
    return block_count(p, p->filters) * ((p->channels + TASK_CHANNELS - 1) / TASK_CHANNELS);
}

/* The block that begins with a filter, all channels. One that only fills the last panel is empty.
 */
static winograd_filters block_of_filters(const winograd_plan *p, int filter)
{
    winograd_filters f = {.channels = p->shape->channels, .end = p->channels};
    f.block = max_int(0, min_int(p->shape->filters - filter, p->kernels->lanes));
    f.weights = p->weights + (f.block ? (ptrdiff_t)filter * f.channels * 9 : 0);
    return f;
}

/* Returns the first filter of a task. */
static int filters_of_task(const winograd_plan *p, int task, winograd_filters *f)
{
    int blocks = block_count(p, p->filters), filter = task % blocks * p->kernels->lanes;
    *f = block_of_filters(p, filter);
    f->first = task / blocks * TASK_CHANNELS;
    f->end = min_int(p->channels, f->first + TASK_CHANNELS);
    return filter;
}

/* The first matrix of a panel of U: in its place, or the slot's own where tasks are panels. */
static float *panel_of_u(const winograd_plan *p, float *u, int panel, ptrdiff_t piece, int slot)
{
    return u + 36 * piece * (p->by_panels ? slot : panel);
}

static void transform_filters(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_filters f;
    int filter = filters_of_task(p, task, &f), width = p->out.width;
    float *u = panel_of_u(p, p->u, filter / width, p->filter_piece, slot);
    p->kernels->filters(&f, width, u + filter % width, p->filter_piece);
}

static void transform_filters_turned(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_filters f;
    int filter = filters_of_task(p, task, &f), width = p->in.width;
    (void)slot;
    p->kernels->filters_turned(&f, width, 36 * p->channel_piece, p->u + (ptrdiff_t)filter * width,
                               p->channel_piece);
}

static void transform_input(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_band band;
    int channels = p->shape->channels, blocks = block_count(p, p->channels);
    int c = task % blocks * p->kernels->lanes,
        image = find_band(p, p->first + task / blocks, &band);
    int block = max_int(0, min_int(channels - c, p->kernels->lanes));
    const float *planes = p->input + ((ptrdiff_t)image * channels + (block ? c : 0)) * band.plane;
    p->kernels->input_tiles(&band, planes, block, &p->in, p->inputs + place_of_channel(&p->in, c),
                            p->in_size, p->scratch + slot * p->scratch_size);
}

/* Tiles of block number t of the chunk. */
static int tiles_of_block(const winograd_plan *p, int t)
{
    return min_int(PANEL_TILES, p->chunk_now - t * PANEL_TILES);
}

/* A matrix of tiles, laid out as `given`, times a panel of U becomes a panel of `wanted`. */
static void multiply_tiles(const winograd_plan *p, const panel_layout *given, const float *tiles,
                           const float *u, const panel_layout *wanted, float *target)
{
    panel_product product = {.panels = given->count, .a_step = 1, .a_panel = given->panel};
    product.width = product.c_row = wanted->width;
    product.depth = product.a_row = given->width;
    for (int t = 0; t * PANEL_TILES < p->chunk_now; ++t) {
        product.rows = tiles_of_block(p, t);
        multiply_panel(&product, tiles + t * given->block, u, target + t * wanted->block);
    }
}

static void multiply_forward(void *plan, int i, int slot)
{
    winograd_plan *p = plan;
    for (int panel = 0; panel < p->out.count; ++panel)
        multiply_tiles(p, &p->in, p->inputs + i * p->in_size,
                       panel_of_u(p, p->u, panel, p->filter_piece, slot) + i * p->filter_piece,
                       &p->out, p->outputs + i * p->out_size + panel * p->out.panel);
}

/* A panel's filters: transformed, and all tiles multiplied with them. */
static void forward_panel(void *plan, int panel, int slot)
{
    winograd_plan *p = plan;
    float *u = panel_of_u(p, p->u, panel, p->filter_piece, slot);
    for (int lane = 0; lane < p->out.width; lane += p->kernels->lanes) {
        winograd_filters f = block_of_filters(p, panel * p->out.width + lane);
        p->kernels->filters(&f, p->out.width, u + lane, p->filter_piece);
    }
    for (int i = 0; i < 36; ++i)
        multiply_tiles(p, &p->in, p->inputs + i * p->in_size, u + i * p->filter_piece, &p->out,
                       p->outputs + i * p->out_size + panel * p->out.panel);
}

static void transform_output(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_band band;
    int filters = p->shape->filters, blocks = block_count(p, filters);
    int f = task % blocks * p->kernels->lanes,
        image = find_band(p, p->first + task / blocks, &band);
    p->kernels->output_tiles(&band, p->outputs + place_of_channel(&p->out, f), p->out_size, &p->out,
                             min_int(filters - f, p->kernels->lanes),
                             p->output + ((ptrdiff_t)image * filters + f) * band.out_plane,
                             p->scratch + slot * p->scratch_size);
}

void winograd_forward(const convolution_shape *shape, const float *weights, const float *input,
                      float *output, float *workspace)
{
    winograd_plan p = make_plan(shape);
    lay_out(&p, workspace);
    p.weights = weights;
    p.input = input;
    p.output = output;
    if (!p.by_panels) parallel_for(filter_tasks(&p), transform_filters, &p);
    while (next_chunk(&p)) {
        int bands = p.last - p.first;
        parallel_for(bands * block_count(&p, p.channels), transform_input, &p);
        if (p.by_panels)
            parallel_for(p.out.count, forward_panel, &p);
        else
            parallel_for(36, multiply_forward, &p);
        parallel_for(bands * block_count(&p, shape->filters), transform_output, &p);
    }
}

static void transform_delta(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_band band;
    int filters = p->shape->filters, blocks = block_count(p, p->filters);
    int inputs = (p->last - p->first) * block_count(p, p->channels);
    if (task < inputs) {
        transform_input(p, task, slot);
        return;
    }
    task -= inputs;
    int f = task % blocks * p->kernels->lanes,
        image = find_band(p, p->first + task / blocks, &band);
    int block = max_int(0, min_int(filters - f, p->kernels->lanes));
    const float *planes =
        p->delta + ((ptrdiff_t)image * filters + (block ? f : 0)) * band.out_plane;
    p->kernels->delta_tiles(&band, planes, block, &p->out,
                            p->outputs + place_of_channel(&p->out, f), p->out_size,
                            p->scratch + slot * p->scratch_size);
}

/* A panel of the gradient with respect to U, of matrix i. */
static void multiply_filter_gradient(const winograd_plan *p, int i, int panel, float *gradient)
{
    const float *v = p->inputs + i * p->in_size;
    const float *z = p->outputs + i * p->out_size + panel * p->out.panel;
    panel_product product = {.rows = p->in.width, .panels = 1, .a_row = 1};
    product.width = product.c_row = p->out.width;
    product.a_step = p->in.width;
    for (int t = 0; t * PANEL_TILES < p->chunk_now; ++t) {
        product.depth = tiles_of_block(p, t);
        product.add = p->first > 0 || t > 0;
        for (int c = 0; c < p->in.count; ++c)
            multiply_panel(&product, v + t * p->in.block + c * p->in.panel, z + t * p->out.block,
                           gradient + (ptrdiff_t)c * p->in.width * p->out.width);
    }
}

/* The gradient with respect to U; then, in place of V, the gradient with respect to V. */
static void multiply_backward(void *plan, int i, int slot)
{
    winograd_plan *p = plan;
    float *v = p->inputs + i * p->in_size;
    (void)slot;
    for (int f = 0; f < p->out.count; ++f)
        multiply_filter_gradient(p, i, f, p->filter_gradients + (36 * f + i) * p->filter_piece);
    for (int c = 0; p->input_delta && c < p->in.count; ++c)
        multiply_tiles(p, &p->out, p->outputs + i * p->out_size,
                       p->u + (36 * c + i) * p->channel_piece, &p->in, v + c * p->in.panel);
}

/* The gradient of a panel's filters. */
static void filter_gradient_panel(void *plan, int panel, int slot)
{
    winograd_plan *p = plan;
    float *gradient = panel_of_u(p, p->filter_gradients, panel, p->filter_piece, slot);
    for (int i = 0; i < 36; ++i)
        multiply_filter_gradient(p, i, panel, gradient + i * p->filter_piece);
    for (int lane = 0; lane < p->out.width; lane += p->kernels->lanes) {
        winograd_filters f = block_of_filters(p, panel * p->out.width + lane);
        p->kernels->add_filter_gradients(&f, p->out.width, gradient + lane, p->filter_piece,
                                         p->weight_updates + (f.weights - p->weights));
    }
}

/* The gradient with respect to a panel of V, in its place. */
static void input_gradient_panel(void *plan, int panel, int slot)
{
    winograd_plan *p = plan;
    float *u = panel_of_u(p, p->u, panel, p->channel_piece, slot);
    for (int filter = 0; filter < p->filters; filter += p->kernels->lanes) {
        winograd_filters f = block_of_filters(p, filter);
        f.first = panel * p->in.width;
        f.end = f.first + p->in.width;
        p->kernels->filters_turned(&f, p->in.width, 0, u + (ptrdiff_t)filter * p->in.width,
                                   p->channel_piece);
    }
    for (int i = 0; i < 36; ++i)
        multiply_tiles(p, &p->out, p->outputs + i * p->out_size, u + i * p->channel_piece, &p->in,
                       p->inputs + i * p->in_size + panel * p->in.panel);
}

/* Rows at the top of a band's input that the band before has written. */
static int rows_filled(const winograd_plan *p, int number, const winograd_band *band)
{
    winograd_band before;
    if (number % p->bands == 0) return 0;
    find_band(p, number - 1, &before);
    return min_int(band->in_rows, before.in_first + before.in_rows - band->in_first);
}

/* Bands of one image overlap by two rows: one task adds all of a block of channels of the image. */
static void add_input_gradient(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_band band;
    int channels = p->shape->channels, blocks = block_count(p, channels);
    int image = p->first / p->bands + task / blocks, c = task % blocks * p->kernels->lanes;
    int first = max_int(p->first, image * p->bands), end = min_int(p->last, (image + 1) * p->bands);
    for (int number = first; number < end; ++number) {
        find_band(p, number, &band);
        int filled = p->overwrite ? rows_filled(p, number, &band) : band.in_rows;
        p->kernels->add_input_gradient(&band, p->inputs + place_of_channel(&p->in, c), p->in_size,
                                       &p->in, min_int(channels - c, p->kernels->lanes), filled,
                                       p->input_delta +
                                           ((ptrdiff_t)image * channels + c) * band.plane,
                                       p->scratch + slot * p->scratch_size);
    }
}

static void add_filter_gradients(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_filters f;
    int filter = filters_of_task(p, task, &f), width = p->out.width;
    const float *gradient =
        panel_of_u(p, p->filter_gradients, filter / width, p->filter_piece, slot);
    p->kernels->add_filter_gradients(&f, width, gradient + filter % width, p->filter_piece,
                                     p->weight_updates + (f.weights - p->weights));
}

/* The products of a chunk. */
static void multiply_chunk_backward(winograd_plan *p)
{
    if (p->by_panels) {
        parallel_for(p->out.count, filter_gradient_panel, p);
        if (p->input_delta) parallel_for(p->in.count, input_gradient_panel, p);
    } else
        parallel_for(36, multiply_backward, p);
}

void winograd_backward(const convolution_shape *shape, const float *weights, const float *input,
                       const float *delta, float *weight_updates, float *input_delta, int overwrite,
                       float *workspace)
{
    winograd_plan p = make_plan(shape);
    lay_out(&p, workspace);
    p.weights = weights;
    p.input = input;
    p.delta = delta;
    p.weight_updates = weight_updates;
    p.input_delta = input_delta;
    p.overwrite = overwrite;
    if (input_delta && !p.by_panels) parallel_for(filter_tasks(&p), transform_filters_turned, &p);
    while (next_chunk(&p)) {
        int bands = p.last - p.first, channel_blocks = block_count(&p, shape->channels);
        parallel_for(bands * (block_count(&p, p.channels) + block_count(&p, p.filters)),
                     transform_delta, &p);
        multiply_chunk_backward(&p);
        if (input_delta)
            parallel_for(((p.last - 1) / p.bands - p.first / p.bands + 1) * channel_blocks,
                         add_input_gradient, &p);
    }
    if (!p.by_panels) parallel_for(filter_tasks(&p), add_filter_gradients, &p);
}
