/* The product of a vector's lanes, each a polynomial; included by the files of loops. */

#define merge_lanes SIMD_NAME(merge_lanes)

/* product[0 .. k] of the polynomials in the lanes of p[0 .. k], truncated at degree k: halves, then
   lanes that are ever nearer. k <= SMOOTH_TOPK_SMALL_K, a constant wherever this is expanded. */
INLINE void merge_lanes(doubles *p, double *product, const int k)
{
#pragma GCC unroll 4
    for (int half = HALF / 2; half > 0; half /= 2) {
        doubles others[SMOOTH_TOPK_SMALL_K + 1];
#pragma GCC unroll 16
        for (int j = 0; j <= k; ++j) others[j] = rotate(p[j], half);
#pragma GCC unroll 16
        for (int j = k; j >= 0; --j) {
            doubles sum = p[0] * others[j];
#pragma GCC unroll 16
            for (int i = 1; i <= j; ++i) sum += p[i] * others[j - i];
            p[j] = sum;
        }
    }
    for (int j = 0; j <= k; ++j) product[j] = p[j][0];
}
