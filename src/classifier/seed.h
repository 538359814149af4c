/* Random numbers that a seed makes reproducible: each thread draws from a stream of its own. */
#ifndef SEED_H
#define SEED_H

/* A number other than 0 that depends on both; 0 <= n. */
unsigned long long mix_seed(unsigned long long seed, unsigned long long n);

/* Gives the calling thread the stream of this seed; 0 takes it back to rand(). */
void seed_thread(unsigned long long seed);

/* As rand(), from 0 to RAND_MAX, from the calling thread's stream if it has one. */
int thread_rand(void);

#endif
