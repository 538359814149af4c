/* Panels, and their products for the instruction set of this machine. */
#include "panels.h"

#include "cpu_settings.h"

#include <stdlib.h>

/* Widths that products are fast for: near to USUAL_WIDTH channels. */
#define USUAL_WIDTH 32
#define MOST_WIDTH 48

typedef struct {
    void (*multiply)(const panel_product *p, const float *a, const float *b, float *c);
} panel_kernels;

#define LOOPS_FILE "panel_kernels.h"
#include "each_instruction_set.h"

panel_layout panels_of(int channels, int lanes)
{
    panel_layout best = {0};
    double least = 0;
    for (int width = lanes; width <= MOST_WIDTH; width += lanes) {
        int count = (channels + width - 1) / width;
        double cost = (double)width * count * (1 + .25 * abs(width - USUAL_WIDTH) / USUAL_WIDTH);
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
