/* Images as the columns of a matrix, and back: im2col and col2im by whole rows. The same numbers as
   upstream's, added in the same order. */
#include "columns.h"

#include <stddef.h>
#include <string.h>

typedef struct {
    int first, end;
} range;

/* The outputs whose input, offset + stride * output, lies in [0, inputs). */
static range outputs_inside(int offset, int stride, int inputs, int outputs)
{
    range r;
    r.first = offset < 0 ? (-offset + stride - 1) / stride : 0;
    r.end = offset < inputs ? (inputs - 1 - offset) / stride + 1 : 0;
    if (r.first > outputs) r.first = outputs;
    if (r.end > outputs) r.end = outputs;
    if (r.end < r.first) r.end = r.first;
    return r;
}

void columns_of_image(const column_shape *s, const float *image, int first, int end, float *columns)
{
    int rows = s->channels * s->size * s->size, width = s->out_width;
    for (int c = 0; c < rows; ++c) {
        int x = c % s->size - s->pad, y = c / s->size % s->size - s->pad;
        const float *plane = image + (ptrdiff_t)(c / s->size / s->size) * s->height * s->width;
        range in_row = outputs_inside(x, s->stride, s->width, width);
        for (int i = first; i < end; ++i, columns += width) {
            int row = y + i * s->stride;
            if (row < 0 || row >= s->height) {
                memset(columns, 0, width * sizeof(float));
                continue;
            }
            const float *in = plane + (ptrdiff_t)row * s->width + x;
            for (int j = 0; j < in_row.first; ++j) columns[j] = 0;
            if (s->stride == 1)
                memcpy(columns + in_row.first, in + in_row.first,
                       (in_row.end - in_row.first) * sizeof(float));
            else
                for (int j = in_row.first; j < in_row.end; ++j) columns[j] = in[j * s->stride];
            for (int j = in_row.end; j < width; ++j) columns[j] = 0;
        }
    }
}

void add_columns_to_image(const column_shape *s, const float *columns, int first, int end,
                          float *image)
{
    int rows = s->channels * s->size * s->size, width = s->out_width;
    for (int c = 0; c < rows; ++c) {
        int x = c % s->size - s->pad, y = c / s->size % s->size - s->pad;
        float *plane = image + (ptrdiff_t)(c / s->size / s->size) * s->height * s->width;
        range in_row = outputs_inside(x, s->stride, s->width, width);
        for (int i = first; i < end; ++i, columns += width) {
            int row = y + i * s->stride;
            if (row < 0 || row >= s->height) continue;
            float *out = plane + (ptrdiff_t)row * s->width + x;
            if (s->stride == 1)
                for (int j = in_row.first; j < in_row.end; ++j) out[j] += columns[j];
            else
                for (int j = in_row.first; j < in_row.end; ++j) out[j * s->stride] += columns[j];
        }
    }
}
