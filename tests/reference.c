/* The two references: brute force over subsets, and prefix and suffix products in 80 bits. */
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void brute_force(const smooth_topk_params *params, int classes, const float *scores, int label,
                 long double *loss, long double *grad)
{
    int k = params->k;
    long double tau = params->tau, most = -INFINITY, all = 0, with_label = 0;
    memset(grad, 0, classes * sizeof *grad);
    for (int pass = 0; pass < 3; ++pass) {
        for (unsigned subset = 0; subset < 1u << classes; ++subset) {
            if (__builtin_popcount(subset) != k) continue;
            int has_label = subset >> label & 1;
            long double sum = 0;
            for (int i = 0; i < classes; ++i)
                if (subset >> i & 1) sum += scores[i];
            sum = (sum / k + (has_label ? 0 : params->alpha)) / tau;
            if (pass == 0) {
                most = sum > most ? sum : most;
            } else if (pass == 1) {
                all += expl(sum - most);
                if (has_label) with_label += expl(sum - most);
            } else {
                for (int i = 0; i < classes; ++i)
                    if (subset >> i & 1)
                        grad[i] += (expl(sum - most) / all -
                                    (has_label ? expl(sum - most) / with_label : 0)) /
                                   k;
            }
        }
    }
    *loss = tau * (logl(all) - logl(with_label));
}

static int descending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

static float kth_largest_other(int classes, const float *scores, int label, int k)
{
    float *sorted = malloc(classes * sizeof *sorted);
    int count = 0;
    for (int i = 0; i < classes; ++i)
        if (i != label) sorted[count++] = scores[i];
    qsort(sorted, count, sizeof *sorted, descending);
    float kth = sorted[k - 1];
    free(sorted);
    return kth;
}

void reference(const smooth_topk_params *params, int classes, const float *scores, int label,
               long double *loss, long double *grad)
{
    int k = params->k, others = classes - 1, width = k + 1;
    long double scale = (long double)k * params->tau,
                pivot = kth_largest_other(classes, scores, label, k);
    long double *left_out = malloc(others * sizeof *left_out),
                *chosen = malloc(others * sizeof *chosen);
    long double *before = calloc((size_t)(others + 1) * width, sizeof *before);
    long double *after = calloc(2 * width, sizeof *after);
    int *class_numbers = malloc(others * sizeof *class_numbers);
    for (int i = 0, count = 0; i < classes; ++i) {
        if (i == label) continue;
        long double z = (scores[i] - pivot) / scale;
        class_numbers[count] = i;
        left_out[count] = z > 0 ? expl(-z) : 1;
        chosen[count++] = z > 0 ? 1 : expl(z);
    }
    before[0] = 1;
    for (int i = 0; i < others; ++i) {
        long double *source = before + (size_t)i * width, *target = source + width;
        for (int j = 0; j <= k; ++j)
            target[j] = left_out[i] * source[j] + (j > 0 ? chosen[i] * source[j - 1] : 0);
    }
    long double *all = before + (size_t)others * width;
    long double q = params->alpha / (long double)params->tau + logl(all[k] / all[k - 1]) -
                    (scores[label] - pivot) / scale;
    *loss = params->tau * (q > 0 ? q + log1pl(expl(-q)) : log1pl(expl(q)));
    long double size = (q > 0 ? 1 / (1 + expl(-q)) : expl(q) / (1 + expl(q))) / k;
    grad[label] = -size;
    after[0] = 1;
    for (int i = others - 1; i >= 0; --i) {
        const long double *source = before + (size_t)i * width;
        long double with_k = 0, with_k1 = 0, *now = after + (others - 1 - i) % 2 * width,
                    *next = after + (others - i) % 2 * width;
        for (int j = 0; j <= k - 1; ++j) with_k += source[j] * now[k - 1 - j];
        for (int j = 0; j <= k - 2; ++j) with_k1 += source[j] * now[k - 2 - j];
        grad[class_numbers[i]] = size * chosen[i] * (with_k / all[k] - with_k1 / all[k - 1]);
        for (int j = 0; j <= k; ++j)
            next[j] = left_out[i] * now[j] + (j > 0 ? chosen[i] * now[j - 1] : 0);
    }
    free(left_out);
    free(chosen);
    free(before);
    free(after);
    free(class_numbers);
}

void reference_hinge(const smooth_topk_params *params, int classes, const float *scores, int label,
                     long double *loss)
{
    long double hinge =
        params->alpha +
        ((long double)kth_largest_other(classes, scores, label, params->k) - scores[label]) /
            params->k;
    *loss = hinge > 0 ? hinge : 0;
}
