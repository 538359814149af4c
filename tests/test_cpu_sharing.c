/* Threads of a step sleep when they have waited for a moment, so a core that another process wants
   is not spent on waiting. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cpu_settings.h"
#include "cpu_threads.h"

#define A_WHILE 400000   /* microseconds */
#define MOST_CPU 0.1     /* seconds; waiting awake would take A_WHILE */
#define TIME_TO_START 20 /* seconds until the other thread must have come */

/* Two tasks of one loop: each waits, asleep, until the other has begun, so that both threads have
   one; then the task in the slot `lasting` sleeps on while the other returns. */
typedef struct {
    int begun, lasting, slots[2];
} meeting;

static void meet(void *argument, int task, int slot)
{
    meeting *m = argument;
    m->slots[task] = slot;
    __atomic_fetch_add(&m->begun, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < TIME_TO_START * 50; ++i) {
        if (__atomic_load_n(&m->begun, __ATOMIC_SEQ_CST) == 2) break;
        usleep(20000); /* few turns: they cost CPU time too */
    }
    if (slot == m->lasting) usleep(A_WHILE);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec * 1e-9;
}

/* CPU time of the process while one of its two threads waits for the other. */
static double cpu_seconds_of_loop(int lasting)
{
    meeting m = {.lasting = lasting};
    double start = cpu_seconds();
    parallel_for(2, meet, &m);
    assert_int_equal(m.begun, 2);
    assert_int_equal(m.slots[0] + m.slots[1], 1);
    double spent = cpu_seconds() - start;
    print_message("# %g\n", spent);
    return spent;
}

static int two_threads(void **state)
{
    (void)state;
    cpu.threads = 2;
    cpu_seconds_of_loop(-1); /* makes the threads */
    usleep(A_WHILE);         /* OpenBLAS's own stay awake for a tenth of a second at first */
    return 0;
}

static void test_caller_sleeps_until_helper_ends(void **state)
{
    (void)state;
    assert_true(cpu_seconds_of_loop(1) < MOST_CPU);
}

static void test_helper_sleeps_until_caller_ends(void **state)
{
    (void)state;
    assert_true(cpu_seconds_of_loop(0) < MOST_CPU);
}

static void test_helper_sleeps_between_loops(void **state)
{
    (void)state;
    double start = cpu_seconds();
    usleep(A_WHILE);
    assert_true(cpu_seconds() - start < MOST_CPU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_caller_sleeps_until_helper_ends),
        cmocka_unit_test(test_helper_sleeps_until_caller_ends),
        cmocka_unit_test(test_helper_sleeps_between_loops),
    };
    return cmocka_run_group_tests(tests, two_threads, NULL);
}
