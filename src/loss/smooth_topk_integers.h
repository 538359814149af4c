/* The smaller of two whole numbers, for the host and the GPU. */
#ifndef SMOOTH_TOPK_INTEGERS_H
#define SMOOTH_TOPK_INTEGERS_H

#include "smooth_topk_compile.h"

SMOOTH_TOPK_FUNCTION int min_int(int a, int b)
{
    return a < b ? a : b;
}

#endif
