/* Streams of random numbers, one a thread. */
#include "seed.h"

#include <stdlib.h>

static __thread unsigned long long state;

/* The finalizer of splitmix64 (Steele, Lea, Flood 2014). */
unsigned long long mix_seed(unsigned long long seed, unsigned long long n)
{
    unsigned long long z = seed + (n + 1) * 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    z ^= z >> 31;
    return z ? z : 1;
}

void seed_thread(unsigned long long seed)
{
    state = seed;
}

int thread_rand(void)
{
    if (!state) return rand();
    state = mix_seed(state, 0);
    return (int)((state >> 33) % ((unsigned)RAND_MAX + 1));
}
