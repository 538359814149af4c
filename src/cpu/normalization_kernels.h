/* Loops over the planes of a channel (its numbers in each image) for batch normalization: compiled
   once for every instruction set (src/simd). Sums are of at most CHUNK numbers a lane in float,
   and in double from there. */

#define float_sums SIMD_NAME(float_sums)
#define flush_sums SIMD_NAME(flush_sums)
#define end_of_piece SIMD_NAME(end_of_piece)
#define sum_moments SIMD_NAME(sum_moments)
#define scale_and_bend SIMD_NAME(scale_and_bend)
#define sum_gradient_moments SIMD_NAME(sum_gradient_moments)
#define combine_gradients SIMD_NAME(combine_gradients)

#define CHUNK 64

/* Two sums, each of two parts that do not wait for each other; `used`: numbers a lane so far. */
typedef struct {
    floats s, s2, t, t2;
    int used;
} float_sums;

INLINE void flush_sums(float_sums *f, double *sums)
{
    sums[0] += sum_lanes(f->s + f->t);
    sums[1] += sum_lanes(f->s2 + f->t2);
    *f = (float_sums){0};
}

/* Where the piece of a plane ends that begins at `begin`: a chunk. Makes room for it in the sums.
 */
INLINE int end_of_piece(float_sums *f, double *sums, int begin, int size)
{
    int end = size - begin > CHUNK * LANES ? begin + CHUNK * LANES : size;
    int numbers = (end - begin + LANES - 1) / LANES;
    if (f->used + numbers > CHUNK) flush_sums(f, sums);
    f->used += numbers;
    return end;
}

/* sums[0] += sum of x - shift, sums[1] += of its square. */
LOOP void sum_moments(const channel_planes *p, const float *x, float shift, double *sums)
{
    float_sums f = {0};
    for (int plane = 0; plane < p->count; ++plane, x += p->apart)
        for (int i = 0, end; i < p->size; i = end) {
            end = end_of_piece(&f, sums, i, p->size);
            for (; i + 2 * LANES <= end; i += 2 * LANES) {
                floats a = load(x + i) - shift, b = load(x + i + LANES) - shift;
                f.s += a, f.s2 += a * a;
                f.t += b, f.t2 += b * b;
            }
            for (; i < end; i += LANES) {
                floats a = load_some(x + i, end - i, FLOATS(shift)) - shift;
                f.s += a, f.s2 += a * a;
            }
        }
    flush_sums(&f, sums);
}

/* y = activation((x - mean) * scale + bias), activation: y > 0 ? y : slope * y. */
LOOP void scale_and_bend(const channel_planes *p, const float *x, float *y, float mean, float scale,
                         float bias, float slope)
{
    for (int plane = 0; plane < p->count; ++plane, x += p->apart, y += p->apart)
        for (int i = 0; i < p->size; i += LANES) {
            floats a = (load_some(x + i, p->size - i, (floats){0}) - mean) * scale + bias;
            store_some(y + i, SELECT(a > 0, a, a * slope), p->size - i);
        }
}

/* delta is multiplied by the activation's gradient: 1 or slope, by the sign of
   (x - mean) * scale + bias, so that y need not be read. sums[0] += sum of that, sums[1] += sum of
   its products with x - mean. */
LOOP void sum_gradient_moments(const channel_planes *p, const float *x, float *delta, float mean,
                               float scale, float bias, float slope, double *sums)
{
    float_sums f = {0};
    for (int plane = 0; plane < p->count; ++plane, x += p->apart, delta += p->apart)
        for (int i = 0, end; i < p->size; i = end) {
            end = end_of_piece(&f, sums, i, p->size);
            for (; i + 2 * LANES <= end; i += 2 * LANES) {
                floats a = load(delta + i), b = load(delta + i + LANES);
                floats u = load(x + i) - mean, v = load(x + i + LANES) - mean;
                a = SELECT(u * scale + bias > 0, a, a * slope);
                b = SELECT(v * scale + bias > 0, b, b * slope);
                store(delta + i, a);
                store(delta + i + LANES, b);
                f.s += a, f.s2 += a * u;
                f.t += b, f.t2 += b * v;
            }
            for (; i < end; i += LANES) {
                floats a = load_some(delta + i, end - i, (floats){0});
                floats u = load_some(x + i, end - i, (floats){0}) - mean;
                a = SELECT(u * scale + bias > 0, a, a * slope);
                store_some(delta + i, a, end - i);
                f.s += a, f.s2 += a * u;
            }
        }
    flush_sums(&f, sums);
}

/* delta = delta * by_delta + (x - mean) * by_x + constant. */
LOOP void combine_gradients(const channel_planes *p, const float *x, float *delta, float mean,
                            float by_delta, float by_x, float constant)
{
    for (int plane = 0; plane < p->count; ++plane, x += p->apart, delta += p->apart)
        for (int i = 0; i < p->size; i += LANES) {
            int count = p->size - i;
            floats centered = load_some(x + i, count, (floats){0}) - mean;
            floats scaled = load_some(delta + i, count, (floats){0}) * by_delta;
            store_some(delta + i, scaled + centered * by_x + constant, count);
        }
}

LOOPS(normalization_kernels) = {sum_moments, scale_and_bend, sum_gradient_moments,
                                combine_gradients};

#undef CHUNK
