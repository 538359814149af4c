/* How functions of the loss are compiled: for the host and the GPU, and without -ffast-math even
   where a program is compiled with it. */
#ifndef SMOOTH_TOPK_COMPILE_H
#define SMOOTH_TOPK_COMPILE_H

/* Darknet's -Ofast, or parts of it, would let the compiler assume that no score is NaN or infinite,
   and sum in another order. clang does not say whether it would. */
#if defined(__clang__)
#pragma float_control(precise, on)
#elif (defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || __FINITE_MATH_ONLY__) && \
    defined(__GNUC__) && !defined(__CUDACC__)
#pragma GCC optimize("no-fast-math")
#endif

#ifdef __CUDACC__
#define SMOOTH_TOPK_FUNCTION static inline __host__ __device__
#else
#define SMOOTH_TOPK_FUNCTION static inline
#endif

#endif
