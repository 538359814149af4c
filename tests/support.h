/* What tests of numbers share: random ones that are the same everywhere, what the bits of a float
   say, and how far a result may be off. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stdint.h>
#include <string.h>

/* Of max(loss, tau), and of the largest gradient of a sample. */
#define LOSS_TOLERANCE 2e-6L
#define GRADIENT_TOLERANCE 1e-5L

/* splitmix64. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Asked of the bits: the product is also built with -Ofast, which takes every number for finite. */
static inline unsigned bits(float x)
{
    unsigned b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline float from_bits(unsigned b)
{
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static inline int is_nan(float x)
{
    return (bits(x) & 0x7fffffff) > 0x7f800000;
}

static inline int is_infinite(float x)
{
    return (bits(x) & 0x7fffffff) == 0x7f800000;
}

#define MINUS_INF from_bits(0xff800000)
#define PLUS_INF from_bits(0x7f800000)
#define NOT_A_NUMBER from_bits(0x7fc00000)

#endif
