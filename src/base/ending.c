/* Ends the program after a fault in the middle of a run, with what can be saved. */
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

/* Waits where another thread is at it; a second fault of the same one ends the program. */
static void save_once(void)
{
    if (__atomic_exchange_n(&ending, 1, __ATOMIC_SEQ_CST)) {
        while (!pthread_equal(ender, pthread_self())) pause();
        _exit(1);
    }
    ender = pthread_self();
    save_now(save_argument);
}

void end_program(const char *words)
{
    fprintf(stderr, "%s\n", words);
    if (save_now) save_once();
    exit(1);
}
