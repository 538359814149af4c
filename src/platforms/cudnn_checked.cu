/* What happens when cuDNN refuses a call. */
#include "darknet.h"

extern "C" {
#include "network.h"
}

void check_cudnn(cudnnStatus_t status, const char *call, const layer *l)
{
    if (status == CUDNN_STATUS_SUCCESS) return;
    fprintf(stderr, "cuDNN: %s failed: %s", call, cudnnGetErrorString(status));
    if (l)
        fprintf(
            stderr,
            " (%s layer, %d x %d x %d -> %d x %d x %d, size %d, stride %d, groups %d, batch %d)",
            get_layer_string(l->type), l->w, l->h, l->c, l->out_w, l->out_h, l->out_c, l->size,
            l->stride, l->groups, l->batch);
    fprintf(stderr, "\n");
    exit(1);
}
