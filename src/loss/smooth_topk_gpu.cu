/* The smooth top-k loss on the GPU: checks, the workspace, and which kernels do a batch. */
#include "smooth_topk_any_kernel.cuh"
#include "smooth_topk_gpu.h"
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

static size_t slot_size(const smooth_topk_params *params, int classes)
{
    char *begin = NULL, *end = begin;
    take_sample_scratch(&end, params, classes);
    return end - begin;
}

static int is_size(int batch, int classes)
{
    return batch >= 0 && batch <= MOST_OF_A_SIZE && classes <= MOST_OF_A_SIZE;
}

/* labels, weights and deferred of the batch, and a flag. */
static size_t head_size(int batch)
{
    return 3 * aligned((size_t)batch * sizeof(int)) + aligned(sizeof(int));
}

size_t smooth_topk_gpu_workspace_size(const smooth_topk_params *params, int batch, int classes)
{
    if (smooth_topk_check(params, classes) || !is_size(batch, classes)) return 0;
    size_t bytes = slot_size(params, classes), slots = MOST_SLOT_BYTES / bytes;
    int most = params->algorithm == SMOOTH_TOPK_PIVOT && params->k <= SMALL_K ? SLOTS_FOR_DEFERRED
                                                                              : MOST_SLOTS;
    if (slots > (size_t)min_int(batch, most)) slots = min_int(batch, most);
    return ALIGNMENT + head_size(batch) + bytes * (slots ? slots : 1);
}

/* A workspace, cut up. */
typedef struct {
    int *labels, *deferred, *bad;
    float *weights;
    char *slots;
    int slot_count;
} workspace_parts;

static int cut_workspace(const smooth_topk_params *params, int batch, int classes, void *workspace,
                         size_t size, workspace_parts *parts)
{
    size_t head = ALIGNMENT + head_size(batch), bytes = slot_size(params, classes);
    if (!workspace || size < head + bytes) return SMOOTH_TOPK_ERROR_MEMORY;
    size_t count = (size - head) / bytes;
    char *rest = (char *)aligned((uintptr_t)workspace);
    parts->labels = (int *)take(&rest, batch * sizeof(int));
    parts->weights = (float *)take(&rest, batch * sizeof(float));
    parts->deferred = (int *)take(&rest, batch * sizeof(int));
    parts->bad = (int *)take(&rest, sizeof(int));
    parts->slots = rest;
    parts->slot_count = count < MOST_SLOTS ? (int)count : MOST_SLOTS;
    return SMOOTH_TOPK_OK;
}

/* All of a batch whose labels are there. */
static int launch_loss(gpu_batch *batch, const workspace_parts *parts, cudaStream_t stream)
{
    batch->deferred = NULL;
    batch->slots = parts->slots;
    batch->slot_bytes = slot_size(&batch->params, batch->classes);
    if (is_small(batch)) {
        batch->deferred = parts->deferred;
        int error = launch_pivot(batch, stream);
        if (error) return error;
    }
    return launch_any(batch, min_int(batch->samples, parts->slot_count), stream);
}

static gpu_batch make_batch(const smooth_topk_params *params, int samples, int classes,
                            const float *scores, const int *labels)
{
    gpu_batch batch;
    memset(&batch, 0, sizeof batch);
    batch.params = *params;
    batch.samples = samples;
    batch.classes = classes;
    batch.scores = scores;
    batch.labels = labels;
    return batch;
}

static int check_arguments(const smooth_topk_params *params, int batch, int classes,
                           const float *scores, const void *labels, const float *loss)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    if (!is_size(batch, classes) || (batch > 0 && (!scores || !labels || !loss)))
        return SMOOTH_TOPK_ERROR_SIZE;
    return SMOOTH_TOPK_OK;
}

int smooth_topk_gpu_workspace(const smooth_topk_params *params, int batch, int classes,
                              const float *scores, const int *labels, float *loss, float *grad,
                              void *workspace, size_t workspace_size, void *stream)
{
    workspace_parts parts;
    int error = check_arguments(params, batch, classes, scores, labels, loss);
    if (error) return error;
    error = cut_workspace(params, batch, classes, workspace, workspace_size, &parts);
    if (error || batch == 0) return error;
    gpu_batch all = make_batch(params, batch, classes, scores, labels);
    all.sign = 1;
    all.loss = loss;
    all.grad = grad;
    return launch_loss(&all, &parts, (cudaStream_t)stream);
}

int smooth_topk_gpu_layer(const smooth_topk_params *params, int batch, int classes,
                          const float *scores, const float *truth, float scale, float temperature,
                          float *loss, float *delta, float *output, void *workspace,
                          size_t workspace_size, void *stream)
{
    workspace_parts parts;
    int error = check_arguments(params, batch, classes, scores, output, truth ? loss : output);
    if (error) return error;
    error = cut_workspace(params, batch, classes, workspace, workspace_size, &parts);
    if (error || batch == 0) return error;
    gpu_batch all = make_batch(params, batch, classes, scores, parts.labels);
    all.weights = parts.weights;
    all.truth = truth;
    all.scale = scale;
    all.sign = -1;
    all.loss = loss;
    all.grad = delta;
    all.output = output;
    all.temperature = temperature;
    if (!truth) return launch_softmax(&all, (cudaStream_t)stream);
    error = launch_labels(truth, batch, classes, parts.labels, parts.weights, (cudaStream_t)stream);
    return error ? error : launch_loss(&all, &parts, (cudaStream_t)stream);
}

int smooth_topk_gpu(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels, float *loss, float *grad, void *stream)
{
    int error = check_arguments(params, batch, classes, scores, labels, loss);
    if (error || batch == 0) return error;
    size_t size = smooth_topk_gpu_workspace_size(params, batch, classes);
    void *workspace = NULL;
    workspace_parts parts;
    if (cudaMalloc(&workspace, size) != cudaSuccess) return SMOOTH_TOPK_ERROR_CUDA;
    cut_workspace(params, batch, classes, workspace, size, &parts);
    error = check_labels(labels, batch, classes, parts.bad, (cudaStream_t)stream);
    if (!error)
        error = smooth_topk_gpu_workspace(params, batch, classes, scores, labels, loss, grad,
                                          workspace, size, stream);
    if (!error) error = failed(cudaStreamSynchronize((cudaStream_t)stream));
    int freed = failed(cudaFree(workspace));
    return error ? error : freed;
}
