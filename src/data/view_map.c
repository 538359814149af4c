/* Which part of an image a view shows: the map from the view's pixels to the image's. */
#include "view_map.h"

#include <math.h>

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* As Darknet's random_augment_args and rotate_crop_image. */
static view_map map_random(const view_choice *v, int width, int height)
{
    int box_w = width, box_h = height;
    float fits; /* the width of the largest crop */
    if (v->w == v->h) {
        float wide = (float)width * v->aspect;
        fits = (float)((float)height < wide ? height : (int)wide);
        if (fits < 1) fits = 1;
    } else {
        if ((double)width * v->h < (double)height * v->w)
            box_w = (int)((double)height * v->w / v->h + .5);
        else
            box_h = (int)((double)width * v->h / v->w + .5);
        fits = (float)box_h * (float)v->w / (float)v->h;
        if (fits > (float)box_w * v->aspect) fits = (float)box_w * v->aspect;
    }
    float scale = (float)v->width / fits;
    float right = fabsf(((float)box_w * scale / v->aspect - (float)v->w) / 2);
    float down = fabsf(((float)box_h * scale - (float)v->h) / 2);
    right = v->right * (2 * right) - right;
    down = v->down * (2 * down) - down;
    double cosine = cos(v->radians), sine = sin(v->radians);
    double step_x = v->aspect / scale, step_y = 1. / scale;
    int x = (box_w - width) / 2, y = (box_h - height) / 2; /* of the image in the box */
    view_map m = {.ax = cosine * step_x,
                  .bx = -sine * step_y,
                  .ay = sine * step_x,
                  .by = cosine * step_y,
                  .columns = v->w,
                  .rows = v->h,
                  .box_left = -x,
                  .box_right = box_w - x,
                  .box_top = -y,
                  .box_bottom = box_h - y};
    m.cx = m.ax * (right - v->w / 2.) + m.bx * (down - v->h / 2.) + box_w / 2. - x;
    m.cy = m.ay * (right - v->w / 2.) + m.by * (down - v->h / 2.) + box_h / 2. - y;
    return m;
}

/* Places of `count` pixels from the first to the last of `all`, as Darknet's resize_image. */
static void spread(int count, int all, double *step, double *first)
{
    *step = count > 1 ? (double)(all - 1) / (count - 1) : 0;
    *first = count > 1 ? 0 : all - 1;
}

/* The part of width x height in the middle of the image, in the view's shape. */
static view_map map_middle(const view_choice *v, int width, int height, int part_w, int part_h)
{
    view_map m = {.columns = v->w, .rows = v->h, .extends = 1};
    spread(v->w, part_w, &m.ax, &m.cx);
    spread(v->h, part_h, &m.by, &m.cy);
    m.cx += (width - part_w) / 2;
    m.cy += (height - part_h) / 2;
    return m;
}

/* As Darknet's letterbox_image. */
static view_map map_letterbox(const view_choice *v, int width, int height)
{
    view_map m = {.columns = v->w, .rows = v->h, .extends = 1};
    if ((float)v->w / (float)width < (float)v->h / (float)height)
        m.rows = (int)((long long)height * v->w / width);
    else
        m.columns = (int)((long long)width * v->h / height);
    m.left = (v->w - m.columns) / 2;
    m.top = (v->h - m.rows) / 2;
    spread(m.columns, width, &m.ax, &m.cx);
    spread(m.rows, height, &m.by, &m.cy);
    return m;
}

static view_map map_unmirrored(const view_choice *v, int width, int height)
{
    int side = smaller(width, height);
    switch (v->kind) {
    case VIEW_RANDOM:
        return map_random(v, width, height);
    case VIEW_STRETCHED:
        return map_middle(v, width, height, width, height);
    default:
        if (v->kind == VIEW_CENTER && v->w == v->h) return map_middle(v, width, height, side, side);
        return map_letterbox(v, width, height);
    }
}

view_map map_view(const view_choice *v, int width, int height)
{
    view_map m = map_unmirrored(v, width, height);
    if (!v->flip) return m;
    m.left = v->w - m.left - m.columns;
    m.cx += m.ax * (m.columns - 1);
    m.cy += m.ay * (m.columns - 1);
    m.ax = -m.ax;
    m.ay = -m.ay;
    return m;
}

/* Rows and columns change places. */
static void transpose(view_map *m)
{
    view_map old = *m;
    m->ax = old.ay, m->bx = old.by, m->cx = old.cy;
    m->ay = old.ax, m->by = old.bx, m->cy = old.cx;
    m->box_left = old.box_top, m->box_right = old.box_bottom;
    m->box_top = old.box_left, m->box_bottom = old.box_right;
}

static void mirror_columns(view_map *m, int width)
{
    double left = m->box_left;
    m->ax = -m->ax;
    m->bx = -m->bx;
    m->cx = width - 1 - m->cx;
    m->box_left = width - m->box_right;
    m->box_right = width - left;
}

static void mirror_rows(view_map *m, int height)
{
    transpose(m);
    mirror_columns(m, height);
    transpose(m);
}

void map_to_file(view_map *m, int orientation, int width, int height)
{
    if (orientation >= 5) transpose(m);
    if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
        mirror_columns(m, width);
    if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
        mirror_rows(m, height);
}

int eighths_needed(const view_map *m)
{
    double by_x = hypot(m->ax, m->ay), by_y = hypot(m->bx, m->by);
    /* One row or column is a point of the image, and says nothing. */
    double step = m->columns < 2 ? by_y : m->rows < 2 ? by_x : fmin(by_x, by_y);
    int eighths = 1;
    while (eighths < 8 && step * eighths < 8 * (1 - 1e-6)) eighths *= 2;
    return eighths;
}

void reduce_map(view_map *m, int eighths)
{
    double k = eighths / 8.;
    m->ax *= k, m->bx *= k, m->cx = (m->cx + .5) * k - .5;
    m->ay *= k, m->by *= k, m->cy = (m->cy + .5) * k - .5;
    m->box_left *= k, m->box_right *= k, m->box_top *= k, m->box_bottom *= k;
}

/* First and end of what two neighbors of the places from `least` to `most` need, 0 to all. */
static void needed(double least, double most, int all, int *first, int *end)
{
    least = floor(least - .01), most = floor(most + .01) + 2;
    *first = least > 0 ? (least < all - 1 ? (int)least : all - 1) : 0;
    *end = most < all ? (most > 1 ? (int)most : 1) : all;
    if (*end <= *first) *end = *first + 1;
}

view_window find_window(const view_map *m, int width, int height)
{
    double left = 1e300, right = -1e300, top = left, bottom = right;
    for (int corner = 0; corner < 4; ++corner) {
        int x = corner & 1 ? m->columns - 1 : 0, y = corner & 2 ? m->rows - 1 : 0;
        double px = m->ax * x + m->bx * y + m->cx, py = m->ay * x + m->by * y + m->cy;
        left = fmin(left, px), right = fmax(right, px);
        top = fmin(top, py), bottom = fmax(bottom, py);
    }
    view_window window;
    needed(left, right, width, &window.left, &window.right);
    needed(top, bottom, height, &window.top, &window.bottom);
    return window;
}
