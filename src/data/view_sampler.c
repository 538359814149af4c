/* From an image's bytes to the planes of floats of a view, and its colors. */
#include "view_sampler.h"

#include <math.h>
#include <string.h>

/* x / 255, for a byte with the same bits. */
#define PART_OF_255(x) ((x) * (1 / 256.f) + (x) * (1 / 65280.f))

/* A row's places: column i, of `count`, is first + step i to the right and down of
   the pixel at `pixels`, not less than 0 but for rounding; all four neighbors are there. */
typedef struct {
    const unsigned char *pixels;
    int count, stride;
    float first_x, step_x, first_y, step_y;
} row_places;

/* Hue to add, in sixths of the circle; factors of value and of chroma. */
typedef struct {
    float hue, value, chroma;
} color_change;

typedef struct {
    void (*blend)(const row_places *places, float *target, size_t plane);
    void (*distort)(float *planes, size_t stride, int count, const color_change *change);
} view_loops;

#define LOOPS_FILE "view_kernels.h"
#include "each_instruction_set.h"

static const view_loops *best_loops(void)
{
    return SIMD_CHOOSE(loops, best_instruction_set());
}

/* What is at a whole place: a byte of the image, the gray around it, or black. */
static float pixel_value(const image_part *image, const view_map *m, int x, int y, int channel)
{
    const view_window *w = &image->window;
    if (x < w->left || x >= w->right || y < w->top || y >= w->bottom) {
        int gray = x + .5 >= m->box_left && x + .5 < m->box_right && y + .5 >= m->box_top &&
                   y + .5 < m->box_bottom;
        return gray ? 127.5f : 0;
    }
    size_t columns = (size_t)(w->right - w->left);
    size_t pixel = (size_t)(y - w->top) * columns + (size_t)(x - w->left);
    return image->pixels[pixel * (size_t)image->channels + (size_t)channel];
}

static double between(double x, double least, double most)
{
    return x > least ? (x < most ? x : most) : least;
}

static int rounded_down(double x)
{
    int whole = (int)x;
    return whole - (x < whole);
}

typedef struct {
    const image_part *image;
    const view_map *map;
    double least_x, most_x, least_y, most_y; /* places beyond these show the same as these */
    size_t plane;
} sampling;

static sampling begin_sampling(const image_part *image, const view_map *m, size_t plane)
{
    sampling s = {.image = image, .map = m, .plane = plane};
    double left = m->box_left < 0 ? m->box_left : 0, top = m->box_top < 0 ? m->box_top : 0;
    double right = m->box_right > image->width ? m->box_right : image->width;
    double bottom = m->box_bottom > image->height ? m->box_bottom : image->height;
    s.least_x = m->extends ? 0 : left - 2;
    s.most_x = m->extends ? image->width - 1 : right + 1;
    s.least_y = m->extends ? 0 : top - 2;
    s.most_y = m->extends ? image->height - 1 : bottom + 1;
    return s;
}

/* A pixel whose neighbors may be beyond the image. */
static void sample_pixel(const sampling *s, int column, int row, float *target)
{
    const view_map *m = s->map;
    double px = between(m->ax * column + (m->bx * row + m->cx), s->least_x, s->most_x);
    double py = between(m->ay * column + (m->by * row + m->cy), s->least_y, s->most_y);
    int x = rounded_down(px), y = rounded_down(py);
    float right = (float)(px - x), down = (float)(py - y);
    for (int c = 0; c < s->image->channels; ++c) {
        float a = pixel_value(s->image, m, x, y, c), b = pixel_value(s->image, m, x + 1, y, c);
        float left = a + down * (pixel_value(s->image, m, x, y + 1, c) - a);
        float other = b + down * (pixel_value(s->image, m, x + 1, y + 1, c) - b);
        target[(size_t)c * s->plane] = PART_OF_255(left + right * (other - left));
    }
}

/* Cuts from first to end the columns whose places, start + step column, are not from least to most.
 */
static void keep_columns(double start, double step, double least, double most, int *first, int *end)
{
    double least_column = *first, end_column = *end;
    if (step < 0) {
        double old = least;
        start = -start, step = -step, least = -most, most = -old;
    }
    if (step > 0) {
        least_column = between(ceil((least - start) / step), least_column, end_column);
        end_column = between(floor((most - start) / step) + 1, least_column, end_column);
    } else if (!(start >= least && start <= most)) {
        end_column = least_column;
    }
    *first = (int)least_column;
    *end = (int)end_column;
}

/* The columns of a row whose four neighbors are all in the window, a hundredth of a pixel left for
   rounding, or more where the row is very long. */
static void find_inside(const sampling *s, double x, double y, int *first, int *end)
{
    const view_map *m = s->map;
    const view_window *w = &s->image->window;
    double more = .01 + 1e-6 * (fabs(m->ax) + fabs(m->ay)) * m->columns;
    *first = 0;
    *end = m->columns;
    keep_columns(x, m->ax, w->left + more, w->right - 1 - more, first, end);
    keep_columns(y, m->ay, w->top + more, w->bottom - 1 - more, first, end);
}

/* As blend_row of view_kernels.h, of images of another number of channels. */
static void blend_channel(const row_places *r, int channels, float *target)
{
    for (int i = 0; i < r->count; ++i) {
        float x = r->first_x + r->step_x * (float)i, y = r->first_y + r->step_y * (float)i;
        x = x > 0 ? x : 0;
        y = y > 0 ? y : 0;
        const unsigned char *upper =
            r->pixels + (size_t)y * r->stride + (size_t)((int)x * channels);
        const unsigned char *lower = upper + r->stride;
        float right = x - (float)(int)x, down = y - (float)(int)y;
        float a = upper[0], b = upper[channels];
        float left = a + down * (lower[0] - a), other = b + down * (lower[channels] - b);
        target[i] = PART_OF_255(left + right * (other - left));
    }
}

/* Columns from first to end of a row that begins at (x, y). */
static void sample_inside(const sampling *s, double x, double y, int first, int end, float *target)
{
    const view_map *m = s->map;
    const view_window *w = &s->image->window;
    int channels = s->image->channels;
    size_t stride = (size_t)(w->right - w->left) * (size_t)channels;
    x += m->ax * first;
    y += m->ay * first;
    int left = (int)fmin(x, x + m->ax * (end - 1 - first));
    int top = (int)fmin(y, y + m->ay * (end - 1 - first));
    row_places places = {.pixels = s->image->pixels + (size_t)(top - w->top) * stride +
                                   (size_t)(left - w->left) * (size_t)channels,
                         .count = end - first,
                         .stride = (int)stride,
                         .first_x = (float)(x - left),
                         .step_x = (float)m->ax,
                         .first_y = (float)(y - top),
                         .step_y = (float)m->ay};
    if (channels == 3) {
        best_loops()->blend(&places, target + first, s->plane);
        return;
    }
    for (int c = 0; c < channels; ++c, ++places.pixels)
        blend_channel(&places, channels, target + first + (size_t)c * s->plane);
}

/* The columns of a row that are not black; writes the others. */
static void find_seen(const sampling *s, double x, double y, float *target, int *first, int *end)
{
    const view_map *m = s->map;
    *first = 0;
    *end = m->columns;
    keep_columns(x, m->ax, s->least_x, s->most_x, first, end);
    keep_columns(y, m->ay, s->least_y, s->most_y, first, end);
    for (int c = 0; c < s->image->channels; ++c) {
        float *row = target + (size_t)c * s->plane;
        for (int column = 0; column < *first; ++column) row[column] = 0;
        for (int column = *end; column < m->columns; ++column) row[column] = 0;
    }
}

static void sample_row(const sampling *s, int row, float *target)
{
    const view_map *m = s->map;
    double x = m->bx * row + m->cx, y = m->by * row + m->cy;
    int seen = 0, seen_end = m->columns, first, end;
    if (!m->extends) find_seen(s, x, y, target, &seen, &seen_end);
    find_inside(s, x, y, &first, &end);
    for (int column = seen; column < seen_end; ++column) {
        if (column == first && end > first) {
            sample_inside(s, x, y, first, end, target);
            column = end - 1;
        } else {
            sample_pixel(s, column, row, target + column);
        }
    }
}

void sample_view(const image_part *image, const view_map *m, int w, int h, float *planes)
{
    sampling s = begin_sampling(image, m, (size_t)w * (size_t)h);
    size_t all = s.plane * (size_t)image->channels;
    if (m->columns < w || m->rows < h)
        for (size_t i = 0; i < all; ++i) planes[i] = .5f;
    for (int row = 0; row < m->rows; ++row)
        sample_row(&s, row, planes + (size_t)(m->top + row) * (size_t)w + m->left);
}

void distort_colors(float *planes, size_t count, float hue, float saturation, float exposure)
{
    enum { ROW = 1 << 20 };
    const color_change change = {6 * hue, exposure, exposure * saturation};
    for (size_t i = 0; i < count; i += ROW)
        best_loops()->distort(planes + i, count, count - i < ROW ? (int)(count - i) : ROW, &change);
}
