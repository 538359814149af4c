/* The exponential of algorithm pivot: u = exp(-|score - pivot| / (k tau)), in float. */
#ifndef SMOOTH_TOPK_EXP_H
#define SMOOTH_TOPK_EXP_H

#include "smooth_topk_bits.h"

/* 2^f for |f| <= 1/2, of a float or of a vector of them. Over all floats f the error is at most
   1.23 ulp, 0.96 where the compiler fuses multiplications and additions (tests/test_exponential.c).
 */
#define SMOOTH_TOPK_EXP2(f)                                                                        \
    ((((((1.53533618e-4f * (f) + 1.33988744e-3f) * (f) + 9.61843736e-3f) * (f) + 5.55033247e-2f) * \
           (f) +                                                                                   \
       2.40226479e-1f) *                                                                           \
          (f) +                                                                                    \
      6.93147203e-1f) *                                                                            \
         (f) +                                                                                     \
     1.f)

/* rate = log2(e) / (k tau). 0 for a score above the pivot, and below 2^-126. The exponent's
   rounding makes u wrong by at most 6e-8 of 1 (the pivot's u), however small u is. */
SMOOTH_TOPK_FUNCTION float smooth_topk_weight(float score, float pivot, float rate)
{
    float distance = score - pivot, t = distance * rate;
    if (!(t >= -126.f && distance <= 0.f)) return 0;
    int exponent = (int)(t - 0.5f);
    float power = SMOOTH_TOPK_EXP2(t - (float)exponent);
    return float_from_bits(float_bits(power) + ((unsigned)exponent << 23));
}

#endif
