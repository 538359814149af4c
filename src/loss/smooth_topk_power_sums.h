/* Products of many factors from power sums, shared by CPU and GPU.

   Small odds: log prod (1 + x_i t) = p_1 t - p_2 t^2/2 + ..., p_m the sum of the m-th powers of the
   x_i. Nearly equal weights: the same of their distances from a center. */
#ifndef SMOOTH_TOPK_POWER_SUMS_H
#define SMOOTH_TOPK_POWER_SUMS_H

#include "smooth_topk_compile.h"

#include <math.h>

/* So many sums are enough for odds up to SMALL_ODDS: the first one left out is below 1e-9. */
#define SMALL_ODDS 0.125f
#define POWER_SUMS 10

/* Beyond it the coefficients that Newton's identities begin with could overflow. */
#define LARGEST_K_OF_POWER_SUMS 400

/* The range up to which a look at whether the weights are nearly equal pays. */
#define LARGEST_RANGE_OF_EQUALS 1.5

/* The coefficients 0 .. k of the polynomial that has these power sums (Newton's identities), each
   from the POWER_SUMS before it. inverses[j] = 1/j, or NULL: computed here. */
SMOOTH_TOPK_FUNCTION void smooth_topk_from_power_sums(const double *power, const double *inverses,
                                                      int k, double *c)
{
    double before[POWER_SUMS] = {1};
    c[0] = 1;
    for (int j = 1; j <= k; ++j) {
        double even = 0, odd = 0;
        for (int m = 3; m <= POWER_SUMS; m += 2) odd += power[m - 1] * before[m - 1];
        for (int m = 2; m <= POWER_SUMS; m += 2) even += power[m - 1] * before[m - 1];
        double next = (odd - even + power[0] * before[0]) * (inverses ? inverses[j] : 1.0 / j);
        for (int m = POWER_SUMS - 1; m > 0; --m) before[m] = before[m - 1];
        before[0] = c[j] = next;
    }
}

/* c[0 .. k], up to a common factor, of `count` classes from the power sums of their distances from
   the center. With e_m the coefficients that belong to those sums, c_j is coefficient j of
   (1 + center t)^count, times sum_m e_m / (center^m (count)_m) (j)_m, where (j)_m = j (j-1) ..
   (j-m+1). Returns 0 if the last of the terms still count. */
SMOOTH_TOPK_FUNCTION int smooth_topk_from_centered_sums(const double *power, double center,
                                                        int count, int k, double *c)
{
    double e[POWER_SUMS + 1], unit = 1, falling = 1, last[2] = {0};
    smooth_topk_from_power_sums(power, NULL, POWER_SUMS, e);
    for (int m = 1; m <= POWER_SUMS; ++m) {
        unit /= center * (count - m + 1);
        falling *= k - m + 1;
        e[m] *= unit;
        last[m % 2] = fabs(e[m]) * falling;
    }
    if (!(last[0] + last[1] < 1e-10)) return 0;
    double binomial = 1;
    int j = k;
    for (; j >= 0 && binomial > 1e-16; --j) {
        double sum = e[POWER_SUMS];
        for (int m = POWER_SUMS - 1; m >= 0; --m) sum = e[m] + (j - m) * sum;
        c[j] = binomial * sum;
        binomial *= j / (center * (count - j + 1));
    }
    for (; j >= 0; --j) c[j] = 0;
    return 1;
}

#endif
