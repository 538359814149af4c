/* The smooth top-k loss twice more, slow and plain: what the tests compare the product with. */
#ifndef REFERENCE_H
#define REFERENCE_H

#include "smooth_topk.h"

/* By the definition (equation 10 of the paper): sums over all k-subsets of the classes. classes
   <= 16. loss: 1; grad: classes. Finite scores, tau > 0. */
void brute_force(const smooth_topk_params *params, int classes, const float *scores, int label,
                 long double *loss, long double *grad);

/* By products of all factors before and after each class, in 80-bit numbers: sums of positive terms
   only. Any size; finite scores or -inf (not the label's), at least k finite ones beside the label,
   tau > 0. */
void reference(const smooth_topk_params *params, int classes, const float *scores, int label,
               long double *loss, long double *grad);

/* By sorting: the hard hinge, tau = 0. */
void reference_hinge(const smooth_topk_params *params, int classes, const float *scores, int label,
                     long double *loss);

#endif
