/* Threads of a step sleep while they wait: where other processes want the cores as well, a run
   takes longer but costs no more CPU time. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "convolution.h"
#include "cpu_settings.h"
#include "cpu_threads.h"

#define MOST_MORE 1.15
#define ROUNDS 5
#define COMPANIONS 2

static volatile unsigned long turns;

static void busy(void)
{
    for (;;) ++turns;
}

static void long_task(void *argument, int task, int slot)
{
    float *sum = (float *)argument + task;
    (void)slot;
    for (int i = 1; i <= 10000000; ++i) *sum += 1.f / i;
}

/* Many short parallel loops, as the step of a small network has them, and some of long tasks,
   during which a helper loses its core while the caller waits for it. */
static void work(void)
{
    convolution_shape s = {8, 16, 12, 12, 24, 1, 3, 1, 1, 12, 12};
    float sums[3] = {0};
    float *input = calloc(8 * 16 * 144, sizeof(float)),
          *output = calloc(8 * 24 * 144, sizeof(float));
    float *weights = calloc(24 * 16 * 9, sizeof(float)),
          *updates = calloc(24 * 16 * 9, sizeof(float));
    float *delta = calloc(8 * 16 * 144, sizeof(float));
    float *workspace = malloc(convolution_workspace(&s) * sizeof(float));
    for (int i = 0; i < 300; ++i) {
        convolution_forward(&s, weights, input, output, workspace);
        convolution_backward(&s, weights, input, output, updates, delta, workspace);
    }
    for (int i = 0; i < 5; ++i) parallel_for(3, long_task, sums);
    free(input), free(output), free(weights), free(updates), free(delta), free(workspace);
}

static void work_for_ever(void)
{
    for (;;) work();
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static pid_t start(void (*job)(void))
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        job();
        _exit(0);
    }
    return child;
}

/* CPU seconds of all threads of a process that works, beside others that run `companion`. */
static double seconds_of_work(int threads, void (*companion)(void))
{
    pid_t others[COMPANIONS];
    struct rusage usage;
    int status;
    cpu.threads = 2;
    for (int i = 0; companion && i < COMPANIONS; ++i) others[i] = start(companion);
    cpu.threads = threads;
    pid_t worker = start(work);
    assert_int_equal(wait4(worker, &status, 0, &usage), worker);
    for (int i = 0; companion && i < COMPANIONS; ++i) {
        kill(others[i], SIGKILL);
        waitpid(others[i], 0, 0);
    }
    assert_int_equal(status, 0);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec +
           1e-6 * (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Two threads beside others cost hardly more than one thread alone. The medians of rounds that take
   turns: what else the machine does disturbs both alike. */
static void costs_no_more_beside(void (*companion)(void))
{
    double alone[ROUNDS], beside[ROUNDS];
    for (int i = 0; i < ROUNDS; ++i) {
        alone[i] = seconds_of_work(1, 0);
        beside[i] = seconds_of_work(2, companion);
    }
    qsort(alone, ROUNDS, sizeof *alone, by_size);
    qsort(beside, ROUNDS, sizeof *beside, by_size);
    double one = alone[ROUNDS / 2], two = beside[ROUNDS / 2];
    print_message("# %.3f CPU seconds of one thread, %.3f of two beside others\n", one, two);
    if (two > MOST_MORE * one) fail_msg("%.3f CPU seconds, not %.3f", two, one);
}

static void test_beside_busy_processes(void **state)
{
    (void)state;
    costs_no_more_beside(busy);
}

static void test_beside_others_of_its_kind(void **state)
{
    (void)state;
    costs_no_more_beside(work_for_ever);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside_busy_processes),
        cmocka_unit_test(test_beside_others_of_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
