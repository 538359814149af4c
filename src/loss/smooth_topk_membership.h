/* The probability of each class to be among the k: m_i(k), which sums to k over the classes.
 *
 * A random k-subset of the classes is drawn with probability proportional to the product of its
 * e_i = exp(s_i / temperature). It is the same as letting each class in by itself with probability
 * p_i = rho e_i / (1 + rho e_i), any rho > 0, and looking only at the draws of k classes. So with
 * f_j the probability that j classes come in, and f_j(i) the same without class i,
 *
 *     m_i(k) = p_i f_{k-1}(i) / f_k.
 *
 * rho is chosen such that about k classes are expected (smooth_topk_tilt.h): then f_k is no small
 * number. A class is unlikely if p_i <= 1/2: it can be divided out of f from the low end,
 * f_j(i) = (f_j - p_i f_{j-1}(i)) / (1 - p_i), without errors that grow. The likely ones are not
 * many more than 2 k; they have a product of their own, from which they are divided from the high
 * end.
 */
#ifndef SMOOTH_TOPK_MEMBERSHIP_H
#define SMOOTH_TOPK_MEMBERSHIP_H

#include <stddef.h>

#include "smooth_topk_bits.h"
#include "smooth_topk_compile.h"

#include <math.h>

#ifdef __cplusplus
extern "C" {
#endif

/* output[b, i] = m_i(k) of scores[b, :], batch x classes; 1 <= k < classes; temperature > 0 and
   finite. A row with a NaN or +inf, or of fewer than k finite scores, gives a row of NaN. output
   may be scores. workspace: at least the size below. */
void smooth_topk_membership_cpu(int batch, int classes, int k, float temperature,
                                const float *scores, float *output, void *workspace);
size_t smooth_topk_membership_workspace_size(int classes, int k);

/* The probability p_i of a class, seen from the k-th largest score; tilt = log(rho). */
SMOOTH_TOPK_FUNCTION double smooth_topk_entry_probability(float score, double pivot,
                                                          double temperature, double tilt)
{
    if (smooth_topk_is_minus_inf(float_bits(score))) return 0;
    double x = ((double)score - pivot) / temperature + tilt;
    double e = exp(x < 0 ? (x > -700 ? x : -700) : (x < 700 ? -x : -700));
    return x < 0 ? e / (1 + e) : 1 / (1 + e);
}

/* m_i(k) of an unlikely class that comes in with probability p: counts[j] = f_j, 0 <= j <= k. */
SMOOTH_TOPK_FUNCTION double smooth_topk_unlikely_membership(double p, const double *counts, int k)
{
    double scale = 1 / (1 - p), without = counts[0] * scale;
    for (int j = 1; j < k; ++j) without = (counts[j] - p * without) * scale;
    return p * without / counts[k];
}

/* The same of a likely class: likely[j], 0 <= j <= degree, the probability that j of the `degree`
   likely classes come in, unlikely[j], 0 <= j <= k, that j of the others do; count = f_k. */
SMOOTH_TOPK_FUNCTION double smooth_topk_likely_membership(double p, const double *likely,
                                                          int degree, const double *unlikely, int k,
                                                          double count)
{
    double scale = 1 / p, without = 0, sum = 0;
    for (int j = degree - 1; j >= 0; --j) {
        without = (likely[j + 1] - (1 - p) * without) * scale;
        if (j < k) sum += without * unlikely[k - 1 - j];
    }
    return p * sum / count;
}

#ifdef __cplusplus
}
#endif

#endif
