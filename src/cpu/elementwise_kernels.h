/* The loops of elementwise.c: compiled once for every instruction set (cpu_simd.h). The activations
   are upstream's own functions (activations.h), here without a switch for every number. */

SIMD_TARGET static void SIMD_NAME(activate)(float *x, int n, ACTIVATION activation)
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

SIMD_TARGET static void SIMD_NAME(gradient)(const float *x, int n, ACTIVATION activation,
                                            float *delta)
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

SIMD_TARGET static void SIMD_NAME(update)(int n, float decay, float rate, float momentum,
                                          float *restrict weights, float *restrict updates)
{
    for (int i = 0; i < n; ++i) {
        float step = updates[i] - decay * weights[i];
        weights[i] += rate * step;
        updates[i] = momentum * step;
    }
}

static const elementwise_kernels SIMD_NAME(kernels) = {SIMD_NAME(activate), SIMD_NAME(gradient),
                                                       SIMD_NAME(update)};
