/* How Winograd's matrices lie in memory, and the products of such matrices. */
#ifndef PANELS_H
#define PANELS_H

#include <stddef.h>

/* A matrix of tiles x channels is a row of blocks of PANEL_TILES tiles; a block is `count` panels
   one after the other; a panel has `width` channels, tile after tile. `width` is a multiple of the
   vector's lanes; channels beyond the last one are 0. Products read and write panels as they are:
   nothing is packed, and all of what one product reads is in a few straight lines of memory. */
#define PANEL_TILES 64
typedef struct {
    int width, count;
    ptrdiff_t panel, block; /* floats of a panel and of a block */
} panel_layout;

/* The layout for so many channels, with little padding. */
panel_layout panels_of(int channels, int lanes);

/* Floats of a matrix, and a cache line more, so that the same places of several matrices do not
   fall on the same lines of the cache. */
static inline size_t panels_size(const panel_layout *p, int tiles)
{
    return (size_t)(tiles + PANEL_TILES - 1) / PANEL_TILES * p->block + 16;
}

static inline ptrdiff_t place_of_tile(const panel_layout *p, int tile)
{
    return tile / PANEL_TILES * p->block + tile % PANEL_TILES * p->width;
}

static inline ptrdiff_t place_of_channel(const panel_layout *p, int channel)
{
    return channel / p->width * p->panel + channel % p->width;
}

/* c[i][j] = the sum over p < panels and k < depth of a[p a_panel + i a_row + k a_step] b[p depth +
   k][j], for i < rows and j < width, added to c[i][j] where `add` is set. The rows of b and c are
   `width` floats, a multiple of the vector's lanes. */
typedef struct {
    int rows, width, panels, depth, add;
    ptrdiff_t a_row, a_step, a_panel;
} panel_product;

void multiply_panel(const panel_product *p, const float *a, const float *b, float *c);

#endif
