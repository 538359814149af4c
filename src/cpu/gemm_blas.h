#ifndef GEMM_BLAS_H
#define GEMM_BLAS_H

/* C = ALPHA op(A) op(B) + BETA C by the BLAS library, row-major, as upstream's gemm_cpu: op(A) is M
   x K, op(B) K x N, C M x N, TA and TB say whether A and B are stored transposed. With BETA = 0 C
   need not be initialized. Large products are shared out among threads, in blocks that do not
   depend on their number. Returns 0 and does nothing where cpu.blas is off. */
int gemm_blas(int TA, int TB, int M, int N, int K, float ALPHA, float *A, int lda, float *B,
              int ldb, float BETA, float *C, int ldc);

#endif
