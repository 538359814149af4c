/* Panels, and their products for the instruction set of this machine. */
#include "panels.h"

#include "cpu_settings.h"

#include <string.h>

/* Vectors of a panel's rows at most, and numbers: of the longest vectors. */
#define MOST_VECTORS 3
#define MOST_WIDTH 48
/* Rows of a packed panel at most: with MOST_WIDTH columns they take most of the first cache. */
#define MOST_DEPTH 160
/* Rows of a transposed matrix are packed so many at a time. */
#define DEPTH_STEP 16
/* Rows of a product whose columns do not fill vectors: made beside C. */
#define MOST_ROWS 64

typedef struct {
    int lanes;
    void (*pack)(const float *b, ptrdiff_t b_row, int depth, int columns, int width, float *panel);
    void (*pack_transposed)(const float *b, ptrdiff_t b_row, int depth, int columns, int width,
                            float *panel);
    void (*multiply)(const panel_product *p, const float *a, const float *b, float *c);
} panel_kernels;

#define LOOPS_FILE "panel_kernels.h"
#include "each_instruction_set.h"

panel_layout choose_layout(int channels, int lanes)
{
    static const double time_of_vector[MOST_VECTORS] = {1.15, 1, .98}; /* measured, about */
    panel_layout best = {0};
    double least = 0;
    for (int vectors = 1; vectors <= MOST_VECTORS; ++vectors) {
        int width = vectors * lanes, count = (channels + width - 1) / width;
        double cost = count * vectors * time_of_vector[vectors - 1];
        if (best.count && cost >= least) continue;
        least = cost;
        best.width = width;
        best.count = count;
    }
    best.panel = (ptrdiff_t)best.width * PANEL_TILES;
    best.block = best.panel * best.count;
    return best;
}

void multiply_panel(const panel_product *p, const float *a, const float *b, float *c)
{
    SIMD_CHOOSE(loops, cpu.instructions)->multiply(p, a, b, c);
}

/* The product where C has fewer columns than the panel: rows of C are made beside it. */
static void multiply_last_columns(panel_product product, const float *a, const float *panel,
                                  int columns, float *c)
{
    float part[MOST_ROWS * MOST_WIDTH] __attribute__((aligned(64)));
    int rows = product.rows, add = product.add;
    ptrdiff_t c_row = product.c_row;
    product.add = 0;
    product.c_row = product.width;
    for (int first = 0; first < rows; first += MOST_ROWS, a += MOST_ROWS * product.a_row) {
        product.rows = rows - first < MOST_ROWS ? rows - first : MOST_ROWS;
        multiply_panel(&product, a, panel, part);
        for (int i = 0; i < product.rows; ++i, c += c_row)
            for (int j = 0; j < columns; ++j) c[j] = part[i * product.width + j] + (add ? c[j] : 0);
    }
}

/* K rows are divided equally. */
static int panel_depth(int K)
{
    int panels = (K + MOST_DEPTH - 1) / MOST_DEPTH, depth = (K + panels - 1) / panels;
    return (depth + DEPTH_STEP - 1) / DEPTH_STEP * DEPTH_STEP;
}

void multiply(int TA, int TB, int M, int N, int K, const float *A, int lda, const float *B, int ldb,
              int add, float *C, int ldc)
{
    const panel_kernels *kernels = SIMD_CHOOSE(loops, cpu.instructions);
    float panel[MOST_DEPTH * MOST_WIDTH] __attribute__((aligned(64)));
    panel_product product = {.rows = M, .panels = 1, .c_row = ldc};
    product.a_row = TA ? 1 : lda;
    product.a_step = TA ? lda : 1;
    int most = MOST_VECTORS * kernels->lanes, depth = panel_depth(K);
    for (int j = 0; j < N; j += most) {
        int columns = N - j < most ? N - j : most;
        product.width = (columns + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
        for (int k = 0; k < K; k += depth) {
            const float *a = A + k * product.a_step;
            product.depth = K - k < depth ? K - k : depth;
            product.add = add || k > 0;
            if (TB)
                kernels->pack_transposed(B + (ptrdiff_t)j * ldb + k, ldb, product.depth, columns,
                                         product.width, panel);
            else
                kernels->pack(B + (ptrdiff_t)k * ldb + j, ldb, product.depth, columns,
                              product.width, panel);
            if (columns == product.width)
                multiply_panel(&product, a, panel, C + j);
            else
                multiply_last_columns(product, a, panel, columns, C + j);
        }
    }
}
