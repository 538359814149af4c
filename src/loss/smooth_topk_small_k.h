/* A call for each small k with k as a constant, so that its coefficients stay in registers. */
#ifndef SMOOTH_TOPK_SMALL_K_H
#define SMOOTH_TOPK_SMALL_K_H

#include "smooth_topk_polynomial.h"

/* call(k) for k of 1 .. SMOOTH_TOPK_SMALL_K, nothing for a larger one. */
#define FOR_SMALL_K(call) \
    switch (k) {          \
    case 1:               \
        call(1);          \
        break;            \
    case 2:               \
        call(2);          \
        break;            \
    case 3:               \
        call(3);          \
        break;            \
    case 4:               \
        call(4);          \
        break;            \
    case 5:               \
        call(5);          \
        break;            \
    case 6:               \
        call(6);          \
        break;            \
    case 7:               \
        call(7);          \
        break;            \
    case 8:               \
        call(8);          \
        break;            \
    case 9:               \
        call(9);          \
        break;            \
    case 10:              \
        call(10);         \
        break;            \
    }

#endif
