/* The end of the program by a fault in the middle of a run. */
#define _GNU_SOURCE /* pause */
#include "ending.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void (*save_now)(void *argument);
static void *save_argument;
static int ending;
static pthread_t ender;

void save_before_end(void (*save)(void *argument), void *argument)
{
    save_argument = argument;
    save_now = save;
}

void end_program(const char *words)
{
    if (__atomic_exchange_n(&ending, 1, __ATOMIC_SEQ_CST)) {
        while (!pthread_equal(ender, pthread_self())) pause();
        fprintf(stderr, "%s\n", words);
        _exit(1);
    }
    ender = pthread_self();
    fprintf(stderr, "%s\n", words);
    if (save_now) save_now(save_argument);
    exit(1);
}
