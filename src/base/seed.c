/* Streams of random numbers, one a thread. */
#include "seed.h"

#include <stdlib.h>

static __thread unsigned long long state;
static __thread unsigned long long drawn;

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
    drawn = 0;
}

static int draw(unsigned long long *generator)
{
    *generator = mix_seed(*generator, 0);
    return (int)((*generator >> 33) % ((unsigned)RAND_MAX + 1));
}

int thread_rand(void)
{
    ++drawn;
    return state ? draw(&state) : rand();
}

unsigned long long random_place(void)
{
    return state;
}

int thread_rand_extra(unsigned long long place, unsigned long long n)
{
    unsigned long long beside = mix_seed(mix_seed(place, 1), n);
    return place ? draw(&beside) : rand();
}

void skip_random(unsigned long long count)
{
    while (count--) thread_rand();
}

unsigned long long random_numbers_drawn(void)
{
    return drawn;
}
