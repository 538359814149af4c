/* The search for the tilt: a common factor on all weights for which about k classes are chosen. */
#ifndef SMOOTH_TOPK_TILT_H
#define SMOOTH_TOPK_TILT_H

#include "smooth_topk_compile.h"

#include <math.h>

/* The scores' range, in powers of 2 of their weights, up to which no selection is needed: rounding
   of the exponents costs as many half ulps. */
#define LARGEST_RANGE 16

/* The search for the tilt rho such that about k - 1/2 classes are expected in a random subset:
   Newton's method on log rho, kept in a bracket. Two standard deviations are near enough: so most
   samples need one step or two. */
typedef struct {
    double low, high, log_rho; /* the bracket of log rho, and the guess */
} smooth_topk_tilt;

#define SMOOTH_TOPK_TILT_STEPS 60

/* Of weights relative to the k-th largest score: it begins where unlikely classes alone would put
   it. sum: about that of the lighter classes' weights. */
SMOOTH_TOPK_FUNCTION smooth_topk_tilt smooth_topk_first_tilt(int classes, int k, double sum)
{
    smooth_topk_tilt tilt = {log(0.25 / classes), log(4.0 * k), log((k - 0.5) / (sum + k))};
    return tilt;
}

/* Of `count` weights of any range up to 2^LARGEST_RANGE, or relative to the k-th largest score: it
   begins where equal weights would put it. sum: about that of their minima with 1. */
SMOOTH_TOPK_FUNCTION smooth_topk_tilt smooth_topk_tilt_of_weights(int count, int k, double sum)
{
    double wanted = k - 0.5;
    smooth_topk_tilt tilt = {log(0.25 / (count + 1)), log(4.0 * k) + LARGEST_RANGE * 0.7,
                             log(wanted * count / (sum * (count - wanted)))};
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
        tilt->high = tilt->log_rho;
    else
        tilt->low = tilt->log_rho;
    tilt->log_rho -= excess / variance;
    if (!(tilt->log_rho > tilt->low && tilt->log_rho < tilt->high))
        tilt->log_rho = 0.5 * (tilt->low + tilt->high);
    return 0;
}

#endif
