/* How cuDNN does a convolutional layer: its descriptors, and the fastest algorithm that fits; in
   place of upstream's, whose calls ended with cuDNN 7. */
#include "darknet.h"

extern "C" {
#include "convolutional_layer.h"
#include "cuda.h"
}

/* Upstream's limit. */
#define MOST_WORKSPACE 2000000000
#define PROPOSALS 16

/* The first algorithm of cuDNN's list, the fastest first, that it can run in a workspace within the
   limit; none is an error. list, query_size: cuDNN's functions of the pass. The question is put to
   the descriptors in use, so one that needs another kind of arithmetic is passed over. */
template <typename proposal, typename algorithm, typename list_function, typename size_function,
          typename from_descriptor, typename with_descriptor, typename to_descriptor>
static void choose_algorithm(layer *l, const char *pass, list_function list,
                             size_function query_size, from_descriptor source,
                             with_descriptor factor, to_descriptor target, algorithm *chosen)
{
    proposal proposals[PROPOSALS];
    int count = 0, i = 0;
    size_t size = 0;
    check_cudnn(
        list(cudnn_handle(), source, factor, l->convDesc, target, PROPOSALS, &count, proposals),
        pass, l);
    while (i < count && !(proposals[i].status == CUDNN_STATUS_SUCCESS &&
                          query_size(cudnn_handle(), source, factor, l->convDesc, target,
                                     proposals[i].algo, &size) == CUDNN_STATUS_SUCCESS &&
                          size <= MOST_WORKSPACE))
        ++i;
    if (i == count) {
        char what[100];
        snprintf(what, sizeof what, "%s with at most 2 GB of workspace", pass);
        check_cudnn(CUDNN_STATUS_NOT_SUPPORTED, what, l);
    }
    *chosen = proposals[i].algo;
    if (size > l->workspace_size) l->workspace_size = size;
}

static void describe(cudnnTensorDescriptor_t tensor, int batch, int c, int h, int w)
{
    cudnnSetTensor4dDescriptor(tensor, CUDNN_TENSOR_NCHW, CUDNN_DATA_FLOAT, batch, c, h, w);
}

static void describe_filters(cudnnFilterDescriptor_t filters, const layer *l)
{
    check_cudnn(cudnnSetFilter4dDescriptor(filters, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, l->n,
                                           l->c / l->groups, l->size, l->size),
                "cudnnSetFilter4dDescriptor", l);
}

/* Plain float32, as in the rest of Darknet; from cuDNN 8 on its default would round the inputs to
   TF32's 10 bits. TF32=1 in the environment lets it. */
static void describe_convolution(const layer *l)
{
    check_cudnn(cudnnSetConvolution2dDescriptor(l->convDesc, l->pad, l->pad, l->stride, l->stride,
                                                1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT),
                "cudnnSetConvolution2dDescriptor", l);
    check_cudnn(cudnnSetConvolutionGroupCount(l->convDesc, l->groups),
                "cudnnSetConvolutionGroupCount", l);
#if CUDNN_MAJOR >= 8
    const char *tf32 = getenv("TF32");
    cudnnMathType_t math = tf32 && strcmp(tf32, "1") == 0 ? CUDNN_DEFAULT_MATH : CUDNN_FMA_MATH;
    check_cudnn(cudnnSetConvolutionMathType(l->convDesc, math), "cudnnSetConvolutionMathType", l);
#endif
}

/* Also sets workspace_size, the largest of the three passes'. */
void cudnn_convolutional_setup(layer *l)
{
    describe(l->dsrcTensorDesc, l->batch, l->c, l->h, l->w);
    describe(l->ddstTensorDesc, l->batch, l->out_c, l->out_h, l->out_w);
    describe(l->srcTensorDesc, l->batch, l->c, l->h, l->w);
    describe(l->dstTensorDesc, l->batch, l->out_c, l->out_h, l->out_w);
    describe(l->normTensorDesc, 1, l->out_c, 1, 1);
    describe_filters(l->dweightDesc, l);
    describe_filters(l->weightDesc, l);
    describe_convolution(l);

    l->workspace_size = 0;
    choose_algorithm<cudnnConvolutionFwdAlgoPerf_t>(
        l, "choosing an algorithm for ConvolutionForward", cudnnGetConvolutionForwardAlgorithm_v7,
        cudnnGetConvolutionForwardWorkspaceSize, l->srcTensorDesc, l->weightDesc, l->dstTensorDesc,
        &l->fw_algo);
    choose_algorithm<cudnnConvolutionBwdDataAlgoPerf_t>(
        l, "choosing an algorithm for ConvolutionBackwardData",
        cudnnGetConvolutionBackwardDataAlgorithm_v7, cudnnGetConvolutionBackwardDataWorkspaceSize,
        l->weightDesc, l->ddstTensorDesc, l->dsrcTensorDesc, &l->bd_algo);
    choose_algorithm<cudnnConvolutionBwdFilterAlgoPerf_t>(
        l, "choosing an algorithm for ConvolutionBackwardFilter",
        cudnnGetConvolutionBackwardFilterAlgorithm_v7,
        cudnnGetConvolutionBackwardFilterWorkspaceSize, l->srcTensorDesc, l->ddstTensorDesc,
        l->dweightDesc, &l->bf_algo);
}

/* A network's workspace, after its layers were set up for another batch (pjreddie/darknet issues
   1262, 1007, 915): upstream went on with that of the training batch, in size and in memory. Where
   the algorithm for one image wanted more, cuDNN refused, and the answer was the same for all. */
void cudnn_fit_workspace(network *net)
{
    size_t size = 0;
    for (int i = 0; i < net->n; ++i)
        if (net->layers[i].workspace_size > size) size = net->layers[i].workspace_size;
    if (net->gpu_index < 0 || !size) return;
    cuda_free(net->workspace);
    net->workspace = cuda_make_array(0, (size - 1) / sizeof(float) + 1);
}
