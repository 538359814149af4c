/* Before main OpenBLAS starts threads, which we do not use; each allocates a block of memory. Where
   there is not enough they try again for ever, and the program hangs. So where memory is short the
   program restarts itself once, with the environment variable that makes OpenBLAS start none. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "blas_memory.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#if BLAS
enum { MOST_WORDS = 4096 };
static char one_thread[] = "OPENBLAS_NUM_THREADS=1";

/* Before the libraries begin: only what needs nothing of them is called. */
static void start_without_threads(int count, char **arguments, char **environment)
{
    static char *words[MOST_WORDS + 2];
    cpu_set_t allowed;
    const size_t name = strlen("OPENBLAS_NUM_THREADS=");
    int n = 0, cores = sched_getaffinity(0, sizeof allowed, &allowed) ? 1 : CPU_COUNT(&allowed);
    (void)count;
    if (cores < 2 || has_blas_block(cores)) return;
    for (char **word = environment; *word && n < MOST_WORDS; ++word) {
        if (strcmp(*word, one_thread) == 0) return;
        if (strncmp(*word, one_thread, name) != 0) words[n++] = *word;
    }
    words[n] = one_thread;
    execve("/proc/self/exe", arguments, words);
}

__attribute__((section(".preinit_array"),
               used)) static void (*start)(int, char **, char **) = start_without_threads;
#endif
