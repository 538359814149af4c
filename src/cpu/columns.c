/* Images as the columns of a matrix, and back: im2col and col2im by whole rows. The same numbers as
   upstream's, added in the same order. */
#include "columns.h"

#include <stddef.h>
#include <string.h>

typedef struct {
    int from, to;
} range;

/* The outputs whose input, offset + stride * output, lies in [0, inputs). */
static range outputs_inside(int offset, int stride, int inputs, int outputs)
{
    range r;
    r.from = offset < 0 ? (-offset + stride - 1) / stride : 0;
    r.to = offset < inputs ? (inputs - 1 - offset) / stride + 1 : 0;
    if (r.from > outputs) r.from = outputs;
    if (r.to > outputs) r.to = outputs;
    if (r.to < r.from) r.to = r.from;
    return r;
}

void columns_of_image(const column_shape *s, const float *image, int from, int to, float *columns)
{
    int rows = s->channels * s->size * s->size, width = s->out_width;
    for (int c = 0; c < rows; ++c) {
        int x = c % s->size - s->pad, y = c / s->size % s->size - s->pad;
        const float *plane = image + (ptrdiff_t)(c / s->size / s->size) * s->height * s->width;
        range in_row = outputs_inside(x, s->stride, s->width, width);
        for (int i = from; i < to; ++i, columns += width) {
            int row = y + i * s->stride;
            if (row < 0 || row >= s->height) {
                memset(columns, 0, width * sizeof(float));
                continue;
            }
            const float *in = plane + (ptrdiff_t)row * s->width + x;
            for (int j = 0; j < in_row.from; ++j) columns[j] = 0;
            if (s->stride == 1)
                memcpy(columns + in_row.from, in + in_row.from,
                       (in_row.to - in_row.from) * sizeof(float));
            else
                for (int j = in_row.from; j < in_row.to; ++j) columns[j] = in[j * s->stride];
            for (int j = in_row.to; j < width; ++j) columns[j] = 0;
        }
    }
}

void add_columns_to_image(const column_shape *s, const float *columns, int from, int to,
                          float *image)
{
    int rows = s->channels * s->size * s->size, width = s->out_width;
    for (int c = 0; c < rows; ++c) {
        int x = c % s->size - s->pad, y = c / s->size % s->size - s->pad;
        float *plane = image + (ptrdiff_t)(c / s->size / s->size) * s->height * s->width;
        range in_row = outputs_inside(x, s->stride, s->width, width);
        for (int i = from; i < to; ++i, columns += width) {
            int row = y + i * s->stride;
            if (row < 0 || row >= s->height) continue;
            float *out = plane + (ptrdiff_t)row * s->width + x;
            if (s->stride == 1)
                for (int j = in_row.from; j < in_row.to; ++j) out[j] += columns[j];
            else
                for (int j = in_row.from; j < in_row.to; ++j) out[j * s->stride] += columns[j];
        }
    }
}
