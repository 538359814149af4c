/* The softmax that a layer's output is, with the vector exponential of algorithm pivot. */
#include "smooth_topk_softmax.h"
#include "integers.h"
#include "smooth_topk_exp.h"
#include "smooth_topk_fill.h"
#include "smooth_topk_formulas.h"

#include <float.h>

/* The loops over a row, for one instruction set. */
typedef struct {
    float (*maximum)(const float *scores, int count);
    double (*exponentials)(const float *scores, int count, float most, float rate, float *output);
    void (*scale)(float *row, int count, float factor);
} softmax_loops;

#define LOOPS_FILE "smooth_topk_softmax_simd.h"
#include "each_instruction_set.h"

double smooth_topk_exponentials(instruction_set set, const float *scores, int count, float most,
                                float rate, float *output)
{
    return SIMD_CHOOSE(loops, set)->exponentials(scores, count, most, rate, output);
}

void smooth_topk_softmax_cpu(int batch, int classes, const float *scores, float temperature,
                             float *output)
{
    const softmax_loops *loops = SIMD_CHOOSE(loops, best_instruction_set());
    double rate = SMOOTH_TOPK_LOG2_E / temperature;
    if (rate > FLT_MAX) rate = FLT_MAX;
    for (int b = 0; b < batch; ++b) {
        const float *row = scores + (size_t)b * classes;
        float *target = output + (size_t)b * classes, most = loops->maximum(row, classes);
        double sum = loops->exponentials(row, classes, most, (float)rate, target);
        /* No class has a weight where the largest score is NaN or -inf. */
        if (sum > 0)
            loops->scale(target, classes, (float)(1 / sum));
        else
            smooth_topk_fill(target, classes, float_from_bits(BITS_NAN));
    }
}
