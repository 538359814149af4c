/* The smaller and the larger of two whole numbers, for the host and the GPU. */
#ifndef INTEGERS_H
#define INTEGERS_H

#ifdef __CUDACC__
#define INTEGER_FUNCTION static inline __host__ __device__
#else
#define INTEGER_FUNCTION static inline
#endif

INTEGER_FUNCTION int min_int(int a, int b)
{
    return a < b ? a : b;
}

INTEGER_FUNCTION int max_int(int a, int b)
{
    return a > b ? a : b;
}

#undef INTEGER_FUNCTION

#endif
