/* hardest=: which samples of a batch count in a layer's loss. */
#ifndef HARDEST_SAMPLES_H
#define HARDEST_SAMPLES_H

#include "loss_options.h"
#include "loss_threshold.h"

typedef struct {
    int count;                /* how many samples of a batch count; 0: all, or a fraction */
    int *order;               /* scratch, batch numbers; NULL without a count */
    loss_threshold threshold; /* its fraction is 0 unless the option is a fraction */
#ifdef GPU
    float *factors_gpu; /* batch; NULL without a count */
    float *sums_gpu;    /* those of the threshold, for NCCL; NULL without a fraction */
#endif
} hardest_samples;

hardest_samples make_hardest_samples(hardest_option option, int batch);

/* Changes loss (batch) and delta (batch x classes) as topk_loss_keep_hardest or weigh_by_threshold
   do; with `is_counted`, in training, the threshold learns from the batch. truth: batch x classes.
 */
void keep_hardest_samples(hardest_samples *hardest, int batch, int classes, const float *truth,
                          int is_counted, float *loss, float *delta);

/* All samples of a batch, those of its subdivisions and of all ranks, have been seen. */
void end_hardest_batch(hardest_samples *hardest);

void free_hardest_samples(hardest_samples *hardest);

#ifdef GPU
/* The count alone, in the GPU's memory; 0 or an error of smooth_topk.h. A fraction is for the CPU.
 */
int keep_hardest_samples_gpu(const hardest_samples *hardest, int batch, int classes,
                             float *loss_gpu, float *delta_gpu);
#endif

#endif
