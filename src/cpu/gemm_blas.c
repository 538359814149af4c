/* Matrix products by the BLAS library. */
#include "gemm_blas.h"

#include "cpu_settings.h"
#include "cpu_threads.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>

/* A block of a large product: columns of C, or rows where there are more of them. */
#define BLOCKS 16
#define LEAST_BLOCK 128
#define LARGE 4e6 /* multiplications */

#if BLAS
#include <cblas.h>

/* OpenBLAS's own threads would spin beside ours. Absent from other libraries. */
extern void openblas_set_num_threads(int threads) __attribute__((weak));

static void single_thread(void)
{
    if (openblas_set_num_threads) openblas_set_num_threads(1);
}

static void product(int TA, int TB, int M, int N, int K, float ALPHA, const float *A, int lda,
                    const float *B, int ldb, float BETA, float *C, int ldc)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, single_thread);
    if (M < 1 || N < 1) return;
    cblas_sgemm(CblasRowMajor, TA ? CblasTrans : CblasNoTrans, TB ? CblasTrans : CblasNoTrans, M, N,
                K, ALPHA, A, lda, B, ldb, BETA, C, ldc);
}
#else
static void product(int TA, int TB, int M, int N, int K, float ALPHA, const float *A, int lda,
                    const float *B, int ldb, float BETA, float *C, int ldc)
{
    (void)TA, (void)TB, (void)M, (void)N, (void)K, (void)ALPHA, (void)A, (void)lda, (void)B,
        (void)ldb;
    (void)BETA, (void)C, (void)ldc;
}
#endif

typedef struct {
    int TA, TB, M, N, K, lda, ldb, ldc, block;
    float ALPHA, BETA;
    const float *A, *B;
    float *C;
} large_product;

static void multiply_block(void *argument, int task, int slot)
{
    const large_product *p = argument;
    ptrdiff_t first = (ptrdiff_t)task * p->block;
    int by_rows = p->M > p->N, all = by_rows ? p->M : p->N;
    int size = all - first < p->block ? (int)(all - first) : p->block;
    (void)slot;
    if (by_rows)
        product(p->TA, p->TB, size, p->N, p->K, p->ALPHA, p->A + (p->TA ? first : first * p->lda),
                p->lda, p->B, p->ldb, p->BETA, p->C + first * p->ldc, p->ldc);
    else
        product(p->TA, p->TB, p->M, size, p->K, p->ALPHA, p->A, p->lda,
                p->B + (p->TB ? first * p->ldb : first), p->ldb, p->BETA, p->C + first, p->ldc);
}

int gemm_blas(int TA, int TB, int M, int N, int K, float ALPHA, float *A, int lda, float *B,
              int ldb, float BETA, float *C, int ldc)
{
    if (!cpu.blas) return 0;
    large_product p = {TA, TB, M, N, K, lda, ldb, ldc, M > N ? M : N, ALPHA, BETA, A, B, C};
    if ((double)M * N * K > LARGE) {
        p.block = ((p.block + BLOCKS - 1) / BLOCKS + 15) / 16 * 16;
        if (p.block < LEAST_BLOCK) p.block = LEAST_BLOCK;
    }
    if (p.block > 0) parallel_for(((M > N ? M : N) + p.block - 1) / p.block, multiply_block, &p);
    return 1;
}
