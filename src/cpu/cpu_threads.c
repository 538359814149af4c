/* The threads of a training step: they are made once, sleep where there is nothing to do for longer
   than a moment, and take first their own share of the tasks, then what is left of the others'. */
#define _GNU_SOURCE
#include "cpu_threads.h"

#include "cpu_settings.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BACKGROUND_NICENESS 5
/* Nanoseconds that a thread waits awake before it sleeps: waking one up takes about as long. */
#define AWAKE 30000

/* The tasks of one slot, taken atomically: by its own thread, and by others that have no more. A
   cache line each. */
typedef struct {
    int next, end;
} __attribute__((aligned(64))) share;

typedef struct {
    void (*work)(void *argument, int task, int slot);
    void *argument;
    int slots;
    share *shares;
} parallel_loop;

static pthread_mutex_t caller = PTHREAD_MUTEX_INITIALIZER; /* held by the one whose loop runs */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;  /* of all below */
static pthread_cond_t begin = PTHREAD_COND_INITIALIZER, end = PTHREAD_COND_INITIALIZER;
static parallel_loop *loop; /* NULL: none has tasks left */
static unsigned long loops;
static int helpers, helping;

static void take_tasks(parallel_loop *shared, int slot)
{
    for (int i = 0; i < shared->slots; ++i) {
        share *tasks = shared->shares + (slot + i) % shared->slots;
        int task;
        while ((task = __atomic_fetch_add(&tasks->next, 1, __ATOMIC_RELAXED)) < tasks->end)
            shared->work(shared->argument, task, slot);
    }
}

static long nanoseconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start->tv_sec) * 1000000000 + now.tv_nsec - start->tv_nsec;
}

static int has_begun(void)
{
    return __atomic_load_n(&loop, __ATOMIC_ACQUIRE) != 0;
}

static int has_ended(void)
{
    return __atomic_load_n(&helping, __ATOMIC_ACQUIRE) == 0;
}

/* Waits for a moment, awake. */
static void wait_awake(int (*is_over)(void))
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!is_over() && nanoseconds_since(&start) < AWAKE)
        ;
}

static void set_loop(parallel_loop *value)
{
    __atomic_store_n(&loop, value, __ATOMIC_RELEASE);
}

static void *helper(void *number)
{
    int slot = (int)(long)number;
    unsigned long seen = 0;
    for (;;) {
        wait_awake(has_begun);
        pthread_mutex_lock(&mutex);
        while (seen == loops || !loop || slot >= cpu.threads) pthread_cond_wait(&begin, &mutex);
        parallel_loop *mine = loop;
        seen = loops;
        __atomic_add_fetch(&helping, 1, __ATOMIC_RELAXED);
        pthread_mutex_unlock(&mutex);
        take_tasks(mine, slot);
        pthread_mutex_lock(&mutex);
        if (loop == mine) set_loop(0);
        if (!__atomic_sub_fetch(&helping, 1, __ATOMIC_RELEASE)) pthread_cond_signal(&end);
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}

/* Signals are for the thread of main, which saves weights at Ctrl-C. */
static void make_helpers(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; helpers < cpu.threads - 1; ++helpers) {
        pthread_t thread;
        if (pthread_create(&thread, 0, helper, (void *)(long)(helpers + 1))) break;
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, 0);
}

void parallel_for(int tasks, void (*work)(void *argument, int task, int slot), void *argument)
{
    if (tasks < 2 || cpu.threads < 2 || pthread_mutex_trylock(&caller)) {
        for (int task = 0; task < tasks; ++task) work(argument, task, 0);
        return;
    }
    static share shares[MOST_THREADS]; /* of the one loop that runs */
    int slots = cpu.threads;
    parallel_loop mine = {work, argument, slots, shares};
    for (int i = 0; i < slots; ++i)
        shares[i] = (share){(int)((long)tasks * i / slots), (int)((long)tasks * (i + 1) / slots)};
    if (helpers < cpu.threads - 1) make_helpers();
    pthread_mutex_lock(&mutex);
    set_loop(&mine);
    ++loops;
    pthread_mutex_unlock(&mutex);
    if (tasks > 2 || helpers >= cpu.threads) /* one alone might be of those not wanted now */
        pthread_cond_broadcast(&begin);
    else
        pthread_cond_signal(&begin);
    take_tasks(&mine, 0);
    pthread_mutex_lock(&mutex);
    set_loop(0);
    pthread_mutex_unlock(&mutex);
    wait_awake(has_ended);
    pthread_mutex_lock(&mutex);
    while (helping) pthread_cond_wait(&end, &mutex);
    pthread_mutex_unlock(&mutex);
    pthread_mutex_unlock(&caller);
}

void cpu_background_thread(void)
{
    if (cpu_fast()) setpriority(PRIO_PROCESS, syscall(SYS_gettid), BACKGROUND_NICENESS);
}
