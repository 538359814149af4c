/* The loops of elementwise.c: compiled once for every instruction set (src/simd). The activations
   are upstream's own functions (activations.h), here without a switch for every number. */

#define activate_numbers SIMD_NAME(activate_numbers)
#define multiply_gradient SIMD_NAME(multiply_gradient)
#define sum_numbers SIMD_NAME(sum_numbers)
#define scale_numbers SIMD_NAME(scale_numbers)
#define update_numbers SIMD_NAME(update_numbers)
#define update_by_moments SIMD_NAME(update_by_moments)
#define cut_numbers SIMD_NAME(cut_numbers)

LOOP void activate_numbers(float *x, int n, ACTIVATION activation)
{
    switch (activation) {
#define CASE(NAME, name)                                          \
    case NAME:                                                    \
        for (int i = 0; i < n; ++i) x[i] = name##_activate(x[i]); \
        break;
        ACTIVATIONS
#undef CASE
    case LINEAR:
        break;
    }
}

LOOP void multiply_gradient(const float *x, int n, ACTIVATION activation, float *delta)
{
    switch (activation) {
#define CASE(NAME, name)                                               \
    case NAME:                                                         \
        for (int i = 0; i < n; ++i) delta[i] *= name##_gradient(x[i]); \
        break;
        ACTIVATIONS
#undef CASE
    case LINEAR:
        break;
    }
}

LOOP void sum_numbers(int n, const float *a, float by_a, const float *b, float by_b,
                      float *restrict y)
{
    for (int i = 0; i < n; ++i) y[i] = by_a * a[i] + by_b * b[i];
}

LOOP void scale_numbers(int n, const float *x, float factor, int add, float *restrict y)
{
    if (add)
        for (int i = 0; i < n; ++i) y[i] += factor * x[i];
    else
        for (int i = 0; i < n; ++i) y[i] = factor * x[i];
}

LOOP void update_numbers(int n, float decay, float rate, float momentum, float *restrict weights,
                         float *restrict updates)
{
    for (int i = 0; i < n; ++i) {
        float step = updates[i] - decay * weights[i];
        weights[i] += rate * step;
        updates[i] = momentum * step;
    }
}

/* The gradient here points downhill: x + rate * mean / (sqrt(variance) + eps). */
LOOP void update_by_moments(int n, const adam_step *step, float *restrict weights,
                            float *restrict updates, float *restrict mean, float *restrict variance)
{
    const adam_step s = *step;
    for (int i = 0; i < n; ++i) {
        float gradient = updates[i] - s.decay * weights[i];
        mean[i] = s.B1 * mean[i] + (1 - s.B1) * gradient;
        variance[i] = s.B2 * variance[i] + (1 - s.B2) * gradient * gradient;
        weights[i] +=
            s.rate * (mean[i] / s.mean_share) / (sqrtf(variance[i] / s.variance_share) + s.eps);
        updates[i] = 0;
    }
}

LOOP void cut_numbers(int n, float most, float *restrict x)
{
    for (int i = 0; i < n; ++i) {
        float below = x[i] > most ? most : x[i];
        x[i] = below < -most ? -most : below;
    }
}

LOOPS(elementwise_kernels) = {activate_numbers, multiply_gradient, sum_numbers, scale_numbers,
                              update_numbers,   update_by_moments, cut_numbers};
