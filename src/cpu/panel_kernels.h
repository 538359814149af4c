/* Products of panels, ROWS rows x COLUMNS vectors of sums at a time, as many as the registers hold
   beside what they are made of: compiled once for every instruction set (src/simd). */

#define multiply_piece SIMD_NAME(multiply_piece)
#define multiply_rows SIMD_NAME(multiply_rows)
#define multiply_columns SIMD_NAME(multiply_columns)
#define multiply_panels SIMD_NAME(multiply_panels)

#undef ROWS
#undef COLUMNS
#if SIMD_BYTES == 64
#define ROWS 8
#define COLUMNS 3
#elif SIMD_BYTES == 32
#define ROWS 6
#define COLUMNS 2
#else
#define ROWS 4
#define COLUMNS 2
#endif

/* `rows` rows of c and `columns` vectors of each. */
INLINE void multiply_piece(const int rows, const int columns, const panel_product *p,
                           const float *a, const float *b, float *c)
{
    floats sums[ROWS][COLUMNS];
    ptrdiff_t width = p->width, a_row = p->a_row, a_step = p->a_step;
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
        for (int j = 0; j < columns; ++j)
            sums[i][j] = p->add ? load(c + i * width + j * LANES) : (floats){0};
    for (int panel = 0; panel < p->panels; ++panel, a += p->a_panel) {
        const float *upper = a, *lower = a + 4 * a_row;
        for (int k = 0; k < p->depth; ++k, b += width, upper += a_step, lower += a_step) {
            floats right[COLUMNS];
#pragma GCC unroll 3
            for (int j = 0; j < columns; ++j) right[j] = load(b + j * LANES);
#pragma GCC unroll 8
            for (int i = 0; i < rows; ++i) {
                floats left = FLOATS(i < 4 ? upper[i * a_row] : lower[(i - 4) * a_row]);
#pragma GCC unroll 3
                for (int j = 0; j < columns; ++j) sums[i][j] += left * right[j];
            }
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i)
#pragma GCC unroll 3
        for (int j = 0; j < columns; ++j) store(c + i * width + j * LANES, sums[i][j]);
}

INLINE void multiply_rows(const int columns, const panel_product *p, const float *a, const float *b,
                          float *c)
{
    int i = 0;
    for (; i + ROWS <= p->rows; i += ROWS)
        multiply_piece(ROWS, columns, p, a + i * p->a_row, b, c + (ptrdiff_t)i * p->width);
    for (; i + 4 <= p->rows; i += 4)
        multiply_piece(4, columns, p, a + i * p->a_row, b, c + (ptrdiff_t)i * p->width);
    for (; i < p->rows; ++i)
        multiply_piece(1, columns, p, a + i * p->a_row, b, c + (ptrdiff_t)i * p->width);
}

LOOP void multiply_panels(const panel_product *p, const float *a, const float *b, float *c)
{
    int j = 0;
    for (; j + COLUMNS * LANES <= p->width; j += COLUMNS * LANES)
        multiply_rows(COLUMNS, p, a, b + j, c + j);
    if (COLUMNS > 2 && j + 2 * LANES <= p->width) {
        multiply_rows(2, p, a, b + j, c + j);
        j += 2 * LANES;
    }
    if (j < p->width) multiply_rows(1, p, a, b + j, c + j);
}

LOOPS(panel_kernels) = {multiply_panels};
