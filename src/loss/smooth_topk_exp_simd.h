/* The exponential of smooth_topk_exp.h for a vector of scores; included by the files of loops. */

#define exp2_of_floats SIMD_NAME(exp2_of_floats)
#define exponential SIMD_NAME(exponential)

/* 2^t, -126 <= t <= 127: within 1.23 units in the last place for a whole t, and t 2^-24 more. */
INLINE floats exp2_of_floats(floats t)
{
    floats offset = SELECT(t < 0, FLOATS(-0.5f), FLOATS(0.5f));
    ints n = __builtin_convertvector(t + offset, ints);
    floats f = t - __builtin_convertvector(n, floats);
    floats p = SMOOTH_TOPK_EXP2(f);
    return (floats)((ints)p + (n << 23));
}

/* exp((score - pivot) / t) for scores up to the pivot, 0 for those above and below 2^-126; rate =
   log2(e) / t. Rounding in the exponent adds 2^-24 of it: nothing that is seen beside the largest
   weight, which is 1. */
INLINE floats exponential(floats score, floats pivot, floats rate)
{
    floats distance = score - pivot, t = distance * rate;
    ints keep = (t >= -126.f) & (distance <= 0.f);
    floats u = exp2_of_floats((floats)((ints)t & keep));
    return (floats)((ints)u & keep);
}
