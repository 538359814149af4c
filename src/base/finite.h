/* Whether numbers are finite, by their bits: with -Ofast the compiler assumes that all are. */
#ifndef FINITE_H
#define FINITE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 1 unless x is a NaN or an infinity. */
static inline int is_finite(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (bits & 0x7f800000) != 0x7f800000;
}

/* 1 if all n numbers are finite; values may be NULL where n is 0. */
static inline int all_finite(const float *values, size_t n)
{
    int finite = 1;
    for (size_t i = 0; i < n; ++i) finite &= is_finite(values[i]);
    return finite;
}

#endif
