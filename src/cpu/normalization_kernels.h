/* Loops over a plane (the numbers of one channel of one image) for batch normalization: compiled
   once for every instruction set (cpu_simd.h). Sums are of at most CHUNK numbers a lane in float,
   and in double from there. */

#define CHUNK 64

INLINE double SIMD_NAME(sum)(floats x)
{
    double sum = 0;
    for (int i = 0; i < LANES; ++i) sum += x[i];
    return sum;
}

/* positive > 0 ? x : slope * x, lane by lane. */
INLINE floats SIMD_NAME(bend)(floats positive, floats x, float slope)
{
    return SIMD_NAME(choose_floats)(positive > 0, x, x * slope);
}

/* sums[0] += sum of x - shift, sums[1] += of its square. */
SIMD_TARGET static void SIMD_NAME(moments)(const float *x, int size, float shift, double *sums)
{
    for (int begin = 0; begin < size;) {
        int end = size - begin > CHUNK * LANES ? begin + CHUNK * LANES : size, i = begin;
        floats s = {0}, s2 = {0}, t = {0}, t2 = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            floats a = SIMD_NAME(load)(x + i) - shift, b = SIMD_NAME(load)(x + i + LANES) - shift;
            s += a, s2 += a * a;
            t += b, t2 += b * b;
        }
        sums[0] += SIMD_NAME(sum)(s + t);
        sums[1] += SIMD_NAME(sum)(s2 + t2);
        for (; i < end; ++i) {
            float a = x[i] - shift;
            sums[0] += a;
            sums[1] += a * a;
        }
        begin = end;
    }
}

/* y = activation((x - mean) * scale + bias), activation: y > 0 ? y : slope * y. */
SIMD_TARGET static void SIMD_NAME(affine)(const float *x, float *y, int size, float mean,
                                          float scale, float bias, float slope)
{
    int i = 0;
    for (; i + LANES <= size; i += LANES) {
        floats a = (SIMD_NAME(load)(x + i) - mean) * scale + bias;
        SIMD_NAME(store)(y + i, SIMD_NAME(bend)(a, a, slope));
    }
    for (; i < size; ++i) {
        float a = (x[i] - mean) * scale + bias;
        y[i] = a > 0 ? a : a * slope;
    }
}

/* delta is multiplied by the activation's gradient (1 or slope, by the sign of y); sums[0] += sum
   of that, sums[1] += sum of its products with x - mean. */
SIMD_TARGET static void SIMD_NAME(gradient_moments)(const float *x, const float *y, float *delta,
                                                    int size, float mean, float slope, double *sums)
{
    for (int begin = 0; begin < size;) {
        int end = size - begin > CHUNK * LANES ? begin + CHUNK * LANES : size, i = begin;
        floats s = {0}, s2 = {0}, t = {0}, t2 = {0};
        for (; i + 2 * LANES <= end; i += 2 * LANES) {
            floats a = SIMD_NAME(load)(delta + i), b = SIMD_NAME(load)(delta + i + LANES);
            a = SIMD_NAME(bend)(SIMD_NAME(load)(y + i), a, slope);
            b = SIMD_NAME(bend)(SIMD_NAME(load)(y + i + LANES), b, slope);
            SIMD_NAME(store)(delta + i, a);
            SIMD_NAME(store)(delta + i + LANES, b);
            s += a, s2 += a * (SIMD_NAME(load)(x + i) - mean);
            t += b, t2 += b * (SIMD_NAME(load)(x + i + LANES) - mean);
        }
        sums[0] += SIMD_NAME(sum)(s + t);
        sums[1] += SIMD_NAME(sum)(s2 + t2);
        for (; i < end; ++i) {
            float a = y[i] > 0 ? delta[i] : delta[i] * slope;
            delta[i] = a;
            sums[0] += a;
            sums[1] += a * (x[i] - mean);
        }
        begin = end;
    }
}

/* delta = delta * by_delta + (x - mean) * by_x + constant. */
SIMD_TARGET static void SIMD_NAME(combine)(const float *x, float *delta, int size, float mean,
                                           float by_delta, float by_x, float constant)
{
    int i = 0;
    for (; i + LANES <= size; i += LANES) {
        floats centered = SIMD_NAME(load)(x + i) - mean,
               scaled = SIMD_NAME(load)(delta + i) * by_delta;
        SIMD_NAME(store)(delta + i, scaled + centered * by_x + constant);
    }
    for (; i < size; ++i) delta[i] = delta[i] * by_delta + (x[i] - mean) * by_x + constant;
}

static const normalization_kernels SIMD_NAME(kernels) = {
    SIMD_NAME(moments), SIMD_NAME(affine), SIMD_NAME(gradient_moments), SIMD_NAME(combine)};

#undef CHUNK
