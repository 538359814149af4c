/* A network's input and truth in pinned memory. */
#include "pinned_batch.h"

#ifdef GPU

/* An error that stays behind would be taken for the next call's. */
static void forget_error(cudaError_t status)
{
    if (status != cudaSuccess) cudaGetLastError();
}

void pin_batch(network *net)
{
    if (net->gpu_index < 0) return;
    size_t rows = (size_t)net->batch;
    forget_error(
        cudaHostRegister(net->input, rows * net->inputs * sizeof(float), cudaHostRegisterDefault));
    forget_error(
        cudaHostRegister(net->truth, rows * net->truths * sizeof(float), cudaHostRegisterDefault));
}

void unpin_batch(network *net)
{
    if (net->gpu_index < 0) return;
    if (net->input) forget_error(cudaHostUnregister(net->input));
    if (net->truth) forget_error(cudaHostUnregister(net->truth));
}

#endif
