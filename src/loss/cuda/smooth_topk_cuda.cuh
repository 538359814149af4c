/* What all kernels are made of: a batch as they see it, sums and maxima over a warp and a block,
   and the launch of a kernel. The status of a launch does not include errors that earlier calls
   left. */
#ifndef SMOOTH_TOPK_CUDA_CUH
#define SMOOTH_TOPK_CUDA_CUH

#include "smooth_topk_bits.h"
#include "integers.h"
#include "smooth_topk.h"
#include "smooth_topk_scratch.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>
#define DYNAMIC_SHARED(type, name)             \
    extern __shared__ double dynamic_shared[]; \
    type *name = (type *)dynamic_shared
#else
#include "cuda_emulation.h" /* tests/: the same source on the CPU */
#endif

#define WARP 32
#define ALL_LANES 0xffffffffu
#define ROW_THREADS 256 /* of the kernels that only read a row */

/* Labels beside 0 .. classes - 1 and -1, ignore. */
#define LABEL_SOFT -2
#define LABEL_BAD -3 /* a NaN or an infinity in the truth */

/* A batch and one of its terms, as the kernels see it. */
typedef struct {
    smooth_topk_params params;
    int samples, classes;
    const float *scores;
    const int *labels;    /* NULL: memberships are asked for, and go to grad */
    const float *weights; /* of each sample's loss, NULL: 1; of a LABEL_SOFT: sum_i w_i t_i */
    const float *truth;   /* of the rows that are LABEL_SOFT */
    const float *class_margins, *class_weights; /* factors on alpha and loss; NULL: 1 */
    float smoothing;
    float scale, sign;  /* of loss and gradient; of the gradient */
    int add;            /* to what is in loss and grad: not the first term */
    float *loss, *grad; /* may be NULL: loss without labels, grad */
    float *output;      /* may be NULL */
    float temperature;
    float rate;                        /* log2(e) / (k tau); 0 where tau is 0 or about infinite */
    double inverse_tau, inverse_k_tau; /* 1 / tau, 1 / (k tau) */
    int team;                          /* threads that do a sample in pivot_kernel */
    int *deferred; /* samples: whether pivot_kernel defers it to any_kernel; NULL: all are */
    char *slots;   /* of any_kernel: one for each sample in flight */
    size_t slot_bytes;
} gpu_batch;

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

#define LANE ((int)(threadIdx.x % WARP))
#define WARP_OF_BLOCK ((int)(threadIdx.x / WARP))

static __device__ float minus_inf(void)
{
    return float_from_bits(BITS_MINUS_INF);
}

static __device__ float warp_max(float x)
{
    for (int offset = WARP / 2; offset > 0; offset /= 2)
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, offset));
    return x;
}

static __device__ float warp_sum(float x)
{
    for (int offset = WARP / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(ALL_LANES, x, offset);
    return x;
}

/* The label's margin. */
static __device__ float label_alpha(const gpu_batch *batch, int label)
{
    float margin = batch->class_margins ? batch->class_margins[label] : 1;
    return batch->params.alpha * margin;
}

static __device__ void write_loss(const gpu_batch *batch, int b, float loss)
{
    batch->loss[b] = batch->add ? batch->loss[b] + loss : loss;
}

/* The threads that do a sample: a warp of its block, or the whole block. */
typedef struct {
    int thread, threads; /* this one; how many, a multiple of WARP */
} team;

static __device__ team whole_block(void)
{
    team all = {(int)threadIdx.x, (int)blockDim.x};
    return all;
}

#define TEAM_BARRIER(members)          \
    do {                               \
        if ((members).threads == WARP) \
            __syncwarp();              \
        else                           \
            __syncthreads();           \
    } while (0)

/* The sum over the team, in every thread. partial: WARP floats that nobody else is using, and
   nobody may use again before the next barrier. */
static __device__ float team_sum(team members, float x, float *partial)
{
    x = warp_sum(x);
    if (members.threads == WARP) return x;
    if (LANE == 0) partial[WARP_OF_BLOCK] = x;
    __syncthreads();
    return warp_sum(LANE < members.threads / WARP ? partial[LANE] : 0);
}

static __device__ float block_sum(float x, float *partial)
{
    return team_sum(whole_block(), x, partial);
}

static __device__ float block_max(float x, float *partial)
{
    x = warp_max(x);
    if (LANE == 0) partial[WARP_OF_BLOCK] = x;
    __syncthreads();
    return warp_max(LANE < (int)blockDim.x / WARP ? partial[LANE] : minus_inf());
}

/* -------------------------------------------------------------------------------------------------
   kernel launchers
   -------------------------------------------------------------------------------------------------
 */

static int failed(cudaError_t status)
{
    return status == cudaSuccess ? SMOOTH_TOPK_OK : SMOOTH_TOPK_ERROR_CUDA;
}

#ifdef __CUDACC__
template <typename type> struct same {
    typedef type as;
};

template <typename... parameters>
static cudaError_t launch(void (*kernel)(parameters...), int blocks, int threads, size_t shared,
                          cudaStream_t stream, typename same<parameters>::as... arguments)
{
    void *pointers[] = {&arguments...};
    return cudaLaunchKernel((const void *)kernel, dim3(blocks), dim3(threads), pointers, shared,
                            stream);
}
#endif

#endif
