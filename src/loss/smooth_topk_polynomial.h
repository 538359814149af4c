/* The polynomials of algorithm pivot: products of the classes' factors, and such a product without
   one of them, which is a gradient. */
#ifndef SMOOTH_TOPK_POLYNOMIAL_H
#define SMOOTH_TOPK_POLYNOMIAL_H

#include "smooth_topk_compile.h"

/* The largest k that is done in float, and the largest cancellation that float can bear. */
#define SMOOTH_TOPK_SMALL_K 10
#define SMOOTH_TOPK_LARGEST_SUM 32

/* product[0 .. count] = prod_i (u[i] + x) / (u[i] + 1): in that form no number of factors
 * overflows. */
SMOOTH_TOPK_FUNCTION void smooth_topk_monic_product(const double *u, int count, double *product)
{
    product[0] = 1;
    for (int i = 0; i < count; ++i) {
        double scale = 1 / (u[i] + 1);
        product[i + 1] = product[i] * scale;
        for (int t = i; t >= 1; --t) product[t] = (product[t - 1] + u[i] * product[t]) * scale;
        product[0] *= u[i] * scale;
    }
}

/* Coefficient j of a * b. */
SMOOTH_TOPK_FUNCTION double smooth_topk_coefficient(const double *a, int a_degree, const double *b,
                                                    int b_degree, int j)
{
    double sum = 0;
    for (int t = j > b_degree ? j - b_degree : 0; t <= a_degree && t <= j; ++t)
        sum += a[t] * b[j - t];
    return sum;
}

/* What the functions below divide by: of the product c of all factors, 1/c[k-1] and 1/c[k]. */
typedef struct {
    double k1, k;
} smooth_topk_inverse;

SMOOTH_TOPK_FUNCTION smooth_topk_inverse smooth_topk_invert(const double *c, int k)
{
    smooth_topk_inverse inverse = {1 / c[k - 1], 1 / c[k]};
    return inverse;
}

/* S: by how much a rounding error of the product c of all factors can grow in the gradient of a
   class whose factor is (1 + u x). */
SMOOTH_TOPK_FUNCTION double smooth_topk_cancellation(const double *c, smooth_topk_inverse inverse,
                                                     int k)
{
    double sum = 0;
    for (int j = 0; j < k - 1; ++j) sum += c[j];
    double of_k1 = sum * inverse.k1, of_k = (sum + c[k - 1]) * inverse.k;
    return of_k > of_k1 ? of_k : of_k1;
}

/* D_m without its factor sigmoid(q)/k: m_i(k) - m_i(k-1) = u_i sum_m (-u_i)^m D_m for a class with
   the factor (1 + u_i x), m = 0 .. k-1. */
SMOOTH_TOPK_FUNCTION double smooth_topk_division(const double *c, smooth_topk_inverse inverse,
                                                 int k, int m)
{
    return c[k - 1 - m] * inverse.k - (m <= k - 2 ? c[k - 2 - m] * inverse.k1 : 0);
}

/* One step of Horner's rule for that sum, of numbers or of vectors of them:
   sum = d_m - u (d_{m+1} - u (...)). */
#define SMOOTH_TOPK_HORNER(d_m, u, sum) ((d_m) - (u) * (sum))

/* m_i(k) - m_i(k-1) of a class with the factor (u + x), one of those in `monic`, the product of
   `degree` such factors; inverse is that of c = monic * other. It divides by the factor from the
   monic end, and compares the probabilities of not being chosen, which have no 1 to cancel. */
SMOOTH_TOPK_FUNCTION double smooth_topk_monic_difference(const double *monic, int degree, double u,
                                                         const double *other,
                                                         smooth_topk_inverse inverse, int k)
{
    double quotient = 0, not_chosen_k = 0, not_chosen_k1 = 0;
    for (int t = degree - 1; t >= 0; --t) {
        quotient = monic[t + 1] - u * quotient;
        if (t <= k) not_chosen_k += quotient * other[k - t];
        if (t <= k - 1) not_chosen_k1 += quotient * other[k - 1 - t];
    }
    return u * (not_chosen_k1 * inverse.k1 - not_chosen_k * inverse.k);
}

#endif
