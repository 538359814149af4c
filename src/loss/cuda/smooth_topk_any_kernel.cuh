/* Samples of any kind: any k, either algorithm, the hard hinge, soft rows, bad scores. One a block
   at a time. */
#ifndef SMOOTH_TOPK_ANY_KERNEL_CUH
#define SMOOTH_TOPK_ANY_KERNEL_CUH

#include "smooth_topk_any_k.cuh"
#include "smooth_topk_softmax.cuh"
#include "smooth_topk_tree.cuh"

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* What the threads share is not written again before the next label's first barrier, nor a class's
   gradient by another thread: so labels may follow one another. */
template <smooth_topk_algorithm ALGORITHM>
static __device__ double loss_of_label(labelled_sample *sample)
{
    const smooth_topk_params *params = &sample->batch->params;
    int is_hinge = smooth_topk_is_hinge(params->tau);
    if (!is_membership(sample) &&
        smooth_topk_is_minus_inf(float_bits(sample->scores[sample->label]))) {
        write_zeros(sample);
        return float_from_bits(BITS_PLUS_INF);
    }
    int needs_selection =
        ALGORITHM == SMOOTH_TOPK_LOG || is_hinge || !(sample->range <= LARGEST_RANGE);
    sample->pivot = needs_selection ? kth_largest(sample) : sample->most;
    if (smooth_topk_is_minus_inf(float_bits(sample->pivot))) {
        if (is_membership(sample))
            write_nans(sample);
        else
            write_zeros(sample);
        return 0;
    }
    if (is_hinge) return hard_hinge(sample);
    return ALGORITHM == SMOOTH_TOPK_LOG ? by_log(sample)
                                        : any_k(sample, sample->range <= LARGEST_RANGE_OF_EQUALS);
}

/* Also where none is asked for. */
static __device__ int has_label(const gpu_batch *batch, int label)
{
    if (!batch->labels) return 1;
    return label == LABEL_SOFT ? batch->truth != NULL : label >= 0 && label < batch->classes;
}

/* The loss of a sample's label, or the sum over the labels of a row of truth; its gradient goes to
   sample->grad. weight: the label's, or the row's sum of w t. */
template <smooth_topk_algorithm ALGORITHM>
static __device__ double loss_of_labels(labelled_sample *sample, const float *truth, float weight)
{
    const gpu_batch *batch = sample->batch;
    int is_soft = sample->label == LABEL_SOFT, first = is_soft ? 0 : sample->label,
        end = is_soft ? batch->classes : first + 1;
    double loss = 0, *sums = sample->scratch->sums;
    for (int i = threadIdx.x; is_soft && i < batch->classes; i += ANY_THREADS) sums[i] = 0;
    sample->sums = is_soft ? sums : NULL;
    for (int label = first; label < end; ++label) {
        float t = weight;
        if (is_soft) {
            t = batch->class_weights ? batch->class_weights[label] * truth[label] : truth[label];
            t = smooth_topk_smoothed_truth(t, weight, batch->smoothing, batch->classes);
            if (t == 0) continue;
        }
        t *= batch->scale;
        sample->label = label;
        sample->factor = t * batch->sign;
        loss += t * loss_of_label<ALGORITHM>(sample);
    }
    if (!is_soft) return loss;
    __syncthreads();
    sample->sums = NULL;
    sample->factor = 1;
    for (int i = threadIdx.x; sample->grad && i < batch->classes; i += ANY_THREADS)
        write_gradient(sample, i, (float)sums[i]);
    return loss;
}

template <smooth_topk_algorithm ALGORITHM>
static __device__ void any_sample(const gpu_batch *batch, any_shared *shared,
                                  const sample_scratch *scratch, int b)
{
    size_t row = (size_t)b * batch->classes;
    labelled_sample sample = {batch,
                              shared,
                              scratch,
                              batch->scores + row,
                              batch->grad ? batch->grad + row : NULL,
                              NULL,
                              batch->labels ? batch->labels[b] : -1,
                              0,
                              0,
                              0,
                              1,
                              batch->add};
    float most = minus_inf(), least = -minus_inf();
    for (int i = threadIdx.x; i < batch->classes; i += ANY_THREADS) {
        float score = sample.scores[i];
        int is_bad = smooth_topk_is_nan_or_plus_inf(float_bits(score));
        most = is_bad ? float_from_bits(BITS_PLUS_INF) : fmaxf(most, score);
        least = fminf(least, score);
    }
    sample.most = block_max(most, shared->partial[0]);
    least = -block_max(-least, shared->partial[1]);
    sample.range =
        (float)(((double)sample.most - (double)least) * batch->inverse_k_tau * SMOOTH_TOPK_LOG2_E);
    int bad = smooth_topk_is_nan_or_plus_inf(float_bits(sample.most));
    if (batch->output && !batch->deferred)
        softmax_row(whole_block(), sample.scores, batch->classes, sample.most, batch->temperature,
                    batch->output + row, shared->partial[2]);
    double loss = 0;
    if (batch->labels && sample.label == -1) {
        write_zeros(&sample);
    } else if (bad || !has_label(batch, sample.label)) {
        loss = float_from_bits(BITS_NAN);
        write_nans(&sample);
    } else {
        loss = loss_of_labels<ALGORITHM>(&sample, batch->truth ? batch->truth + row : NULL,
                                         batch->weights ? batch->weights[b] : 1);
    }
    if (threadIdx.x == 0 && batch->loss) write_loss(batch, b, (float)loss);
}

/* An algorithm a kernel: registers for the two at once do not do. The flags of 256 samples are read
   at once: most often none is set. Samples need no barrier between them: the two maxima at the
   beginning of one have theirs, and nothing else is written before. */
template <smooth_topk_algorithm ALGORITHM>
static __global__ void __launch_bounds__(ANY_THREADS, 2) any_kernel(gpu_batch batch)
{
    DYNAMIC_SHARED(any_shared, shared);
    char *slot = batch.slots + batch.slot_bytes * blockIdx.x;
    sample_scratch scratch = take_sample_scratch(&slot, &batch.params, batch.classes);
    int stride = gridDim.x;
    for (int first = blockIdx.x; first < batch.samples; first += ANY_THREADS * stride) {
        int own = first + (int)threadIdx.x * stride;
        int is_wanted = own < batch.samples && (!batch.deferred || batch.deferred[own]);
        if (!__syncthreads_or(is_wanted)) continue;
        shared->is_wanted[threadIdx.x] = is_wanted;
        __syncthreads();
        for (int t = 0; t < ANY_THREADS; ++t) {
            if (!shared->is_wanted[t]) continue;
            any_sample<ALGORITHM>(&batch, shared, &scratch, first + t * stride);
        }
    }
}

/* -------------------------------------------------------------------------------------------------
   kernel launchers
   -------------------------------------------------------------------------------------------------
 */

static int launch_any(const gpu_batch *batch, int blocks, cudaStream_t stream)
{
    int by_log = batch->params.algorithm == SMOOTH_TOPK_LOG;
    return failed(launch(by_log ? any_kernel<SMOOTH_TOPK_LOG> : any_kernel<SMOOTH_TOPK_PIVOT>,
                         blocks, ANY_THREADS, sizeof(any_shared), stream, *batch));
}

#endif
