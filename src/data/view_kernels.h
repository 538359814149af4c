/* The loops of view_sampler.c. */

#define blend_row SIMD_NAME(blend_row)
#define blend_color SIMD_NAME(blend_color)
#define find_places SIMD_NAME(find_places)
#define distort_row SIMD_NAME(distort_row)
#define cut SIMD_NAME(cut)
#define absolute SIMD_NAME(absolute)
#define gather_bytes SIMD_NAME(gather_bytes)

/* The four bytes at each of LANES places. */
INLINE ints gather_bytes(const unsigned char *source, const int *places)
{
    ints bytes = {0};
#pragma GCC unroll 16
    for (int lane = 0; lane < LANES; ++lane) {
        int four;
        memcpy(&four, source + places[lane], sizeof four);
        bytes[lane] = four;
    }
    return bytes;
}

/* One color of four neighbors, in whose bytes it is `shift` bits up, blended. */
INLINE floats blend_color(const ints *pixels, int shift, floats right, floats down)
{
    floats color[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
        color[i] = __builtin_convertvector((pixels[i] >> shift) & 255, floats);
    floats left = color[0] + down * (color[2] - color[0]);
    floats other = color[1] + down * (color[3] - color[1]);
    return PART_OF_255(left + right * (other - left));
}

/* The places of LANES columns from `column` on: the bytes' offsets, and how far each is beyond its
   pixel to the right and down. */
INLINE void find_places(const row_places *r, int column, int *places, floats *right, floats *down)
{
    floats columns = __builtin_convertvector(lane_numbers(), floats) + (float)column;
    columns = SMALLER(columns, FLOATS((float)(r->count - 1)));
    floats x = r->first_x + r->step_x * columns, y = r->first_y + r->step_y * columns;
    x = LARGER(x, FLOATS(0.f)); /* by rounding it may be less */
    y = LARGER(y, FLOATS(0.f));
    ints pixel_x = __builtin_convertvector(x, ints), pixel_y = __builtin_convertvector(y, ints);
    *right = x - __builtin_convertvector(pixel_x, floats);
    *down = y - __builtin_convertvector(pixel_y, floats);
    ints offsets = pixel_y * r->stride + pixel_x * 3;
    memcpy(places, &offsets, sizeof offsets);
}

/* Pixels of three colors, each between four. */
LOOP void blend_row(const row_places *r, float *target, size_t plane)
{
    for (int i = 0; i < r->count; i += LANES) {
        int places[LANES];
        floats right, down;
        find_places(r, i, places, &right, &down);
        const unsigned char *lower = r->pixels + r->stride;
        ints pixels[4] = {gather_bytes(r->pixels, places), gather_bytes(r->pixels + 3, places),
                          gather_bytes(lower, places), gather_bytes(lower + 3, places)};
        for (int c = 0; c < 3; ++c)
            store_some(target + (size_t)c * plane + i, blend_color(pixels, 8 * c, right, down),
                       r->count - i);
    }
}

INLINE floats cut(floats x)
{
    x = LARGER(x, FLOATS(0.f));
    return SMALLER(x, FLOATS(1.f));
}

INLINE floats absolute(floats x)
{
    return (floats)((ints)x & 0x7fffffff);
}

/* HSV changed and back: with V the largest of the three and D the largest less the smallest, each
   color is V' - D' t, with V' = V exposure, D' = D saturation exposure, and t from 0 to 1,
   piecewise linear in the hue, which is counted in sixths of the circle. */
LOOP void distort_row(float *planes, size_t stride, int count, const color_change *change)
{
    for (int i = 0; i < count; i += LANES) {
        float *place = planes + i;
        int some = count - i;
        floats r = load_some(place, some, FLOATS(0.f));
        floats g = load_some(place + stride, some, FLOATS(0.f));
        floats b = load_some(place + 2 * stride, some, FLOATS(0.f));
        floats most = LARGER(r, g), least = SMALLER(r, g);
        most = LARGER(most, b);
        floats range = most - SMALLER(least, b);
        ints is_r = r == most, is_g = g == most;
        floats difference = SELECT(is_r, g - b, SELECT(is_g, b - r, r - g));
        floats base = SELECT(is_r, FLOATS(0.f), SELECT(is_g, FLOATS(2.f), FLOATS(4.f)));
        floats hue = difference / LARGER(range, FLOATS(1e-20f)) + base + change->hue;
        hue = SELECT(hue < 0, hue + 6, hue);
        hue = SELECT(hue >= 6, hue - 6, hue);
        floats value = most * change->value, chroma = range * change->chroma;
        store_some(place, cut(value - chroma * cut(2 - absolute(hue - 3))), some);
        store_some(place + stride, cut(value - chroma * cut(absolute(hue - 2) - 1)), some);
        store_some(place + 2 * stride, cut(value - chroma * cut(absolute(hue - 4) - 1)), some);
    }
}

LOOPS(view_loops) = {blend_row, distort_row};
