/* Packs panels from other matrices, and multiplies panels: compiled once for every instruction set
   (src/simd). A product computes as many sums at a time as fit into the registers. */

#include "transpose.h"

#define pack_panel SIMD_NAME(pack_panel)
#define pack_transposed_panel SIMD_NAME(pack_transposed_panel)
#define multiply_piece SIMD_NAME(multiply_piece)
#define multiply_rows SIMD_NAME(multiply_rows)
#define multiply_columns SIMD_NAME(multiply_columns)

#define CACHE_LINE 16 /* numbers */

/* Rows of sums beside 1, 2 and 3 vectors of columns. */
#undef ROWS_1
#undef ROWS_2
#undef ROWS_3
#if SIMD_BYTES == 64
#define ROWS_1 12
#define ROWS_2 12
#define ROWS_3 8
#elif SIMD_BYTES == 32
#define ROWS_1 8
#define ROWS_2 6
#define ROWS_3 4
#else
#define ROWS_1 8
#define ROWS_2 4
#define ROWS_3 4
#endif

/* panel[k][j] = b[k b_row + j], j < columns; zeros up to `width`, a multiple of LANES. */
LOOP void pack_panel(const float *b, ptrdiff_t b_row, int depth, int columns, int width,
                     float *panel)
{
    int whole = columns / LANES * LANES;
    for (int k = 0; k < depth; ++k, b += b_row, panel += width) {
        for (int j = 0; j < whole; j += LANES) store(panel + j, load(b + j));
        if (whole < width) store(panel + whole, load_some(b + whole, columns - whole, (floats){0}));
    }
}

/* The same of a matrix that is stored transposed: panel[k][j] = b[j b_row + k]. */
LOOP void pack_transposed_panel(const float *b, ptrdiff_t b_row, int depth, int columns, int width,
                                float *panel)
{
    for (int j = 0; j < width; j += LANES)
        for (int k = 0; k < depth; k += LANES) {
            floats r[LANES];
            int count = depth - k < LANES ? depth - k : LANES;
            if (count == LANES && columns - j >= LANES)
#pragma GCC unroll 16
                for (int i = 0; i < LANES; ++i) r[i] = load(b + (j + i) * b_row + k);
            else
                for (int i = 0; i < LANES; ++i)
                    r[i] = i < columns - j ? load_some(b + (j + i) * b_row + k, count, (floats){0})
                                           : (floats){0};
            transpose(r);
            for (int i = 0; i < count; ++i) store(panel + (ptrdiff_t)(k + i) * width + j, r[i]);
        }
}

/* `rows` rows of c, at most 12, and `columns` vectors of each. The sums begin at 0, not at c, so
   that long sums are made of short ones. Pointers to every fourth row spare registers. The part of
   c is prefetched, so that it comes from memory while the sums are made. */
INLINE void multiply_piece(const int rows, const int columns, const panel_product *p,
                           const float *a, const float *b, float *c)
{
    floats sums[12][3];
    ptrdiff_t width = p->width, a_row = p->a_row, a_step = p->a_step, c_row = p->c_row;
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns * LANES; j += CACHE_LINE)
            __builtin_prefetch(c + i * c_row + j, 1);
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
        for (int j = 0; j < columns; ++j) sums[i][j] = (floats){0};
    for (int panel = 0; panel < p->panels; ++panel, a += p->a_panel) {
        const float *first = a, *fifth = a + 4 * a_row, *ninth = a + 8 * a_row;
        for (int k = 0; k < p->depth; ++k) {
            floats right[3];
#pragma GCC unroll 3
            for (int j = 0; j < columns; ++j) right[j] = load(b + j * LANES);
#pragma GCC unroll 12
            for (int i = 0; i < rows; ++i) {
                const float *fourth = i < 4 ? first : i < 8 ? fifth : ninth;
                floats left = FLOATS(fourth[i % 4 * a_row]);
#pragma GCC unroll 3
                for (int j = 0; j < columns; ++j) sums[i][j] += left * right[j];
            }
            first += a_step, fifth += a_step, ninth += a_step, b += width;
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
        for (int j = 0; j < columns; ++j) {
            float *target = c + i * c_row + j * LANES;
            store(target, p->add ? load(target) + sums[i][j] : sums[i][j]);
        }
}

INLINE void multiply_rows(const int rows, const int columns, const panel_product *p, const float *a,
                          const float *b, float *c)
{
    int i = 0;
    for (; i + rows <= p->rows; i += rows)
        multiply_piece(rows, columns, p, a + i * p->a_row, b, c + i * p->c_row);
    for (; i + 4 <= p->rows; i += 4)
        multiply_piece(4, columns, p, a + i * p->a_row, b, c + i * p->c_row);
    for (; i < p->rows; ++i) multiply_piece(1, columns, p, a + i * p->a_row, b, c + i * p->c_row);
}

LOOP void multiply_columns(const panel_product *p, const float *a, const float *b, float *c)
{
    switch (p->width / LANES) {
    case 1:
        multiply_rows(ROWS_1, 1, p, a, b, c);
        break;
    case 2:
        multiply_rows(ROWS_2, 2, p, a, b, c);
        break;
    case 3:
        multiply_rows(ROWS_3, 3, p, a, b, c);
        break;
    }
}

LOOPS(panel_kernels) = {LANES, pack_panel, pack_transposed_panel, multiply_columns};

#undef CACHE_LINE
