/* The smooth top-k loss on the GPU: the twins of smooth_topk.h, with device pointers and a stream.
 */
#ifndef SMOOTH_TOPK_GPU_H
#define SMOOTH_TOPK_GPU_H

#include "smooth_topk.h"
#include "smooth_topk_truth.h"

#ifdef __cplusplus
extern "C" {
#endif

/* All pointers but params are the current device's; stream is a cudaStream_t, NULL the default one.
   Loss and gradient are as on the CPU, and are the same from call to call to the bit. batch and
   classes are at most 2^30, or the error is SMOOTH_TOPK_ERROR_SIZE.

   Where a CUDA call of theirs fails, the error is SMOOTH_TOPK_ERROR_CUDA. CUDA remembers which: the
   caller takes and clears it with cudaGetLastError(). An error that others left there before is not
   looked at, and not cleared. */

/* As smooth_topk_cpu: allocates its scratch, checks the labels and waits until all is done. */
int smooth_topk_gpu(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels, float *loss, float *grad, void *stream);

/* The same with scratch of the caller's: allocates nothing and waits for nothing. So it cannot
   refuse a label that is out of range: such a sample's loss and gradient are NaN. */
int smooth_topk_gpu_workspace(const smooth_topk_params *params, int batch, int classes,
                              const float *scores, const int *labels, float *loss, float *grad,
                              void *workspace, size_t workspace_size, void *stream);

/* Bytes of scratch that let a batch go at full speed; more than 256 MiB only where one sample
   needs it. O(classes + k log k) a sample in flight. 0 if the parameters are refused. */
size_t smooth_topk_gpu_workspace_size(const smooth_topk_params *params, int batch, int classes);

/* The loss for several k at once, as smooth_topk_sum_cpu; terms are the host's. A term costs as
   much as smooth_topk_gpu, the later ones a reading of grad more. */
int smooth_topk_sum_gpu(const smooth_topk_term *terms, int count, int batch, int classes,
                        const float *scores, const int *labels, float *loss, float *grad,
                        void *stream);
int smooth_topk_sum_gpu_workspace(const smooth_topk_term *terms, int count, int batch, int classes,
                                  const float *scores, const int *labels, float *loss, float *grad,
                                  void *workspace, size_t workspace_size, void *stream);
size_t smooth_topk_sum_gpu_workspace_size(const smooth_topk_term *terms, int count, int batch,
                                          int classes);

/* Rows of truth, as smooth_topk_truth_cpu; and the output of a layer of a network. The objective
   and its terms are the host's; class_margins and class_weights the device's.

   truth        NULL: only `output` is written
   output       batch x classes; softmax(scores / temperature), temperature > 0 and finite; may be
                NULL beside truth */
int smooth_topk_truth_gpu(const smooth_topk_objective *objective, int batch, int classes,
                          const float *scores, const float *truth, float temperature, float *loss,
                          float *delta, float *output, void *workspace, size_t workspace_size,
                          void *stream);
size_t smooth_topk_truth_gpu_workspace_size(const smooth_topk_objective *objective, int batch,
                                            int classes);

/* output[b, i] = m_i(k), the probability that class i is among k classes drawn with the weights
   exp(scores[b, i] / temperature), as smooth_topk_membership_cpu: batch x classes; 1 <= k <
   classes; temperature > 0 and finite. output may be scores. Waits for nothing. workspace: at least
   the size below lets a batch go at full speed, that of a batch of 1 will do. */
int smooth_topk_membership_gpu(int batch, int classes, int k, float temperature,
                               const float *scores, float *output, void *workspace,
                               size_t workspace_size, void *stream);
size_t smooth_topk_membership_gpu_workspace_size(int batch, int classes, int k);

/* Only the `hardest` samples with the largest losses count, each times batch / hardest; of equal
   losses the first. loss and factors, which is scratch: batch; delta: batch x classes. >= 1. */
int smooth_topk_keep_hardest_gpu(int hardest, int batch, int classes, float *loss, float *delta,
                                 float *factors, void *stream);

#ifdef __cplusplus
}
#endif

#endif
