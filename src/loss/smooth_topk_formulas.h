/* The formulas that the CPU and the GPU share: what a sample's loss and gradient are made of. */
#ifndef SMOOTH_TOPK_FORMULAS_H
#define SMOOTH_TOPK_FORMULAS_H

#include <float.h>
#include <math.h>
#include <string.h>

/* Darknet's -Ofast would let the compiler assume that no score is NaN or infinite. */
#if defined(__FAST_MATH__) && defined(__clang__)
#pragma float_control(precise, on)
#elif defined(__FAST_MATH__) && defined(__GNUC__) && !defined(__CUDACC__)
#pragma GCC optimize("no-fast-math")
#endif

#ifdef __CUDACC__
#define SMOOTH_TOPK_FUNCTION static inline __host__ __device__
#else
#define SMOOTH_TOPK_FUNCTION static inline
#endif

/* Algorithm pivot: the largest k that is done in float, and the largest S that float can bear. */
#define SMOOTH_TOPK_SMALL_K 10
#define SMOOTH_TOPK_LARGEST_SUM 32

/* What a score's bits say. Asked of the bits because -ffast-math lets a compiler assume the answer.
 */
SMOOTH_TOPK_FUNCTION int smooth_topk_is_nan_or_plus_inf(unsigned bits)
{
    return (bits & 0x7f800000u) == 0x7f800000u && bits != 0xff800000u;
}

SMOOTH_TOPK_FUNCTION int smooth_topk_is_minus_inf(unsigned bits)
{
    return bits == 0xff800000u;
}

/* A temperature below the smallest normal float is the hard hinge, of which it is within 1e-38. */
SMOOTH_TOPK_FUNCTION int smooth_topk_is_hinge(float tau)
{
    return tau < FLT_MIN;
}

/* A score relative to the pivot, in units of k tau. */
SMOOTH_TOPK_FUNCTION double smooth_topk_z(float score, float pivot, int k, float tau)
{
    return ((double)score - (double)pivot) / ((double)k * (double)tau);
}

/* q of the loss; log_ratio = log(sigma_k / sigma_{k-1}) of the scores relative to the pivot. */
SMOOTH_TOPK_FUNCTION double smooth_topk_q(double log_ratio, float label_score, float pivot, int k,
                                          float tau, float alpha)
{
    return (double)alpha / (double)tau - smooth_topk_z(label_score, pivot, k, tau) + log_ratio;
}

SMOOTH_TOPK_FUNCTION double smooth_topk_softplus(double q)
{
    return q > 0 ? q + log1p(exp(-q)) : log1p(exp(q));
}

SMOOTH_TOPK_FUNCTION double smooth_topk_sigmoid(double q)
{
    return q > 0 ? 1 / (1 + exp(-q)) : exp(q) / (1 + exp(q));
}

/* The hard top-k hinge before its max with 0. */
SMOOTH_TOPK_FUNCTION double smooth_topk_hinge(float kth_score, float label_score, int k,
                                              float alpha)
{
    return (double)alpha + ((double)kth_score - (double)label_score) / k;
}

/* What follows as macros serves single numbers and the compiler's vectors of them alike. */

/* 2^f for |f| <= 1/2, within an ulp. */
#define SMOOTH_TOPK_EXP2(f)                                                                        \
    ((((((1.53533618e-4f * (f) + 1.33988744e-3f) * (f) + 9.61843736e-3f) * (f) + 5.55033247e-2f) * \
           (f) +                                                                                   \
       2.40226479e-1f) *                                                                           \
          (f) +                                                                                    \
      6.93147203e-1f) *                                                                            \
         (f) +                                                                                     \
     1.f)

/* What is left of 2^(distance rate) for an exponent of the nearest whole number; rate is the sum of
   two floats, so that the error of the exponent does not grow with it. */
#define SMOOTH_TOPK_EXPONENT_REST(distance, rate, rate_rest, whole) \
    ((distance) * (rate) - (whole) + (distance) * (rate_rest))

/* One step of Horner's rule for a light class: sum = d_m - u (d_{m+1} - u (...)). */
#define SMOOTH_TOPK_HORNER(d_m, u, sum) ((d_m) - (u) * (sum))

/* u of a light class, exp(-|score - pivot| / (k tau)), for rate + rate_rest = log2(e) / (k tau); 0
   for a class above the pivot and below 2^-126. */
SMOOTH_TOPK_FUNCTION float smooth_topk_weight(float score, float pivot, float rate, float rate_rest)
{
    float distance = score - pivot, t = distance * rate;
    if (!(t >= -126.f && distance <= 0.f)) return 0;
    int exponent = (int)(t - 0.5f), bits;
    float f = SMOOTH_TOPK_EXPONENT_REST(distance, rate, rate_rest, (float)exponent);
    float power = SMOOTH_TOPK_EXP2(f);
    memcpy(&bits, &power, sizeof bits);
    bits += exponent * (1 << 23);
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* The search for the tilt rho such that about k - 1/2 classes are expected in a random subset:
   Newton's method on log rho, kept in a bracket. It begins where unlikely classes alone would put
   it, and two standard deviations are near enough: so most samples need one step or two. */
typedef struct {
    double low, high, at;
} smooth_topk_tilt;

#define SMOOTH_TOPK_TILT_STEPS 60

/* sum: about that of u of the light classes. */
SMOOTH_TOPK_FUNCTION smooth_topk_tilt smooth_topk_first_tilt(int classes, int k, double sum)
{
    smooth_topk_tilt tilt = {log(0.25 / classes), log(4.0 * k), log((k - 0.5) / (sum + k))};
    return tilt;
}

/* From how many classes are expected at this tilt, and the variance of that. Returns 1, and leaves
   the tilt, if it is near enough. */
SMOOTH_TOPK_FUNCTION int smooth_topk_next_tilt(smooth_topk_tilt *tilt, int k, double expected,
                                               double variance)
{
    double excess = expected - (k - 0.5);
    if (fabs(excess) < 0.25 || excess * excess < 4 * variance) return 1;
    if (excess > 0)
        tilt->high = tilt->at;
    else
        tilt->low = tilt->at;
    tilt->at -= excess / variance;
    if (!(tilt->at > tilt->low && tilt->at < tilt->high)) tilt->at = 0.5 * (tilt->low + tilt->high);
    return 0;
}

/* A class's factor 1 + e x, freed of the greater of its two coefficients: logarithms of the two. */
SMOOTH_TOPK_FUNCTION double smooth_topk_log_left_out(double z)
{
    return z > 0 ? -z : 0;
}

SMOOTH_TOPK_FUNCTION double smooth_topk_log_chosen(double z)
{
    return z > 0 ? 0 : z;
}

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

/* S: by how much a rounding error of c = heavy * light can grow in the gradient of a light class.
 */
SMOOTH_TOPK_FUNCTION double smooth_topk_cancellation(const double *c, int k)
{
    double sum = 0;
    for (int j = 0; j < k - 1; ++j) sum += c[j];
    double of_k1 = sum / c[k - 1], of_k = (sum + c[k - 1]) / c[k];
    return of_k > of_k1 ? of_k : of_k1;
}

/* D_m without its factor sigmoid(q)/k: m_i(k) - m_i(k-1) = u_i sum_m (-u_i)^m D_m for a light
   class, m = 0 .. k-1. */
SMOOTH_TOPK_FUNCTION double smooth_topk_division(const double *c, int k, int m)
{
    return c[k - 1 - m] / c[k] - (m <= k - 2 ? c[k - 2 - m] / c[k - 1] : 0);
}

/* m_i(k) - m_i(k-1) of a heavy class with weight u: heavy is divided by (u + x) from its monic end,
   and what is compared is the probability of being left out, which has no 1 to cancel. */
SMOOTH_TOPK_FUNCTION double smooth_topk_heavy_difference(const double *heavy, int heavies, double u,
                                                         const double *light, const double *c,
                                                         int k)
{
    double quotient = 0, left_out_k = 0, left_out_k1 = 0;
    for (int t = heavies - 1; t >= 0; --t) {
        quotient = heavy[t + 1] - u * quotient;
        if (t <= k) left_out_k += quotient * light[k - t];
        if (t <= k - 1) left_out_k1 += quotient * light[k - 1 - t];
    }
    double difference = u * (left_out_k1 / c[k - 1] - left_out_k / c[k]);
    return difference > 0 ? difference : 0;
}

#endif
