/* The softmax that is a layer's output, and its exponentials. */
#ifndef SMOOTH_TOPK_SOFTMAX_H
#define SMOOTH_TOPK_SOFTMAX_H

#include "instruction_set.h"

#ifdef __cplusplus
extern "C" {
#endif

/* output = softmax(scores / temperature), batch x classes, row by row; temperature > 0 and finite.
   A row with a NaN or +inf, or of -inf alone, gives a row of NaN. output may be scores. */
void smooth_topk_softmax_cpu(int batch, int classes, const float *scores, float temperature,
                             float *output);

/* output = exp((score - most) / t) for scores up to `most`, 0 for those above; rate = log2(e) / t.
   Returns the sum. */
double smooth_topk_exponentials(instruction_set set, const float *scores, int count, float most,
                                float rate, float *output);

#ifdef __cplusplus
}
#endif

#endif
