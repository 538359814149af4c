/* Powers and logarithms to base 2 of vectors of doubles; for files of loops (vectors.h). */

#define split_exponent SIMD_NAME(split_exponent)
#define power_of_2 SIMD_NAME(power_of_2)
#define log_2_series SIMD_NAME(log_2_series)
#define log_2 SIMD_NAME(log_2)
#define log_2_of_1_plus SIMD_NAME(log_2_of_1_plus)

/* x = m 2^exponent, m between sqrt(1/2) and sqrt(2); for normal positive x. Returns m. */
INLINE doubles split_exponent(doubles x, doubles *exponent)
{
    longs bits = (longs)x;
    longs exponent_bits = (bits >> 52) | 0x4330000000000000;
    doubles m = (doubles)((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
    longs large = m > 1.4142135623730951;
    *exponent = (doubles)exponent_bits - (0x1p52 + 1023) + (doubles)(large & (longs)DOUBLES(1));
    return m - (doubles)(large & (longs)(m * 0.5));
}

/* 2^t, t < 1000, to 2e-14 of it; 0 for t <= -1000. The polynomial is Chebyshev's of degree 9. */
INLINE doubles power_of_2(doubles t)
{
    static const double c[] = {1.0205905413765596e-7, 1.3259645244887110e-6, 1.5252672924850736e-5,
                               1.5403433751251009e-4, 1.3333558200794593e-3, 9.6181291939343134e-3,
                               5.5504108664651672e-2, 2.4022650695640340e-1, 6.9314718055994616e-1,
                               1.0000000000000135};
    longs keep = t > -1000.;
    t = (doubles)((longs)t & keep);
    doubles whole = t + 0x1.8p52, f = t - (whole - 0x1.8p52), p = DOUBLES(c[0]);
#pragma GCC unroll 16
    for (int j = 1; j < 10; ++j) p = p * f + c[j];
    return (doubles)(((longs)p + ((longs)whole << 52)) & keep);
}

/* log2((1 + s) / (1 - s)) for |s| <= 0.172, to 4e-16 of it. Chebyshev's series of degree 6 in s^2.
 */
INLINE doubles log_2_series(doubles s)
{
    static const double c[] = {0.24291608539875349, 0.26144424935229147, 0.32061638813224549,
                               0.41219840204827516, 0.57707801724632859, 0.96179669392433456,
                               2.8853900817779273};
    doubles s2 = s * s, series = DOUBLES(c[0]);
#pragma GCC unroll 16
    for (int j = 1; j < 7; ++j) series = series * s2 + c[j];
    return s * series;
}

/* log2 of normal positive numbers, to 4e-16 of the larger of it and 1. */
INLINE doubles log_2(doubles x)
{
    doubles exponent, m = split_exponent(x, &exponent);
    return exponent + log_2_series((m - 1) / (m + 1));
}

/* log2(1 + x) for 0 <= x <= 1, to 1e-15 of it. */
INLINE doubles log_2_of_1_plus(doubles x)
{
    longs small = x < 0.41;
    return SELECT(small, log_2_series(x / (x + 2)), log_2(x + 1));
}
