/* Random numbers that a seed makes reproducible: each thread draws from a stream of its own. */
#ifndef SEED_H
#define SEED_H

/* A number other than 0 that depends on both; 0 <= n. */
unsigned long long mix_seed(unsigned long long seed, unsigned long long n);

/* Gives the calling thread the stream of this seed; 0 takes it back to rand(). */
void seed_thread(unsigned long long seed);

/* As rand(), from 0 to RAND_MAX, from the calling thread's stream if it has one. */
int thread_rand(void);

/* Where the calling thread's stream is; 0 where it has none. */
unsigned long long random_place(void);

/* As thread_rand, but the number is that of a place of the stream, which goes on as if it had not
   been drawn; n >= 0 tells several such numbers apart. */
int thread_rand_extra(unsigned long long place, unsigned long long n);

/* Goes on as if `count` numbers had been drawn. */
void skip_random(unsigned long long count);

/* How many numbers the calling thread has drawn since seed_thread. */
unsigned long long random_numbers_drawn(void);

#endif
