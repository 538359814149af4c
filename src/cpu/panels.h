/* Matrices in panels, and their products: what convolutions are made of. */
#ifndef PANELS_H
#define PANELS_H

#include <stddef.h>

/* How Winograd's matrices of tiles x channels lie in memory: in blocks of PANEL_TILES tiles; a
   block in `count` panels of `width` channels, which are 1 to 3 vectors; a panel tile after tile.
   Channels beyond the last one are 0. The transforms write panels and the products read and write
   them, so that nothing is packed or cleared, and what a product reads at a time is in a row. */
#define PANEL_TILES 64
typedef struct {
    int width, count;
    ptrdiff_t panel, block; /* floats of a panel and of a block */
} panel_layout;

/* The layout for so many channels, with little padding. */
panel_layout choose_layout(int channels, int lanes);

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
   k][j], for i < rows and j < width, added to c[i][j] where `add` is set. `width` is 1 to
   3 vectors; a row of b is `width` floats, one of c begins c_row after the one before. */
typedef struct {
    int rows, width, panels, depth, add;
    ptrdiff_t a_row, a_step, a_panel, c_row;
} panel_product;

void multiply_panel(const panel_product *p, const float *a, const float *b, float *c);

/* C = op(A) op(B), or C += where `add` is set, on the calling thread alone. Row-major: op(A) is M x
   K, op(B) K x N, C M x N; TA and TB say whether A and B are stored transposed; lda, ldb and ldc
   are the floats from row to row; M, N, K >= 1. Parts of B are packed in panels, on the stack. */
void multiply(int TA, int TB, int M, int N, int K, const float *A, int lda, const float *B, int ldb,
              int add, float *C, int ldc);

#endif
