/* The average top-k loss over all of the data (Fan, Lyu, Ying, Hu, NeurIPS 2017): only losses above
 * a threshold count; the threshold is learned, so that a given fraction of the samples is above it.
 */
#ifndef LOSS_THRESHOLD_H
#define LOSS_THRESHOLD_H

enum { THRESHOLD_SUMS = 3 };

typedef struct {
    float fraction;             /* of the samples, 0 < fraction < 1 */
    float threshold;            /* lambda, in units of the loss */
    float mean_loss;            /* a running mean, the unit of the steps of lambda */
    double samples;             /* seen so far; 0: no batch has ended, and there is no threshold */
    float sums[THRESHOLD_SUMS]; /* of the batch under way: samples, their weights, their losses */
} loss_threshold;

/* Multiplies each sample's loss l and its row of delta by weight / fraction,

       weight = (1 + (l - lambda) / sqrt((l - lambda)^2 + 1e-4)) / 2,

   which is near 1 above lambda, near 0 below it. So delta becomes minus the gradient of
   p(l - lambda) / fraction, p(d) = (d + sqrt(d^2 + 1e-4)) / 2. Before the first batch has ended all
   samples count alike, times 1.

   With `is_counted` the samples go into the sums of the batch, but for those that are to be
   ignored, whose row of truth is all zeros, and those whose loss is not finite, which stays so.

   loss batch, delta and truth batch x classes. */
void weigh_by_threshold(loss_threshold *t, int batch, int classes, const float *truth,
                        int is_counted, float *loss, float *delta);

/* The batch has ended: lambda <- lambda - eta (fraction - mean weight), and the sums become 0.
   After the first batch lambda is its mean loss. eta is the running mean of the loss times
   min(0.1, batch / min(1000, samples so far)). */
void end_threshold_batch(loss_threshold *t);

#endif
