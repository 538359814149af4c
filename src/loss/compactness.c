/* The compactness loss of one class and its gradient. */
#include "compactness.h"

#include <stddef.h>

static int count_targets(int rows, const int *is_target)
{
    int count = 0;
    for (int i = 0; i < rows; ++i) count += is_target[i] != 0;
    return count;
}

/* 1/((m-1)^2 d), which loss and gradient have in common; m >= 2. */
static double common_factor(int targets, int features)
{
    double others = targets - 1;
    return 1 / (others * others * features);
}

float compactness_loss(int rows, int features, const float *x, const int *is_target, float *mean)
{
    int targets = count_targets(rows, is_target);
    double squares = 0;
    if (targets < 2) return 0;
    for (int j = 0; j < features; ++j) {
        double sum = 0;
        for (int i = 0; i < rows; ++i)
            if (is_target[i]) sum += (double)x[(size_t)i * (size_t)features + (size_t)j];
        double center = sum / targets;
        mean[j] = (float)center;
        for (int i = 0; i < rows; ++i) {
            if (!is_target[i]) continue;
            double distance = (double)x[(size_t)i * (size_t)features + (size_t)j] - center;
            squares += distance * distance;
        }
    }
    return (float)(targets * common_factor(targets, features) * squares);
}

void add_compactness_gradient(int rows, int features, const float *x, const int *is_target,
                              const float *mean, float factor, float *sum)
{
    int targets = count_targets(rows, is_target);
    if (targets < 2) return;
    float scale = (float)((double)factor * 2 * targets * common_factor(targets, features));
    for (int i = 0; i < rows; ++i) {
        if (!is_target[i]) continue;
        const float *row = x + (size_t)i * (size_t)features;
        float *own = sum + (size_t)i * (size_t)features;
        for (int j = 0; j < features; ++j) own[j] += scale * (row[j] - mean[j]);
    }
}
