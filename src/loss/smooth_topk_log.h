/* Algorithm log for one sample. */
#ifndef SMOOTH_TOPK_LOG_H
#define SMOOTH_TOPK_LOG_H

#include "smooth_topk_sample.h"

/* Writes the loss and, unless NULL, the gradient. scratch: smooth_topk_log_scratch bytes. */
void smooth_topk_by_log(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch);
size_t smooth_topk_log_scratch(instruction_set set, int classes, int k);

#endif
