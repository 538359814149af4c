/* The loop over the rows of a batch, with one thread or, with OpenMP, with several. */
#include "smooth_topk_batch.h"
#include "integers.h"
#include "smooth_topk.h"
#include "smooth_topk_scratch.h"

#ifdef _OPENMP
#include <omp.h>
#endif

static int thread_limit(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

size_t smooth_topk_rows_workspace_size(size_t slice, int threads)
{
    return slice * (threads ? threads : thread_limit()) + ALIGNMENT;
}

int smooth_topk_for_each_row(smooth_topk_row_function row_function, const void *task, int batch,
                             size_t slice, void *workspace, size_t workspace_size)
{
    if (batch == 0) return SMOOTH_TOPK_OK;
    if (!workspace || workspace_size < slice + ALIGNMENT) return SMOOTH_TOPK_ERROR_MEMORY;
    char *begin = (char *)aligned((uintptr_t)workspace);
    size_t slices = (workspace_size - ALIGNMENT) / slice;
    int threads = slices < (size_t)thread_limit() ? (int)slices : thread_limit();
#ifdef _OPENMP
#pragma omp parallel num_threads(min_int(threads, batch)) if (batch > 1 && threads > 1)
    {
        char *scratch = begin + slice * omp_get_thread_num();
#pragma omp for schedule(static)
#else
    (void)threads;
    {
        char *scratch = begin;
#endif
        for (int b = 0; b < batch; ++b) row_function(task, b, scratch);
    }
    return SMOOTH_TOPK_OK;
}
