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

/* Newton's identities: the coefficient after before[0], before[1], .. of the polynomial that has
   these power sums, and moves it in front of them. inverse: 1 / its number. The sums end with the
   latest coefficients: so a coefficient waits for the one before it for two operations only. */
SMOOTH_TOPK_FUNCTION double smooth_topk_next_coefficient(const double *power, double *before,
                                                         double inverse)
{
    double even = 0, odd = 0;
    for (int m = POWER_SUMS - 1; m >= 3; m -= 2) odd += power[m - 1] * before[m - 1];
    for (int m = POWER_SUMS; m >= 2; m -= 2) even += power[m - 1] * before[m - 1];
    double next = (odd - even + power[0] * before[0]) * inverse;
    for (int m = POWER_SUMS - 1; m > 0; --m) before[m] = before[m - 1];
    return before[0] = next;
}

/* The coefficients 0 .. k. */
SMOOTH_TOPK_FUNCTION void smooth_topk_from_power_sums(const double *power, int k, double *c)
{
    double before[POWER_SUMS] = {1};
    c[0] = 1;
    for (int j = 1; j <= k; ++j) c[j] = smooth_topk_next_coefficient(power, before, 1.0 / j);
}

/* c_j of nearly equal weights is coefficient j of (1 + center t)^count, up to a common factor,
   times this sum, e_0 + e_1 j + e_2 j (j-1) + .. With E_m the coefficients that belong to the power
   sums of the weights' distances from the center, e_m = E_m / (center^m (count)_m), where (count)_m
   = count (count-1) .. (count-m+1), for m up to POWER_SUMS. */
SMOOTH_TOPK_FUNCTION double smooth_topk_centered_sum(const double *e, int j)
{
    double sum = e[POWER_SUMS];
    for (int m = POWER_SUMS - 1; m >= 0; --m) sum = e[m] + (j - m) * sum;
    return sum;
}

/* Of the last two of the terms together, at j = k: more would count. */
#define LARGEST_LAST_TERM 1e-10

/* Where the coefficients of (1 + center t)^count are smaller relative to coefficient k, c is 0. */
#define SMALLEST_BINOMIAL 1e-16

/* c[0 .. k], up to a common factor, of `count` classes from the power sums of their distances from
   the center. Returns 0 if the last of the terms still count. */
SMOOTH_TOPK_FUNCTION int smooth_topk_from_centered_sums(const double *power, double center,
                                                        int count, int k, double *c)
{
    double e[POWER_SUMS + 1], unit = 1, falling = 1, last[2] = {0};
    smooth_topk_from_power_sums(power, POWER_SUMS, e);
    for (int m = 1; m <= POWER_SUMS; ++m) {
        unit /= center * (count - m + 1);
        falling *= k - m + 1;
        e[m] *= unit;
        last[m % 2] = fabs(e[m]) * falling;
    }
    if (!(last[0] + last[1] < LARGEST_LAST_TERM)) return 0;
    double binomial = 1;
    int j = k;
    for (; j >= 0 && binomial > SMALLEST_BINOMIAL; --j) {
        c[j] = binomial * smooth_topk_centered_sum(e, j);
        binomial *= j / (center * (count - j + 1));
    }
    for (; j >= 0; --j) c[j] = 0;
    return 1;
}

#endif
