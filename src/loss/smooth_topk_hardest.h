/* Which of two losses counts as the larger one, for hardest=: on the CPU and on the GPU. */
#ifndef SMOOTH_TOPK_HARDEST_H
#define SMOOTH_TOPK_HARDEST_H

#include "smooth_topk_bits.h"

SMOOTH_TOPK_FUNCTION int smooth_topk_is_nan(unsigned bits)
{
    return (bits & 0x7fffffffu) > BITS_PLUS_INF;
}

/* A NaN is larger than any number, and as large as another NaN. */
SMOOTH_TOPK_FUNCTION int smooth_topk_is_harder(float a, float b)
{
    if (smooth_topk_is_nan(float_bits(a)) || smooth_topk_is_nan(float_bits(b)))
        return smooth_topk_is_nan(float_bits(a)) && !smooth_topk_is_nan(float_bits(b));
    return a > b;
}

#endif
