/* The smooth top-k loss on the GPU: checks, the workspace, and which kernels do a batch. */
#include "smooth_topk_any_kernel.cuh"
#include "smooth_topk_gpu.h"
#include "smooth_topk_hardest.cuh"
#include "smooth_topk_labels.cuh"
#include "smooth_topk_small_k.cuh"
#include "smooth_topk_softmax.cuh"

/* Samples in flight in any_kernel: if it does the whole batch, and if only what pivot_kernel
   defers. */
#define MOST_SLOTS 256
#define SLOTS_FOR_DEFERRED 64
#define MOST_SLOT_BYTES ((size_t)1 << 28)

/* So that a loop's index, ahead by a block's threads, is an int. */
#define MOST_OF_A_SIZE (1 << 30)

static int is_size(int batch, int classes)
{
    return batch >= 0 && batch <= MOST_OF_A_SIZE && classes <= MOST_OF_A_SIZE;
}

static int is_all_small(const smooth_topk_term *terms, int count)
{
    for (int j = 0; j < count; ++j)
        if (terms[j].params.algorithm != SMOOTH_TOPK_PIVOT || terms[j].params.k > SMALL_K) return 0;
    return 1;
}

/* The largest that a term needs. */
static size_t slot_size(const smooth_topk_term *terms, int count, int classes)
{
    size_t most = 0;
    for (int j = 0; j < count; ++j) {
        char *begin = NULL, *end = begin;
        take_sample_scratch(&end, &terms[j].params, classes);
        if ((size_t)(end - begin) > most) most = end - begin;
    }
    return most;
}

/* labels, weights and deferred of the batch, and a flag. */
static size_t head_size(int batch)
{
    return 3 * aligned((size_t)batch * sizeof(int)) + aligned(sizeof(int));
}

static size_t bounded_workspace_size(const smooth_topk_term *terms, int count, int batch,
                                     int classes, int most_slots)
{
    if (smooth_topk_sum_check(terms, count, classes) || !is_size(batch, classes)) return 0;
    size_t bytes = slot_size(terms, count, classes), slots = MOST_SLOT_BYTES / bytes;
    if (slots > (size_t)min_int(batch, most_slots)) slots = min_int(batch, most_slots);
    return ALIGNMENT + head_size(batch) + bytes * (slots ? slots : 1);
}

/* A workspace, cut up. */
typedef struct {
    int *labels, *deferred, *bad;
    float *weights;
    char *slots;
    int slot_count;
} workspace_parts;

static int cut_workspace(const smooth_topk_term *terms, int count, int batch, int classes,
                         void *workspace, size_t size, workspace_parts *parts)
{
    size_t head = ALIGNMENT + head_size(batch), bytes = slot_size(terms, count, classes);
    if (!workspace || size < head + bytes) return SMOOTH_TOPK_ERROR_MEMORY;
    size_t slots = (size - head) / bytes;
    char *rest = (char *)aligned((uintptr_t)workspace);
    parts->labels = (int *)take(&rest, batch * sizeof(int));
    parts->weights = (float *)take(&rest, batch * sizeof(float));
    parts->deferred = (int *)take(&rest, batch * sizeof(int));
    parts->bad = (int *)take(&rest, sizeof(int));
    parts->slots = rest;
    parts->slot_count = slots < MOST_SLOTS ? (int)slots : MOST_SLOTS;
    return SMOOTH_TOPK_OK;
}

/* Of a batch's term; k_tau is k times tau. */
static void set_rates(gpu_batch *batch, double k_tau)
{
    double rate = SMOOTH_TOPK_LOG2_E / k_tau;
    batch->rate = rate >= 1e-30 && rate <= FLT_MAX ? (float)rate : 0;
    batch->inverse_k_tau = 1 / k_tau;
    batch->inverse_tau = batch->params.k / k_tau;
}

/* All of a batch whose labels are there, a term after another, the later ones added. */
static int launch_loss(gpu_batch batch, const smooth_topk_term *terms, int count, float scale,
                       const workspace_parts *parts, cudaStream_t stream)
{
    int error = SMOOTH_TOPK_OK;
    batch.slots = parts->slots;
    batch.slot_bytes = slot_size(terms, count, batch.classes);
    for (int j = 0; j < count && !error; ++j) {
        batch.params = terms[j].params;
        batch.scale = scale * terms[j].weight;
        set_rates(&batch, (double)batch.params.k * (double)batch.params.tau);
        batch.deferred = is_small(&batch) ? parts->deferred : NULL;
        if (batch.deferred) error = launch_pivot(&batch, stream);
        if (!error) error = launch_any(&batch, min_int(batch.samples, parts->slot_count), stream);
        batch.add = 1;
        batch.output = NULL;
    }
    return error;
}

static gpu_batch make_batch(int samples, int classes, const float *scores, float *loss, float *grad)
{
    gpu_batch batch;
    memset(&batch, 0, sizeof batch);
    batch.samples = samples;
    batch.classes = classes;
    batch.scores = scores;
    batch.loss = loss;
    batch.grad = grad;
    return batch;
}

static int check_arguments(const smooth_topk_term *terms, int count, int batch, int classes,
                           const float *scores, const void *labels, const float *loss)
{
    int error = smooth_topk_sum_check(terms, count, classes);
    if (error) return error;
    if (!is_size(batch, classes) || (batch > 0 && (!scores || !labels || !loss)))
        return SMOOTH_TOPK_ERROR_SIZE;
    return SMOOTH_TOPK_OK;
}

/* ---- a batch with labels ---- */

size_t smooth_topk_sum_gpu_workspace_size(const smooth_topk_term *terms, int count, int batch,
                                          int classes)
{
    if (smooth_topk_sum_check(terms, count, classes)) return 0;
    return bounded_workspace_size(terms, count, batch, classes,
                                  is_all_small(terms, count) ? SLOTS_FOR_DEFERRED : MOST_SLOTS);
}

int smooth_topk_sum_gpu_workspace(const smooth_topk_term *terms, int count, int batch, int classes,
                                  const float *scores, const int *labels, float *loss, float *grad,
                                  void *workspace, size_t workspace_size, void *stream)
{
    workspace_parts parts;
    int error = check_arguments(terms, count, batch, classes, scores, labels, loss);
    if (error || batch == 0) return error;
    error = cut_workspace(terms, count, batch, classes, workspace, workspace_size, &parts);
    if (error) return error;
    gpu_batch all = make_batch(batch, classes, scores, loss, grad);
    all.labels = labels;
    all.sign = 1;
    return launch_loss(all, terms, count, 1, &parts, (cudaStream_t)stream);
}

int smooth_topk_sum_gpu(const smooth_topk_term *terms, int count, int batch, int classes,
                        const float *scores, const int *labels, float *loss, float *grad,
                        void *stream)
{
    int error = check_arguments(terms, count, batch, classes, scores, labels, loss);
    if (error || batch == 0) return error;
    size_t size = smooth_topk_sum_gpu_workspace_size(terms, count, batch, classes);
    void *workspace = NULL;
    workspace_parts parts;
    if (cudaMalloc(&workspace, size) != cudaSuccess) return SMOOTH_TOPK_ERROR_CUDA;
    cut_workspace(terms, count, batch, classes, workspace, size, &parts);
    error = check_labels(labels, batch, classes, parts.bad, (cudaStream_t)stream);
    if (!error)
        error = smooth_topk_sum_gpu_workspace(terms, count, batch, classes, scores, labels, loss,
                                              grad, workspace, size, stream);
    if (!error) error = failed(cudaStreamSynchronize((cudaStream_t)stream));
    int freed = failed(cudaFree(workspace));
    return error ? error : freed;
}

/* ---- one k ---- */

size_t smooth_topk_gpu_workspace_size(const smooth_topk_params *params, int batch, int classes)
{
    if (smooth_topk_check(params, classes)) return 0;
    smooth_topk_term term = {*params, 1};
    return smooth_topk_sum_gpu_workspace_size(&term, 1, batch, classes);
}

int smooth_topk_gpu_workspace(const smooth_topk_params *params, int batch, int classes,
                              const float *scores, const int *labels, float *loss, float *grad,
                              void *workspace, size_t workspace_size, void *stream)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    smooth_topk_term term = {*params, 1};
    return smooth_topk_sum_gpu_workspace(&term, 1, batch, classes, scores, labels, loss, grad,
                                         workspace, workspace_size, stream);
}

int smooth_topk_gpu(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels, float *loss, float *grad, void *stream)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    smooth_topk_term term = {*params, 1};
    return smooth_topk_sum_gpu(&term, 1, batch, classes, scores, labels, loss, grad, stream);
}

/* ---- rows of truth ---- */

/* Soft rows go to any_kernel whatever the k. */
size_t smooth_topk_truth_gpu_workspace_size(const smooth_topk_objective *objective, int batch,
                                            int classes)
{
    return bounded_workspace_size(objective->terms, objective->count, batch, classes, MOST_SLOTS);
}

int smooth_topk_truth_gpu(const smooth_topk_objective *objective, int batch, int classes,
                          const float *scores, const float *truth, float temperature, float *loss,
                          float *delta, float *output, void *workspace, size_t workspace_size,
                          void *stream)
{
    const smooth_topk_term *terms = objective->terms;
    int count = objective->count;
    workspace_parts parts;
    int error = check_arguments(terms, count, batch, classes, scores, truth ? truth : output,
                                truth ? loss : output);
    if (error) return error;
    if (truth && batch > 0 && !delta) return SMOOTH_TOPK_ERROR_SIZE;
    if (batch == 0) return SMOOTH_TOPK_OK;
    error = cut_workspace(terms, count, batch, classes, workspace, workspace_size, &parts);
    if (error) return error;
    gpu_batch all = make_batch(batch, classes, scores, loss, delta);
    all.output = output;
    all.temperature = temperature;
    if (!truth) return launch_softmax(&all, (cudaStream_t)stream);
    all.truth = truth;
    all.labels = parts.labels;
    all.weights = parts.weights;
    all.class_margins = objective->class_margins;
    all.class_weights = objective->class_weights;
    all.smoothing = objective->smoothing;
    all.sign = -1;
    error = launch_labels(&all, parts.labels, parts.weights, (cudaStream_t)stream);
    return error ? error
                 : launch_loss(all, terms, count, objective->scale, &parts, (cudaStream_t)stream);
}

/* ---- memberships: all that a term's gradient takes, with no label ---- */

static smooth_topk_term membership_term(int k)
{
    smooth_topk_term term = {{k, 1, 0, SMOOTH_TOPK_PIVOT}, 1};
    return term;
}

size_t smooth_topk_membership_gpu_workspace_size(int batch, int classes, int k)
{
    smooth_topk_term term = membership_term(k);
    return bounded_workspace_size(&term, 1, batch, classes, MOST_SLOTS);
}

int smooth_topk_membership_gpu(int batch, int classes, int k, float temperature,
                               const float *scores, float *output, void *workspace,
                               size_t workspace_size, void *stream)
{
    smooth_topk_term term = membership_term(k);
    workspace_parts parts;
    int error = check_arguments(&term, 1, batch, classes, scores, output, output);
    if (!error && !(temperature > 0 && temperature <= FLT_MAX)) error = SMOOTH_TOPK_ERROR_TAU;
    if (error || batch == 0) return error;
    error = cut_workspace(&term, 1, batch, classes, workspace, workspace_size, &parts);
    if (error) return error;
    gpu_batch all = make_batch(batch, classes, scores, NULL, output);
    all.params = term.params;
    all.scale = all.sign = 1;
    all.slots = parts.slots;
    all.slot_bytes = slot_size(&term, 1, classes);
    set_rates(&all, (double)temperature);
    return launch_any(&all, min_int(batch, parts.slot_count), (cudaStream_t)stream);
}

int smooth_topk_keep_hardest_gpu(int hardest, int batch, int classes, float *loss, float *delta,
                                 float *factors, void *stream)
{
    if (hardest < 1 || batch < 0 || batch > MOST_OF_A_SIZE || classes < 1 || !loss || !delta)
        return SMOOTH_TOPK_ERROR_SIZE;
    if (hardest >= batch) return SMOOTH_TOPK_OK;
    return launch_hardest(hardest, batch, classes, loss, delta, factors, (cudaStream_t)stream);
}
