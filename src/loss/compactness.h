/* The compactness loss of one class (Perera, Patel: Learning Deep Features for One-Class
 * Classification, 2019): how far the features of its samples are from each other. */
#ifndef COMPACTNESS_H
#define COMPACTNESS_H

/* Of the m rows with is_target[i] != 0, each of d = `features` numbers:

       L = 1/(m d) sum_i |x_i - mean of the other targets|^2 = m/((m-1)^2 d) sum_i |x_i - mean|^2

   and 0 where m < 2. A NaN or an infinity in a target's row makes L a NaN; other rows do not
   matter. mean: room for `features` numbers, which afterwards are the mean; left as it is where m
   < 2. x: rows x features. */
float compactness_loss(int rows, int features, const float *x, const int *is_target, float *mean);

/* sum[i] += factor dL/dx_i = factor 2m/((m-1)^2 d) (x_i - mean) for the targets; other rows stay as
   they are, and all do where m < 2. mean is compactness_loss's; sum: rows x features. The published
   gradient is another: it sums over features where the loss asks for a sum over samples. */
void add_compactness_gradient(int rows, int features, const float *x, const int *is_target,
                              const float *mean, float factor, float *sum);

#endif
