/* The glue between a layer and the losses that count by hardest=. */
#include "hardest_samples.h"

#include "allocate.h"
#include "cuda.h"
#include "smooth_topk_gpu.h"
#include "topk_losses.h"

#include <stdlib.h>

hardest_samples make_hardest_samples(hardest_option option, int batch)
{
    hardest_samples hardest = {.count = option.count, .threshold = {.fraction = option.fraction}};
    if (option.count) hardest.order = allocate((size_t)batch, sizeof *hardest.order);
#ifdef GPU
    if (option.count) hardest.factors_gpu = cuda_make_array(NULL, (size_t)batch);
    if (option.fraction > 0)
        hardest.sums_gpu = cuda_make_array(hardest.threshold.sums, THRESHOLD_SUMS);
#endif
    return hardest;
}

void keep_hardest_samples(hardest_samples *hardest, int batch, int classes, const float *truth,
                          int is_counted, float *loss, float *delta)
{
    if (hardest->count)
        topk_loss_keep_hardest(hardest->count, batch, classes, loss, delta, hardest->order);
    if (hardest->threshold.fraction > 0)
        weigh_by_threshold(&hardest->threshold, batch, classes, truth, is_counted, loss, delta);
#ifdef GPU
    if (hardest->sums_gpu && is_counted)
        cuda_push_array(hardest->sums_gpu, hardest->threshold.sums, THRESHOLD_SUMS);
#endif
}

void end_hardest_batch(hardest_samples *hardest)
{
#ifdef GPU
    cuda_pull_array(hardest->sums_gpu, hardest->threshold.sums, THRESHOLD_SUMS);
#endif
    end_threshold_batch(&hardest->threshold);
}

void free_hardest_samples(hardest_samples *hardest)
{
    free(hardest->order);
#ifdef GPU
    if (hardest->factors_gpu) cuda_free(hardest->factors_gpu);
    if (hardest->sums_gpu) cuda_free(hardest->sums_gpu);
#endif
}

#ifdef GPU
int keep_hardest_samples_gpu(const hardest_samples *hardest, int batch, int classes,
                             float *loss_gpu, float *delta_gpu)
{
    if (!hardest->count) return 0;
    return smooth_topk_keep_hardest_gpu(hardest->count, batch, classes, loss_gpu, delta_gpu,
                                        hardest->factors_gpu, NULL);
}
#endif
