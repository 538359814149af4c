/* The transforms of Winograd's F(4x4, 3x3), a vector of channels at a time: compiled once for every
   instruction set (src/simd).

   Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), with the points 0, 1,
   -1, 2, -2 and infinity. Of a tile of 6x6 inputs d: V = B'dB; of a filter g: U = GgG'; the
   products M = U V, summed over the channels, give the 4x4 outputs A'MA. The gradients are the
   adjoints: Z = A delta A', G' (sum Z V) G for the filter, B (U Z) B' for the input. */

#include "transpose.h"

#define clear_border SIMD_NAME(clear_border)
#define interleave SIMD_NAME(interleave)
#define deinterleave SIMD_NAME(deinterleave)
#define times_b SIMD_NAME(times_b)
#define times_b_adjoint SIMD_NAME(times_b_adjoint)
#define times_a SIMD_NAME(times_a)
#define times_a_adjoint SIMD_NAME(times_a_adjoint)
#define times_g SIMD_NAME(times_g)
#define times_g_adjoint SIMD_NAME(times_g_adjoint)
#define tiles_to_matrices SIMD_NAME(tiles_to_matrices)
#define transform_input_tiles SIMD_NAME(transform_input_tiles)
#define add_input_tiles SIMD_NAME(add_input_tiles)
#define transform_delta_tiles SIMD_NAME(transform_delta_tiles)
#define transform_output_tiles SIMD_NAME(transform_output_tiles)
#define windows_of_filters SIMD_NAME(windows_of_filters)
#define window_to_matrices SIMD_NAME(window_to_matrices)
#define transform_filter_tiles SIMD_NAME(transform_filter_tiles)
#define transform_filter_tiles_turned SIMD_NAME(transform_filter_tiles_turned)
#define add_filter_tiles SIMD_NAME(add_filter_tiles)

/* A buffer holds a part of an image with its channels side by side: buffer[row * width + column] is
   a vector of up to LANES channels. Rows of `columns` pixels of each plane go to (top, left) of it
   and below. */
INLINE void interleave(const float *image, ptrdiff_t plane, int channels, int rows, int columns,
                       floats *buffer, int width)
{
    int pixels = rows * columns, column = 0;
    floats *target = buffer;
    for (int p = 0; p < pixels; p += LANES) {
        floats r[LANES];
        int count = pixels - p < LANES ? pixels - p : LANES;
        if (count == LANES && channels == LANES)
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) r[i] = load(image + i * plane + p);
        else
            for (int i = 0; i < LANES; ++i)
                r[i] = i < channels ? load_some(image + i * plane + p, count, (floats){0})
                                    : (floats){0};
        transpose(r);
        for (int i = 0; i < count; ++i) {
            target[column] = r[i];
            if (++column == columns) column = 0, target += width;
        }
    }
}

/* The way back; add: to what is there. */
INLINE void deinterleave(const floats *buffer, int width, ptrdiff_t plane, int channels, int rows,
                         int columns, float *image, const int add)
{
    int pixels = rows * columns, column = 0;
    const floats *source = buffer;
    for (int p = 0; p < pixels; p += LANES) {
        floats r[LANES];
        int count = pixels - p < LANES ? pixels - p : LANES, i = 0;
        for (; i < count; ++i) {
            r[i] = source[column];
            if (++column == columns) column = 0, source += width;
        }
        for (; i < LANES; ++i) r[i] = (floats){0};
        transpose(r);
        for (i = 0; i < channels; ++i) {
            float *target = image + i * plane + p;
            if (add) r[i] += load_some(target, count, (floats){0});
            store_some(target, r[i], count);
        }
    }
}

/* Zeros a buffer of height x width but for rows x columns from (top, left). */
INLINE void clear_border(floats *buffer, int height, int width, int top, int left, int rows,
                         int columns)
{
    for (int i = 0; i < height; ++i) {
        int inside = i >= top && i < top + rows;
        for (int j = 0; j < (inside ? left : width); ++j) buffer[i * width + j] = (floats){0};
        for (int j = left + columns; inside && j < width; ++j) buffer[i * width + j] = (floats){0};
    }
}

/* One dimension of each transform, between vectors `s` and `t` apart. */
INLINE void times_b(const floats *d, int s, floats *v, int t)
{
    floats a = d[4 * s] - 4 * d[2 * s], b = d[3 * s] - 4 * d[s];
    floats c = d[4 * s] - d[2 * s], e = 2 * (d[3 * s] - d[s]);
    v[0] = 4 * d[0] - 5 * d[2 * s] + d[4 * s];
    v[t] = a + b;
    v[2 * t] = a - b;
    v[3 * t] = c + e;
    v[4 * t] = c - e;
    v[5 * t] = 4 * d[s] - 5 * d[3 * s] + d[5 * s];
}

INLINE void times_b_adjoint(const floats *v, int s, floats *d, int t)
{
    floats p = v[s] + v[2 * s], q = v[s] - v[2 * s], r = v[3 * s] + v[4 * s],
           u = v[3 * s] - v[4 * s];
    d[0] = 4 * v[0];
    d[t] = -4 * q - 2 * u + 4 * v[5 * s];
    d[2 * t] = -5 * v[0] - 4 * p - r;
    d[3 * t] = q + 2 * u - 5 * v[5 * s];
    d[4 * t] = v[0] + p + r;
    d[5 * t] = v[5 * s];
}

INLINE void times_a(const floats *m, int s, floats *y, int t)
{
    floats p = m[s] + m[2 * s], q = m[s] - m[2 * s], r = m[3 * s] + m[4 * s],
           u = m[3 * s] - m[4 * s];
    y[0] = m[0] + p + r;
    y[t] = q + 2 * u;
    y[2 * t] = p + 4 * r;
    y[3 * t] = q + 8 * u + m[5 * s];
}

INLINE void times_a_adjoint(const floats *y, int s, floats *z, int t)
{
    floats a = y[0] + y[2 * s], b = y[s] + y[3 * s];
    floats c = y[0] + 4 * y[2 * s], e = 2 * y[s] + 8 * y[3 * s];
    z[0] = y[0];
    z[t] = a + b;
    z[2 * t] = a - b;
    z[3 * t] = c + e;
    z[4 * t] = c - e;
    z[5 * t] = y[3 * s];
}

INLINE void times_g(const floats *g, int s, floats *u, int t)
{
    floats sum = (-1.f / 6) * (g[0] + g[2 * s]), far = (1.f / 24) * g[0] + (1.f / 6) * g[2 * s];
    u[0] = .25f * g[0];
    u[t] = sum - (1.f / 6) * g[s];
    u[2 * t] = sum + (1.f / 6) * g[s];
    u[3 * t] = far + (1.f / 12) * g[s];
    u[4 * t] = far - (1.f / 12) * g[s];
    u[5 * t] = g[2 * s];
}

INLINE void times_g_adjoint(const floats *u, int s, floats *g, int t)
{
    floats p = u[s] + u[2 * s], q = u[2 * s] - u[s], r = u[3 * s] + u[4 * s],
           v = u[3 * s] - u[4 * s];
    g[0] = .25f * u[0] - (1.f / 6) * p + (1.f / 24) * r;
    g[t] = (1.f / 6) * q + (1.f / 12) * v;
    g[2 * t] = (1.f / 6) * (r - p) + u[5 * s];
}

/* The tiles of `side` x `side` numbers in a buffer, four apart, to 36 numbers each, in 36 matrices
   `apart` floats apart, at the block's first channel. By B' for tiles of 6, by A for tiles of 4. */
INLINE void tiles_to_matrices(const winograd_band *band, const floats *buffer, int width,
                              const int side, const panel_layout *panels, float *matrices,
                              ptrdiff_t apart)
{
    int tile = band->first_tile;
    for (int i = 0; i < band->tile_rows; ++i)
        for (int j = 0; j < band->tile_columns; ++j, ++tile) {
            const floats *d = buffer + 4 * i * width + 4 * j;
            float *target = matrices + place_of_tile(panels, tile);
            floats t[36], v[6];
#pragma GCC unroll 6
            for (int k = 0; k < side; ++k)
                if (side == 6)
                    times_b(d + k, width, t + k, 6);
                else
                    times_a_adjoint(d + k, width, t + k, 4);
#pragma GCC unroll 6
            for (int k = 0; k < 6; ++k) {
                if (side == 6)
                    times_b(t + 6 * k, 1, v, 1);
                else
                    times_a_adjoint(t + 4 * k, 1, v, 1);
#pragma GCC unroll 6
                for (int n = 0; n < 6; ++n) store(target + (6 * k + n) * apart, v[n]);
            }
        }
}

/* V of the tiles of a band, of `block` channels from the image's first on, and zeros beyond. */
LOOP void transform_input_tiles(const winograd_band *band, const float *image, int block,
                                const panel_layout *panels, float *matrices, ptrdiff_t apart,
                                float *scratch)
{
    floats *buffer = (floats *)scratch;
    int width = 4 * band->tile_columns + 2, height = 4 * band->tile_rows + 2;
    clear_border(buffer, height, width, band->in_top, band->pad, band->in_rows, band->width);
    interleave(image + (ptrdiff_t)band->in_first * band->width, band->plane, block, band->in_rows,
               band->width, buffer + band->in_top * width + band->pad, width);
    tiles_to_matrices(band, buffer, width, 6, panels, matrices, apart);
}

/* What the gradients with respect to V of its tiles amount to goes to the image: added to the first
   `filled` rows of the band, written to the others. */
LOOP void add_input_tiles(const winograd_band *band, const float *matrices, ptrdiff_t apart,
                          const panel_layout *panels, int block, int filled, float *image,
                          float *scratch)
{
    floats *buffer = (floats *)scratch;
    int width = 4 * band->tile_columns + 2, height = 4 * band->tile_rows + 2;
    int tile = band->first_tile;
    memset(buffer, 0, (size_t)width * height * sizeof(floats));
    for (int i = 0; i < band->tile_rows; ++i)
        for (int j = 0; j < band->tile_columns; ++j, ++tile) {
            const float *source = matrices + place_of_tile(panels, tile);
            floats *d = buffer + 4 * i * width + 4 * j, t[36], v[6];
#pragma GCC unroll 6
            for (int k = 0; k < 6; ++k) {
#pragma GCC unroll 6
                for (int n = 0; n < 6; ++n) v[n] = load(source + (6 * k + n) * apart);
                times_b_adjoint(v, 1, t + 6 * k, 1);
            }
#pragma GCC unroll 6
            for (int k = 0; k < 6; ++k) {
                times_b_adjoint(t + k, 6, v, 1);
#pragma GCC unroll 6
                for (int n = 0; n < 6; ++n) d[n * width + k] += v[n];
            }
        }
    buffer += band->in_top * width + band->pad;
    image += (ptrdiff_t)band->in_first * band->width;
    deinterleave(buffer, width, band->plane, block, filled, band->width, image, 1);
    deinterleave(buffer + filled * width, width, band->plane, block, band->in_rows - filled,
                 band->width, image + (ptrdiff_t)filled * band->width, 0);
}

/* Z of the tiles of a band, of `block` filters from delta's first on, and zeros beyond. */
LOOP void transform_delta_tiles(const winograd_band *band, const float *delta, int block,
                                const panel_layout *panels, float *matrices, ptrdiff_t apart,
                                float *scratch)
{
    floats *buffer = (floats *)scratch;
    int width = 4 * band->tile_columns, height = 4 * band->tile_rows;
    clear_border(buffer, height, width, 0, 0, band->out_rows, band->out_width);
    interleave(delta + (ptrdiff_t)band->out_first * band->out_width, band->out_plane, block,
               band->out_rows, band->out_width, buffer, width);
    tiles_to_matrices(band, buffer, width, 4, panels, matrices, apart);
}

/* The outputs of the tiles of a band. */
LOOP void transform_output_tiles(const winograd_band *band, const float *matrices, ptrdiff_t apart,
                                 const panel_layout *panels, int block, float *output,
                                 float *scratch)
{
    floats *buffer = (floats *)scratch;
    int width = 4 * band->tile_columns, tile = band->first_tile;
    for (int i = 0; i < band->tile_rows; ++i)
        for (int j = 0; j < band->tile_columns; ++j, ++tile) {
            const float *source = matrices + place_of_tile(panels, tile);
            floats *d = buffer + 4 * i * width + 4 * j, t[24], m[6];
#pragma GCC unroll 6
            for (int k = 0; k < 6; ++k) {
#pragma GCC unroll 6
                for (int n = 0; n < 6; ++n) m[n] = load(source + (6 * k + n) * apart);
                times_a(m, 1, t + 4 * k, 1);
            }
#pragma GCC unroll 4
            for (int k = 0; k < 4; ++k) times_a(t + k, 4, d + k, width);
        }
    deinterleave(buffer, width, band->out_plane, block, band->out_rows, band->out_width,
                 output + (ptrdiff_t)band->out_first * band->out_width, 0);
}

/* The windows of LANES channels from `channel` on, filters side by side: nine vectors a channel.
   Zeros beyond the last channel. */
INLINE void windows_of_filters(const winograd_filters *f, int channel, floats *windows)
{
    int count = f->channels - channel < LANES ? f->channels - channel : LANES;
    if (count < LANES) memset(windows, 0, 9 * LANES * sizeof(floats));
    if (count > 0)
        interleave(f->weights + 9 * channel, 9 * (ptrdiff_t)f->channels, f->block, 1, 9 * count,
                   windows, 0);
}

INLINE void window_to_matrices(const floats *g, float *matrices, ptrdiff_t apart)
{
    floats t[18], u[6];
#pragma GCC unroll 3
    for (int k = 0; k < 3; ++k) times_g(g + k, 3, t + k, 3);
#pragma GCC unroll 6
    for (int k = 0; k < 6; ++k) {
        times_g(t + 3 * k, 1, u, 1);
#pragma GCC unroll 6
        for (int n = 0; n < 6; ++n) store(matrices + (6 * k + n) * apart, u[n]);
    }
}

/* U of a block of filters, for the forward pass: filters side by side, a channel's row `width`
   floats after the one before. */
LOOP void transform_filter_tiles(const winograd_filters *f, int width, float *matrices,
                                 ptrdiff_t apart)
{
    for (int c = f->first; c < f->end; c += LANES) {
        floats windows[9 * LANES];
        windows_of_filters(f, c, windows);
        for (int i = 0; i < LANES; ++i)
            window_to_matrices(windows + 9 * i, matrices + (ptrdiff_t)(c + i) * width, apart);
    }
}

/* U of a block of filters, for the backward pass: channels side by side, in panels of `width` of
   them, `panel` floats apart; a filter's row `width` floats after the one before. */
LOOP void transform_filter_tiles_turned(const winograd_filters *f, int width, ptrdiff_t panel,
                                        float *matrices, ptrdiff_t apart)
{
    for (int c = f->first; c < f->end; c += LANES) {
        floats windows[9 * LANES];
        float *target = matrices + c / width * panel + c % width;
        windows_of_filters(f, c, windows);
        for (int j = 0; j < 9; ++j) { /* filters side by side become channels side by side */
            floats r[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) r[i] = windows[9 * i + j];
            transpose(r);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) windows[9 * i + j] = r[i];
        }
        for (int i = 0; i < LANES; ++i)
            window_to_matrices(windows + 9 * i, target + (ptrdiff_t)i * width, apart);
    }
}

/* Adds the gradients of a block of filters, from the 36 gradients with respect to U, which lie as
   transform_filter_tiles writes them. */
LOOP void add_filter_tiles(const winograd_filters *f, int width, const float *matrices,
                           ptrdiff_t apart, float *gradient)
{
    for (int c = f->first; c < f->end && c < f->channels; c += LANES) {
        int count = f->channels - c < LANES ? f->channels - c : LANES;
        floats windows[9 * LANES];
        for (int i = 0; i < count; ++i) {
            const float *source = matrices + (ptrdiff_t)(c + i) * width;
            floats t[18], u[6];
#pragma GCC unroll 6
            for (int k = 0; k < 6; ++k) {
#pragma GCC unroll 6
                for (int n = 0; n < 6; ++n) u[n] = load(source + (6 * k + n) * apart);
                times_g_adjoint(u, 1, t + 3 * k, 1);
            }
#pragma GCC unroll 3
            for (int k = 0; k < 3; ++k) times_g_adjoint(t + k, 3, windows + 9 * i + k, 3);
        }
        deinterleave(windows, 0, 9 * (ptrdiff_t)f->channels, f->block, 1, 9 * count,
                     gradient + 9 * c, 1);
    }
}

LOOPS(winograd_kernels) = {LANES,
                           transform_input_tiles,
                           add_input_tiles,
                           transform_delta_tiles,
                           transform_output_tiles,
                           transform_filter_tiles,
                           transform_filter_tiles_turned,
                           add_filter_tiles};
