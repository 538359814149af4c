/* Loops over a plane (the numbers of one channel of one image) for batch normalization: compiled
   once for every instruction set (src/simd). Sums are of at most CHUNK numbers a lane in float,
   and in double from there. */

#define sum_moments SIMD_NAME(sum_moments)
#define scale_and_bend SIMD_NAME(scale_and_bend)
#define sum_gradient_moments SIMD_NAME(sum_gradient_moments)
#define combine_gradients SIMD_NAME(combine_gradients)

#define CHUNK 64

/* sums[0] += sum of x - shift, sums[1] += of its square. */
LOOP void sum_moments(const float *x, int size, float shift, double *sums)
{
    for (int begin = 0; begin < size;) {
        int end = size - begin > CHUNK * LANES ? begin + CHUNK * LANES : size, i = begin;
        floats s = {0}, s2 = {0}, t = {0}, t2 = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            floats a = load(x + i) - shift, b = load(x + i + LANES) - shift;
            s += a, s2 += a * a;
            t += b, t2 += b * b;
        }
        sums[0] += sum_lanes(s + t);
        sums[1] += sum_lanes(s2 + t2);
        for (; i < end; ++i) {
            float a = x[i] - shift;
            sums[0] += a;
            sums[1] += a * a;
        }
        begin = end;
    }
}

/* y = activation((x - mean) * scale + bias), activation: y > 0 ? y : slope * y. */
LOOP void scale_and_bend(const float *x, float *y, int size, float mean, float scale, float bias,
                         float slope)
{
    int i = 0;
    for (; i + LANES <= size; i += LANES) {
        floats a = (load(x + i) - mean) * scale + bias;
        store(y + i, SELECT(a > 0, a, a * slope));
    }
    for (; i < size; ++i) {
        float a = (x[i] - mean) * scale + bias;
        y[i] = a > 0 ? a : a * slope;
    }
}

/* delta is multiplied by the activation's gradient: 1 or slope, by the sign of
   (x - mean) * scale + bias, so that y need not be read. sums[0] += sum of that, sums[1] += sum of
   its products with x - mean. */
LOOP void sum_gradient_moments(const float *x, float *delta, int size, float mean, float scale,
                               float bias, float slope, double *sums)
{
    for (int begin = 0; begin < size;) {
        int end = size - begin > CHUNK * LANES ? begin + CHUNK * LANES : size, i = begin;
        floats s = {0}, s2 = {0}, t = {0}, t2 = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            floats a = load(delta + i), b = load(delta + i + LANES);
            floats u = load(x + i) - mean, v = load(x + i + LANES) - mean;
            a = SELECT(u * scale + bias > 0, a, a * slope);
            b = SELECT(v * scale + bias > 0, b, b * slope);
            store(delta + i, a);
            store(delta + i + LANES, b);
            s += a, s2 += a * u;
            t += b, t2 += b * v;
        }
        sums[0] += sum_lanes(s + t);
        sums[1] += sum_lanes(s2 + t2);
        for (; i < end; ++i) {
            float a = (x[i] - mean) * scale + bias > 0 ? delta[i] : delta[i] * slope;
            delta[i] = a;
            sums[0] += a;
            sums[1] += a * (x[i] - mean);
        }
        begin = end;
    }
}

/* delta = delta * by_delta + (x - mean) * by_x + constant. */
LOOP void combine_gradients(const float *x, float *delta, int size, float mean, float by_delta,
                            float by_x, float constant)
{
    int i = 0;
    for (; i + LANES <= size; i += LANES) {
        floats centered = load(x + i) - mean, scaled = load(delta + i) * by_delta;
        store(delta + i, scaled + centered * by_x + constant);
    }
    for (; i < size; ++i) delta[i] = delta[i] * by_delta + (x[i] - mean) * by_x + constant;
}

LOOPS(normalization_kernels) = {sum_moments, scale_and_bend, sum_gradient_moments,
                                combine_gradients};

#undef CHUNK
