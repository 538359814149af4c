/* The loops of elementwise.c: compiled once for every instruction set (src/simd). The activations
   are upstream's own functions (activations.h), here without a switch for every number. */

#define activate_numbers SIMD_NAME(activate_numbers)
#define multiply_gradient SIMD_NAME(multiply_gradient)
#define update_numbers SIMD_NAME(update_numbers)

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

LOOP void update_numbers(int n, float decay, float rate, float momentum, float *restrict weights,
                         float *restrict updates)
{
    for (int i = 0; i < n; ++i) {
        float step = updates[i] - decay * weights[i];
        weights[i] += rate * step;
        updates[i] = momentum * step;
    }
}

static const elementwise_kernels SIMD_NAME(kernels) = {activate_numbers, multiply_gradient,
                                                       update_numbers};
