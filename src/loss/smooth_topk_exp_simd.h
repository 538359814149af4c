/* The exponential of smooth_topk_exp.h for a vector of scores; included by the files of loops. */

#define exp2_of_floats SIMD_NAME(exp2_of_floats)
#define exponential SIMD_NAME(exponential)

/* 2^t, -126 <= t <= 127. The maximum error is 1.23 ulps, 0.96 where the compiler fuses
   multiplications and additions (tests/test_exponential.c: every t - n). */
INLINE floats exp2_of_floats(floats t)
{
    floats offset = SELECT(t < 0, FLOATS(-0.5f), FLOATS(0.5f));
    ints n = __builtin_convertvector(t + offset, ints);
    floats f = t - __builtin_convertvector(n, floats);
    floats p = SMOOTH_TOPK_EXP2(f);
    return (floats)((ints)p + (n << 23));
}

/* exp((score - pivot) / t) for scores up to the pivot, 0 for those above and below 2^-126; rate =
   log2(e) / t. The exponent is rounded to a float, so the result is wrong by at most 6e-8 of the
   largest weight, which is 1. */
INLINE floats exponential(floats score, floats pivot, floats rate)
{
    floats distance = score - pivot, t = distance * rate;
    ints keep = (t >= -126.f) & (distance <= 0.f);
    floats u = exp2_of_floats((floats)((ints)t & keep));
    return (floats)((ints)u & keep);
}
