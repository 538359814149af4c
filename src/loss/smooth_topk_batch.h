/* The rows of a batch, shared by the threads. */
#ifndef SMOOTH_TOPK_BATCH_H
#define SMOOTH_TOPK_BATCH_H

#include <stddef.h>

/* Calls row_function(task, b, scratch) for every row b of a batch, each with `slice` bytes of
   aligned scratch of the workspace; as many threads as it has slices for share the rows. Returns
   SMOOTH_TOPK_ERROR_MEMORY if it has not even one. */
typedef void (*smooth_topk_row_function)(const void *task, int b, char *scratch);
int smooth_topk_for_each_row(smooth_topk_row_function row_function, const void *task, int batch,
                             size_t slice, void *workspace, size_t workspace_size);

/* The workspace for `threads` threads; 0: as many as OpenMP would start. */
size_t smooth_topk_rows_workspace_size(size_t slice, int threads);

#endif
