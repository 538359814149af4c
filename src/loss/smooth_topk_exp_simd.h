/* The exponential of smooth_topk_exp.h for a vector of scores; included by the files of loops. */

#define exp2_of_floats SIMD_NAME(exp2_of_floats)
#define exp2_rounded SIMD_NAME(exp2_rounded)
#define exponential SIMD_NAME(exponential)
#define exponential_of_lower SIMD_NAME(exponential_of_lower)

/* 2^t, -127 < t <= 127; offset rounds t to the nearest integer: 1/2 with the sign of t. */
INLINE floats exp2_rounded(floats t, floats offset)
{
    ints n = __builtin_convertvector(t + offset, ints);
    floats f = t - __builtin_convertvector(n, floats);
    floats p = SMOOTH_TOPK_EXP2(f);
    return (floats)((ints)p + (n << 23));
}

/* 2^t, -126 <= t <= 127. The maximum error is 1.23 ulps, 0.96 where the compiler fuses
   multiplications and additions (tests/test_exponential.c: every t - n). */
INLINE floats exp2_of_floats(floats t)
{
    return exp2_rounded(t, SELECT(t < 0, FLOATS(-0.5f), FLOATS(0.5f)));
}

/* exp((score - pivot) / t) for scores up to the pivot, 0 for those above and below 2^-126; rate =
   log2(e) / t. The exponent is rounded to a float, so the result is wrong by at most 6e-8 of the
   largest weight, which is 1. */
INLINE floats exponential(floats score, floats pivot, floats rate)
{
    floats distance = score - pivot, t = distance * rate;
    ints keep = (t >= -126.f) & (distance <= 0.f);
    floats u = exp2_rounded((floats)((ints)t & keep), FLOATS(-0.5f));
    return (floats)((ints)u & keep);
}

/* The same where no score is above the pivot; below 2^-126 it is between 0 and 2^-126. */
INLINE floats exponential_of_lower(floats score, floats pivot, floats rate)
{
    return exp2_rounded(LARGER((score - pivot) * rate, FLOATS(-127.f)), FLOATS(-0.5f));
}
