/* The exponential of smooth_topk_exp.h for a vector of scores; included by the files of loops. */

/* exp((score - pivot) / t) for scores up to the pivot, 0 for those above and below 2^-126; rate =
   log2(e) / t. Rounding in the exponent adds 2^-24 of it: nothing that is seen beside the largest
   weight, which is 1. */
INLINE floats SIMD_NAME(exponential)(floats score, floats pivot, floats rate)
{
    floats distance = score - pivot, t = distance * rate;
    ints keep = (t >= -126.f) & (distance <= 0.f);
    t = (floats)((ints)t & keep);
    ints n = __builtin_convertvector(t - 0.5f, ints);
    floats f = t - __builtin_convertvector(n, floats);
    floats p = SMOOTH_TOPK_EXP2(f);
    p = (floats)((ints)p + (n << 23));
    return (floats)((ints)p & keep);
}
