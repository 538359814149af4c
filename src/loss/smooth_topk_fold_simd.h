/* Products of float polynomials in the lanes of a vector, multiplied in double; included by the
   files of loops. */

#define fold_part SIMD_NAME(fold_part)

/* total[2j] and total[2j + 1]: coefficient j of the lower and of the upper lanes. The first part is
   taken over; later ones, (1 + part[1] x + .. + part[k] x^k), are multiplied in, truncated at
   degree k. */
INLINE void fold_part(doubles *total, const floats *part, const int first, const int k)
{
    doubles low[SMOOTH_TOPK_SMALL_K + 1], high[SMOOTH_TOPK_SMALL_K + 1];
#pragma GCC unroll 16
    for (int j = 1; j <= k; ++j) { /* loads of halves would keep the part in memory */
        low[j] = __builtin_convertvector(LOWER_HALF(part[j]), doubles);
        high[j] = __builtin_convertvector(UPPER_HALF(part[j]), doubles);
    }
    if (first) {
        total[0] = total[1] = DOUBLES(1);
        for (int j = 1; j <= k; ++j) {
            total[2 * j] = low[j];
            total[2 * j + 1] = high[j];
        }
        return;
    }
    for (int j = k; j >= 1; --j) {
        for (int i = 0; i < j; ++i) {
            total[2 * j] += total[2 * i] * low[j - i];
            total[2 * j + 1] += total[2 * i + 1] * high[j - i];
        }
    }
}
