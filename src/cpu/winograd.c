/* 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): 36 products a tile of 16 outputs, where
   columns take 144. The transforms are in winograd_kernels.h; here are the tiles, the 36 matrix
   products, and their way through the threads. */
#include "convolution.h"
#include "cpu_settings.h"
#include "cpu_threads.h"
#include "gemm_blas.h"

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

/* Some rows of tiles of one image, and the rows of input and output that they cover. */
typedef struct {
    int tile_rows, tile_columns;
    int pad, in_first, in_rows, in_top, width; /* in_top: of the first, in the tiles' own rows */
    int out_first, out_rows, out_width;
    ptrdiff_t plane, out_plane;
} winograd_band;

typedef struct {
    int lanes;
    void (*input_tiles)(const winograd_band *band, const float *image, int channels, int block,
                        float *matrices, ptrdiff_t apart, float *scratch);
    void (*add_input_gradient)(const winograd_band *band, const float *matrices, ptrdiff_t apart,
                               int channels, int block, float *image, float *scratch);
    void (*delta_tiles)(const winograd_band *band, const float *delta, int filters, int block,
                        float *matrices, ptrdiff_t apart, float *scratch);
    void (*output_tiles)(const winograd_band *band, const float *matrices, ptrdiff_t apart,
                         int filters, int block, float *output, float *scratch);
    void (*filter_tiles)(const float *weights, int channels, float *matrices, ptrdiff_t apart);
    void (*add_filter_gradient)(const float *matrices, ptrdiff_t apart, int channels,
                                float *gradient);
} winograd_kernels;

#define LOOPS_FILE "winograd_kernels.h"
#include "each_instruction_set.h"

/* How a convolution is divided. Tiles are numbered through the whole batch; a chunk is some bands
 * in a row. */
typedef struct {
    const convolution_shape *shape;
    const winograd_kernels *kernels;
    int tile_rows, tile_columns, tiles; /* of an image */
    int band_rows, bands;               /* rows of tiles of a band; bands of an image */
    int chunk_bands, chunk_tiles;       /* at most */
    ptrdiff_t filter_size, scratch_size;
    float *filters, *filter_gradients, *inputs, *outputs, *scratch; /* in the workspace */
    const float *weights, *input, *delta;
    float *output, *weight_updates, *input_delta;
    int first, last, first_tile, chunk_now; /* the bands of this chunk, its tiles */
} winograd_plan;

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

int winograd_fits(const convolution_shape *s)
{
    return cpu.winograd && s->size == 3 && s->stride == 1 && s->pad <= 2 && s->groups == 1 &&
           s->channels >= LEAST_CHANNELS && s->filters >= LEAST_CHANNELS && s->out_height > 2 &&
           s->out_width > 2;
}

static winograd_plan plan_of(const convolution_shape *s)
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
    p.filter_size = (ptrdiff_t)s->channels * s->filters;
    p.scratch_size = (ptrdiff_t)(4 * p.band_rows + 2) * (4 * p.tile_columns + 2) * MOST_LANES;
    return p;
}

size_t winograd_workspace(const convolution_shape *s)
{
    winograd_plan p = plan_of(s);
    return 2 * 36 * p.filter_size + (size_t)36 * p.chunk_tiles * (s->channels + s->filters) +
           cpu.threads * p.scratch_size + 4 * MOST_LANES;
}

static float *aligned(float *p)
{
    return (float *)(((uintptr_t)p + 63) / 64 * 64);
}

static void lay_out(winograd_plan *p, float *workspace)
{
    p->scratch = aligned(workspace);
    p->filters = p->scratch + cpu.threads * p->scratch_size;
    p->filter_gradients = aligned(p->filters + 36 * p->filter_size);
    p->inputs = aligned(p->filter_gradients + 36 * p->filter_size);
    p->outputs = aligned(p->inputs + (ptrdiff_t)36 * p->chunk_tiles * p->shape->channels);
}

static int tile_of_band(const winograd_plan *p, int band)
{
    return band / p->bands * p->tiles + band % p->bands * p->band_rows * p->tile_columns;
}

/* Returns the image that the band is of. */
static int band_of(const winograd_plan *p, int number, winograd_band *band)
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
    return number / p->bands;
}

static int blocks_of(const winograd_plan *p, int channels)
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

static void transform_filter(void *plan, int filter, int slot)
{
    winograd_plan *p = plan;
    int channels = p->shape->channels;
    (void)slot;
    p->kernels->filter_tiles(p->weights + (ptrdiff_t)filter * channels * 9, channels,
                             p->filters + (ptrdiff_t)filter * channels, p->filter_size);
}

static void transform_input(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_band band;
    int channels = p->shape->channels, blocks = blocks_of(p, channels);
    int number = p->first + task / blocks, c = task % blocks * p->kernels->lanes;
    int image = band_of(p, number, &band);
    p->kernels->input_tiles(
        &band, p->input + ((ptrdiff_t)image * channels + c) * band.plane, channels,
        min_int(channels - c, p->kernels->lanes),
        p->inputs + (ptrdiff_t)(tile_of_band(p, number) - p->first_tile) * channels + c,
        (ptrdiff_t)p->chunk_now * channels, p->scratch + slot * p->scratch_size);
}

static void multiply_forward(void *plan, int i, int slot)
{
    winograd_plan *p = plan;
    int channels = p->shape->channels, filters = p->shape->filters;
    (void)slot;
    multiply(0, 1, p->chunk_now, filters, channels,
             p->inputs + (ptrdiff_t)i * p->chunk_now * channels, channels,
             p->filters + i * p->filter_size, channels, 0,
             p->outputs + (ptrdiff_t)i * p->chunk_now * filters, filters);
}

static void transform_output(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_band band;
    int filters = p->shape->filters, blocks = blocks_of(p, filters);
    int number = p->first + task / blocks, f = task % blocks * p->kernels->lanes;
    int image = band_of(p, number, &band);
    p->kernels->output_tiles(
        &band, p->outputs + (ptrdiff_t)(tile_of_band(p, number) - p->first_tile) * filters + f,
        (ptrdiff_t)p->chunk_now * filters, filters, min_int(filters - f, p->kernels->lanes),
        p->output + ((ptrdiff_t)image * filters + f) * band.out_plane,
        p->scratch + slot * p->scratch_size);
}

void winograd_forward(const convolution_shape *shape, const float *weights, const float *input,
                      float *output, float *workspace)
{
    winograd_plan p = plan_of(shape);
    lay_out(&p, workspace);
    p.weights = weights;
    p.input = input;
    p.output = output;
    parallel_for(shape->filters, transform_filter, &p);
    while (next_chunk(&p)) {
        int bands = p.last - p.first;
        parallel_for(bands * blocks_of(&p, shape->channels), transform_input, &p);
        parallel_for(36, multiply_forward, &p);
        parallel_for(bands * blocks_of(&p, shape->filters), transform_output, &p);
    }
}

static void transform_delta(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_band band;
    int filters = p->shape->filters, blocks = blocks_of(p, filters);
    int inputs = (p->last - p->first) * blocks_of(p, p->shape->channels);
    if (task < inputs) {
        transform_input(p, task, slot);
        return;
    }
    task -= inputs;
    int number = p->first + task / blocks, f = task % blocks * p->kernels->lanes;
    int image = band_of(p, number, &band);
    p->kernels->delta_tiles(&band, p->delta + ((ptrdiff_t)image * filters + f) * band.out_plane,
                            filters, min_int(filters - f, p->kernels->lanes),
                            p->outputs +
                                (ptrdiff_t)(tile_of_band(p, number) - p->first_tile) * filters + f,
                            (ptrdiff_t)p->chunk_now * filters, p->scratch + slot * p->scratch_size);
}

/* The gradient with respect to U; then, in place of V, the gradient with respect to V. */
static void multiply_backward(void *plan, int i, int slot)
{
    winograd_plan *p = plan;
    int channels = p->shape->channels, filters = p->shape->filters;
    float *v = p->inputs + (ptrdiff_t)i * p->chunk_now * channels;
    const float *z = p->outputs + (ptrdiff_t)i * p->chunk_now * filters;
    (void)slot;
    multiply(1, 0, filters, channels, p->chunk_now, z, filters, v, channels, p->first ? 1 : 0,
             p->filter_gradients + i * p->filter_size, channels);
    if (p->input_delta)
        multiply(0, 0, p->chunk_now, channels, filters, z, filters, p->filters + i * p->filter_size,
                 channels, 0, v, channels);
}

/* Bands of one image overlap by two rows: one task adds all of a block of channels of the image. */
static void add_input_gradient(void *plan, int task, int slot)
{
    winograd_plan *p = plan;
    winograd_band band;
    int channels = p->shape->channels, blocks = blocks_of(p, channels);
    int image = p->first / p->bands + task / blocks, c = task % blocks * p->kernels->lanes;
    int first = max_int(p->first, image * p->bands), end = min_int(p->last, (image + 1) * p->bands);
    for (int number = first; number < end; ++number) {
        band_of(p, number, &band);
        p->kernels->add_input_gradient(
            &band, p->inputs + (ptrdiff_t)(tile_of_band(p, number) - p->first_tile) * channels + c,
            (ptrdiff_t)p->chunk_now * channels, channels, min_int(channels - c, p->kernels->lanes),
            p->input_delta + ((ptrdiff_t)image * channels + c) * band.plane,
            p->scratch + slot * p->scratch_size);
    }
}

static void add_filter_gradient(void *plan, int filter, int slot)
{
    winograd_plan *p = plan;
    int channels = p->shape->channels;
    (void)slot;
    p->kernels->add_filter_gradient(p->filter_gradients + (ptrdiff_t)filter * channels,
                                    p->filter_size, channels,
                                    p->weight_updates + (ptrdiff_t)filter * channels * 9);
}

void winograd_backward(const convolution_shape *shape, const float *weights, const float *input,
                       const float *delta, float *weight_updates, float *input_delta,
                       float *workspace)
{
    winograd_plan p = plan_of(shape);
    lay_out(&p, workspace);
    p.weights = weights;
    p.input = input;
    p.delta = delta;
    p.weight_updates = weight_updates;
    p.input_delta = input_delta;
    if (input_delta) parallel_for(shape->filters, transform_filter, &p);
    while (next_chunk(&p)) {
        int bands = p.last - p.first, channel_blocks = blocks_of(&p, shape->channels);
        parallel_for(bands * (channel_blocks + blocks_of(&p, shape->filters)), transform_delta, &p);
        parallel_for(36, multiply_backward, &p);
        if (input_delta)
            parallel_for(((p.last - 1) / p.bands - p.first / p.bands + 1) * channel_blocks,
                         add_input_gradient, &p);
    }
    parallel_for(shape->filters, add_filter_gradient, &p);
}
