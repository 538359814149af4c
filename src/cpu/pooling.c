/* Max-pooling, a plane at a time. */
#include "pooling.h"

#include "cpu_settings.h"
#include "cpu_threads.h"
#include "delta_writers.h"
#include "integers.h"

#include <float.h>
#include <stddef.h>
#include <string.h>

#define LOOPS_FILE "pooling_kernels.h"
#include "each_instruction_set.h"

typedef struct {
    const layer *l;
    const float *input;
    float *input_delta;
    int overwrite; /* input_delta is written, not added to */
    void (*two_by_two)(const float *in, int first, int height, int width, float *out, int *indexes);
    void (*spread)(const float *delta, const int *indexes, int first, int height, int width,
                   float *plane);
} pooling;

static void pool_plane(const layer *l, const float *in, int first, float *out, int *indexes)
{
    int offset = -l->pad / 2;
    for (int i = 0; i < l->out_h; ++i) {
        int top = offset + i * l->stride, bottom = min_int(top + l->size, l->h);
        for (int j = 0; j < l->out_w; ++j) {
            int left = offset + j * l->stride, right = min_int(left + l->size, l->w);
            float most = -FLT_MAX;
            int index = -1;
            for (int row = max_int(top, 0); row < bottom; ++row)
                for (int column = max_int(left, 0); column < right; ++column) {
                    float value = in[(ptrdiff_t)row * l->w + column];
                    if (value > most) {
                        most = value;
                        index = row * l->w + column;
                    }
                }
            *out++ = most;
            *indexes++ = index < 0 ? index : first + index;
        }
    }
}

static void forward_plane(void *argument, int plane, int slot)
{
    pooling *p = argument;
    const layer *l = p->l;
    int in_size = l->h * l->w, out_size = l->out_h * l->out_w;
    const float *in = p->input + (ptrdiff_t)plane * in_size;
    float *out = l->output + (ptrdiff_t)plane * out_size;
    int *indexes = l->indexes + (ptrdiff_t)plane * out_size;
    (void)slot;
    if (p->two_by_two)
        p->two_by_two(in, plane * in_size, l->h, l->w, out, indexes);
    else
        pool_plane(l, in, plane * in_size, out, indexes);
}

/* Windows of 2x2 that cover the plane and do not overlap. */
static int is_two_by_two(const layer *l)
{
    return l->size == 2 && l->stride == 2 && 2 * l->out_h == l->h && 2 * l->out_w == l->w;
}

int forward_maxpool_cpu(layer l, network net)
{
    pooling p = {.l = &l, .input = net.input};
    if (!cpu_fast()) return 0;
    if (is_two_by_two(&l)) p.two_by_two = SIMD_CHOOSE(maxpool_2x2, cpu.instructions);
    parallel_for(l.batch * l.c, forward_plane, &p);
    return 1;
}

static void backward_plane(void *argument, int plane, int slot)
{
    pooling *p = argument;
    const layer *l = p->l;
    int in_size = l->h * l->w, size = l->out_h * l->out_w;
    const int *indexes = l->indexes + (ptrdiff_t)plane * size;
    const float *delta = l->delta + (ptrdiff_t)plane * size;
    float *input_delta = p->input_delta + (ptrdiff_t)plane * in_size;
    (void)slot;
    if (p->overwrite && p->spread) {
        p->spread(delta, indexes, plane * in_size, l->h, l->w, input_delta);
        return;
    }
    if (p->overwrite) memset(input_delta, 0, in_size * sizeof(float));
    for (int i = 0; i < size; ++i)
        if (indexes[i] >= 0) p->input_delta[indexes[i]] += delta[i];
}

int backward_maxpool_cpu(layer l, network net)
{
    pooling p = {.l = &l, .input_delta = net.delta, .overwrite = overwrites_delta(&net)};
    if (!cpu_fast()) return 0;
    if (is_two_by_two(&l)) p.spread = SIMD_CHOOSE(spread_2x2, cpu.instructions);
    parallel_for(l.batch * l.c, backward_plane, &p);
    return 1;
}
