/* Every call of cuDNN that Darknet makes, checked: a failure names the call, cuDNN's reason and,
   where one is known, the layer, and ends the program with exit code 1. Upstream checks none: a
   convolution that cuDNN refused left zeros as its output, and the program went on with those.

   darknet.h includes it after cudnn.h, so that upstream's calls need no change. Without a GPU
   (-nogpu) there is nothing to call. */
#ifndef CUDNN_CHECKED_H
#define CUDNN_CHECKED_H

#include <cudnn.h>

#ifdef __cplusplus
extern "C" {
#endif

struct layer;
struct network;

/* Ends the program unless status is success. layer: whose call it was, or NULL. */
void check_cudnn(cudnnStatus_t status, const char *call, const struct layer *layer);

/* Makes the workspace of a network whose layers were set up for another batch as large as they
   need; on the current GPU. */
void cudnn_fit_workspace(struct network *net);

#ifdef __cplusplus
}
#endif

#define CHECKED(call, layer, ...) \
    check_cudnn(gpu_index < 0 ? CUDNN_STATUS_SUCCESS : call(__VA_ARGS__), #call, layer)

#define cudnnCreate(...) CHECKED(cudnnCreate, NULL, __VA_ARGS__)
#define cudnnSetStream(...) CHECKED(cudnnSetStream, NULL, __VA_ARGS__)
#define cudnnCreateTensorDescriptor(...) CHECKED(cudnnCreateTensorDescriptor, NULL, __VA_ARGS__)
#define cudnnSetTensor4dDescriptor(...) CHECKED(cudnnSetTensor4dDescriptor, NULL, __VA_ARGS__)
#define cudnnCreateFilterDescriptor(...) CHECKED(cudnnCreateFilterDescriptor, NULL, __VA_ARGS__)
#define cudnnCreateConvolutionDescriptor(...) \
    CHECKED(cudnnCreateConvolutionDescriptor, NULL, __VA_ARGS__)

/* Where these are called, `l` is the layer. */
#define cudnnGetConvolutionForwardWorkspaceSize(...) \
    CHECKED(cudnnGetConvolutionForwardWorkspaceSize, &l, __VA_ARGS__)
#define cudnnGetConvolutionBackwardDataWorkspaceSize(...) \
    CHECKED(cudnnGetConvolutionBackwardDataWorkspaceSize, &l, __VA_ARGS__)
#define cudnnGetConvolutionBackwardFilterWorkspaceSize(...) \
    CHECKED(cudnnGetConvolutionBackwardFilterWorkspaceSize, &l, __VA_ARGS__)
#define cudnnConvolutionForward(...) CHECKED(cudnnConvolutionForward, &l, __VA_ARGS__)
#define cudnnConvolutionBackwardData(...) CHECKED(cudnnConvolutionBackwardData, &l, __VA_ARGS__)
#define cudnnConvolutionBackwardFilter(...) CHECKED(cudnnConvolutionBackwardFilter, &l, __VA_ARGS__)
#define cudnnBatchNormalizationForwardTraining(...) \
    CHECKED(cudnnBatchNormalizationForwardTraining, &l, __VA_ARGS__)
#define cudnnBatchNormalizationBackward(...) \
    CHECKED(cudnnBatchNormalizationBackward, &l, __VA_ARGS__)

#endif
