/* Small odds by their power sums: log prod (1 + x_i t) = p_1 t - p_2 t^2/2 + ..., p_m the sum of
   the m-th powers of the x_i; shared by CPU and GPU. */
#ifndef SMOOTH_TOPK_POWER_SUMS_H
#define SMOOTH_TOPK_POWER_SUMS_H

#include "smooth_topk_compile.h"

/* So many sums are enough for odds up to SMALL_ODDS: the first one left out is below 1e-9. */
#define SMALL_ODDS 0.125f
#define POWER_SUMS 10

/* Beyond it the coefficients that Newton's identities begin with could overflow. */
#define LARGEST_K_OF_POWER_SUMS 400

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

#endif
