/* The average top-k loss over all of the data: weights by a threshold, and how it moves. */
#include "loss_threshold.h"

#include "finite.h"

#include <math.h>
#include <stddef.h>

enum { SAMPLES, WEIGHTS, LOSSES };

#define MOST_SAMPLES_OF_MEAN 1000.0
#define LARGEST_STEP 0.1

static float sample_weight(const loss_threshold *t, float loss)
{
    double distance = (double)loss - (double)t->threshold;
    if (!is_finite(loss)) return 1;
    return (float)((1 + distance / sqrt(distance * distance + 1e-4)) / 2);
}

static int has_label(const float *truth, int classes)
{
    for (int i = 0; i < classes; ++i)
        if (truth[i] != 0) return 1;
    return 0;
}

void weigh_by_threshold(loss_threshold *t, int batch, int classes, const float *truth,
                        int is_counted, float *loss, float *delta)
{
    for (int b = 0; b < batch; ++b) {
        size_t row = (size_t)b * (size_t)classes;
        float weight = sample_weight(t, loss[b]), factor = weight / t->fraction;
        if (is_counted && is_finite(loss[b]) && has_label(truth + row, classes)) {
            t->sums[SAMPLES] += 1;
            t->sums[WEIGHTS] += weight;
            t->sums[LOSSES] += loss[b];
        }
        if (t->samples == 0) continue;
        loss[b] *= factor;
        for (int i = 0; i < classes; ++i) delta[row + (size_t)i] *= factor;
    }
}

void end_threshold_batch(loss_threshold *t)
{
    double count = (double)t->sums[SAMPLES];
    if (count > 0) {
        double mean_weight = (double)t->sums[WEIGHTS] / count;
        double mean_loss = (double)t->sums[LOSSES] / count;
        int is_first = t->samples == 0;
        t->samples += count;
        double part = count / fmin(t->samples, MOST_SAMPLES_OF_MEAN);
        t->mean_loss += (float)(fmin(part, 1) * (mean_loss - (double)t->mean_loss));
        if (is_first)
            t->threshold = t->mean_loss;
        else
            t->threshold -= (float)(fmin(part, LARGEST_STEP) * (double)t->mean_loss *
                                    ((double)t->fraction - mean_weight));
    }
    for (int i = 0; i < THRESHOLD_SUMS; ++i) t->sums[i] = 0;
}
