/* Whether a float is NaN or infinite, by its bits: with -ffast-math a compiler assumes that it is
 * neither. */
#ifndef SMOOTH_TOPK_BITS_H
#define SMOOTH_TOPK_BITS_H

#include "smooth_topk_compile.h"

#include <string.h>

#define BITS_NAN 0x7fc00000u
#define BITS_PLUS_INF 0x7f800000u
#define BITS_MINUS_INF 0xff800000u

SMOOTH_TOPK_FUNCTION unsigned float_bits(float x)
{
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

SMOOTH_TOPK_FUNCTION float float_from_bits(unsigned bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

SMOOTH_TOPK_FUNCTION int smooth_topk_is_nan_or_plus_inf(unsigned bits)
{
    return (bits & BITS_PLUS_INF) == BITS_PLUS_INF && bits != BITS_MINUS_INF;
}

SMOOTH_TOPK_FUNCTION int smooth_topk_is_minus_inf(unsigned bits)
{
    return bits == BITS_MINUS_INF;
}

#endif
