/* Runs CUDA kernels on the CPU: blocks, threads, barriers, shuffles and shared memory, one thread
   at a time.

   A thread runs until it waits, at a barrier or a shuffle, for others. Launches take turns at the
   order in which threads run: forward, reverse, shuffled; and a warp runs as far as it can before
   the next one begins. So whoever reads what another thread has yet to write reads something else
   in one of the orders, and shared memory is NaN until it is written. A barrier that not all
   threads come to ends the program, with the lines where they wait. */
#ifndef CUDA_EMULATION_H
#define CUDA_EMULATION_H

#include <algorithm>
#include <functional>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <ucontext.h>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define EMULATION_STACK (128 << 10)
#else
#define EMULATION_STACK (64 << 10)
#endif

/* Shared memory that a block can be given. */
#ifndef EMULATED_SHARED_LIMIT
#define EMULATED_SHARED_LIMIT (227 << 10)
#endif

#define __global__
#define __device__
#define __launch_bounds__(...)
#define DYNAMIC_SHARED(type, name) type *name = (type *)emulation::shared

struct emulation_index {
    unsigned x;
};
inline emulation_index threadIdx, blockIdx, blockDim, gridDim;

namespace emulation
{
enum { WARP_SIZE = 32, MOST_THREADS_OF_BLOCK = 1024 };
enum state { RUNS, AT_WARP, AT_BLOCK, ENDED };

/* gcc's own switch saves three registers and leaves the rest to the compiler; clang's is not safe
   between stacks. */
#if defined(__clang__)
typedef jmp_buf place;
#define SAVE_PLACE(where) _setjmp(where)
#define GO_TO_PLACE(where) _longjmp(where, 1)
#else
typedef void *place[5];
#define SAVE_PLACE(where) __builtin_setjmp(where)
#define GO_TO_PLACE(where) __builtin_longjmp(where, 1)
#endif

struct thread {
    place where;
    ucontext_t begin;
    char *stack;
    bool begun;
    state at;
    const char *where_it_waits; /* FILE:LINE */
    void *fake_stack;
};

struct warp {
    int arrived, turn;
    uint64_t value[2][WARP_SIZE];
};

inline thread threads[MOST_THREADS_OF_BLOCK];
inline warp warps[MOST_THREADS_OF_BLOCK / WARP_SIZE];
inline place scheduler;
inline void *scheduler_fake_stack;
inline const void *scheduler_stack;
inline size_t scheduler_stack_size;
inline int arrived_at_block, votes_of_block, any_vote_of_block;
inline std::function<void()> body;
inline void *shared;
inline unsigned launches, random_state = 1;

/* For the tests: the barrier to leave out, FILE:LINE without directories, or NULL; the CUDA call,
   counted down, that fails. */
inline const char *skipped_barrier;
inline int calls_until_failure;

inline void give_up(const char *what)
{
    fprintf(stderr, "block %u of %u: %s", blockIdx.x, gridDim.x, what);
    const char *places[4] = {NULL};
    int found = 0, ended = 0;
    for (unsigned t = 0; t < blockDim.x; ++t) {
        const char *place = threads[t].where_it_waits;
        ended += threads[t].at == ENDED;
        if (threads[t].at == ENDED || std::count(places, places + found, place)) continue;
        if (found < 4) places[found++] = place;
    }
    for (int i = 0; i < found; ++i) fprintf(stderr, "%s %s", i ? "," : "; waiting:", places[i]);
    fprintf(stderr, "; %d threads ended\n", ended);
    exit(1);
}

inline void start_switch(void **fake_stack, const void *stack, size_t size)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(fake_stack, stack, size);
#else
    (void)fake_stack, (void)stack, (void)size;
#endif
}

inline void finish_switch(void *fake_stack, const void **stack, size_t *size)
{
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, stack, size);
#else
    (void)fake_stack, (void)stack, (void)size;
#endif
}

/* Not instrumented: before what does not return the sanitizer cleans the whole stack. */
#define SWITCHES __attribute__((noinline, no_sanitize_address))

SWITCHES __attribute__((noreturn)) inline void jump(place where)
{
    GO_TO_PLACE(where);
}

/* From the running thread back to the scheduler. */
SWITCHES inline void pause_thread()
{
    thread *self = &threads[threadIdx.x];
    start_switch(&self->fake_stack, scheduler_stack, scheduler_stack_size);
    if (!SAVE_PLACE(self->where)) jump(scheduler);
    finish_switch(threads[threadIdx.x].fake_stack, &scheduler_stack, &scheduler_stack_size);
}

/* What a thread's stack runs for ever: a kernel after another. */
inline void run_thread()
{
    finish_switch(NULL, &scheduler_stack, &scheduler_stack_size);
    for (;;) {
        body();
        threads[threadIdx.x].at = ENDED;
        pause_thread();
    }
}

SWITCHES inline void enter(thread *next)
{
    start_switch(&scheduler_fake_stack, next->stack, EMULATION_STACK);
    if (!SAVE_PLACE(scheduler)) {
        if (next->begun) jump(next->where);
        next->begun = true;
        setcontext(&next->begin);
    }
    finish_switch(scheduler_fake_stack, NULL, NULL);
}

inline void prepare(thread *t)
{
    if (t->stack) return;
    t->stack = (char *)malloc(EMULATION_STACK);
    getcontext(&t->begin);
    t->begin.uc_stack.ss_sp = t->stack;
    t->begin.uc_stack.ss_size = EMULATION_STACK;
    t->begin.uc_link = NULL;
    makecontext(&t->begin, run_thread, 0);
}

inline unsigned random_number(unsigned below)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

inline void order(unsigned *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; ++i) numbers[i] = launches % 3 == 1 ? count - 1 - i : i;
    if (launches % 3 == 2)
        for (unsigned i = count; i > 1; --i) std::swap(numbers[i - 1], numbers[random_number(i)]);
}

inline void run_block()
{
    unsigned warp_order[MOST_THREADS_OF_BLOCK / WARP_SIZE], lane_order[WARP_SIZE], ended = 0;
    unsigned warp_count = blockDim.x / WARP_SIZE;
    order(warp_order, warp_count);
    order(lane_order, WARP_SIZE);
    arrived_at_block = votes_of_block = 0;
    for (unsigned w = 0; w < warp_count; ++w) warps[w].arrived = warps[w].turn = 0;
    for (unsigned t = 0; t < blockDim.x; ++t) {
        prepare(&threads[t]);
        threads[t].at = RUNS;
    }
    while (ended < blockDim.x) {
        bool any = false;
        for (unsigned w = 0; w < warp_count; ++w) {
            for (bool again = true; again; any |= again) {
                again = false;
                for (unsigned lane = 0; lane < WARP_SIZE; ++lane) {
                    threadIdx.x = warp_order[w] * WARP_SIZE + lane_order[lane];
                    thread *t = &threads[threadIdx.x];
                    if (t->at != RUNS) continue;
                    again = true;
                    enter(t);
                    ended += t->at == ENDED;
                }
            }
        }
        if (!any) give_up("not all threads come to a barrier");
    }
}

inline bool is_skipped(const char *place)
{
    if (!skipped_barrier) return false;
    const char *file = strrchr(place, '/');
    return strcmp(file ? file + 1 : place, skipped_barrier) == 0;
}

inline void block_barrier(const char *place)
{
    if (is_skipped(place)) return;
    thread *self = &threads[threadIdx.x];
    self->where_it_waits = place;
    if (++arrived_at_block < (int)blockDim.x) {
        self->at = AT_BLOCK;
        pause_thread();
        return;
    }
    arrived_at_block = 0;
    any_vote_of_block = votes_of_block;
    votes_of_block = 0;
    for (unsigned t = 0; t < blockDim.x; ++t) {
        if (threads[t].where_it_waits != place) give_up("two barriers at once");
        threads[t].at = RUNS;
    }
}

/* Whether any thread of the block voted for it. */
inline int block_or(int vote, const char *place)
{
    votes_of_block |= vote != 0;
    block_barrier(place);
    return any_vote_of_block;
}

inline void warp_barrier(const char *place)
{
    if (is_skipped(place)) return;
    unsigned first = threadIdx.x / WARP_SIZE * WARP_SIZE;
    thread *self = &threads[threadIdx.x];
    warp *own = &warps[threadIdx.x / WARP_SIZE];
    self->where_it_waits = place;
    if (++own->arrived < WARP_SIZE) {
        self->at = AT_WARP;
        pause_thread();
        return;
    }
    own->arrived = 0;
    own->turn ^= 1;
    for (unsigned t = first; t < first + WARP_SIZE; ++t) {
        if (threads[t].where_it_waits != place) give_up("two warp operations at once");
        threads[t].at = RUNS;
    }
}

/* Every lane gives a value; the values of all lanes of the warp, until the next exchange but one.
 */
template <typename T> const uint64_t *exchange(unsigned mask, T value, const char *place)
{
    warp *own = &warps[threadIdx.x / WARP_SIZE];
    int turn = own->turn;
    static_assert(sizeof(T) <= sizeof(uint64_t), "a value of up to 64 bits");
    if (mask != 0xffffffffu) give_up("a shuffle of a part of the warp");
    own->value[turn][threadIdx.x % WARP_SIZE] = 0;
    memcpy(&own->value[turn][threadIdx.x % WARP_SIZE], &value, sizeof value);
    warp_barrier(place);
    return own->value[turn];
}

/* A lane out of range: one's own value. */
template <typename T> T shuffle(unsigned mask, T value, int lane, const char *place)
{
    const uint64_t *values = exchange(mask, value, place);
    if (lane >= 0 && lane < WARP_SIZE) memcpy(&value, &values[lane], sizeof value);
    return value;
}

inline unsigned ballot(unsigned mask, bool vote, const char *place)
{
    const uint64_t *votes = exchange(mask, vote, place);
    unsigned sum = 0;
    for (int lane = 0; lane < WARP_SIZE; ++lane) sum |= (unsigned)(votes[lane] != 0) << lane;
    return sum;
}
} // namespace emulation

#define EMULATED_TEXT(x) #x
#define EMULATED_LINE(line) EMULATED_TEXT(line)
#define EMULATED_PLACE __FILE__ ":" EMULATED_LINE(__LINE__)
#define __syncthreads() emulation::block_barrier(EMULATED_PLACE)
#define __syncthreads_or(vote) emulation::block_or(vote, EMULATED_PLACE)
#define __syncwarp() emulation::warp_barrier(EMULATED_PLACE)
#define EMULATED_LANE ((int)(threadIdx.x % emulation::WARP_SIZE))
#define __shfl_sync(mask, value, lane) emulation::shuffle(mask, value, lane, EMULATED_PLACE)
#define __shfl_xor_sync(mask, value, with) \
    emulation::shuffle(mask, value, EMULATED_LANE ^ (with), EMULATED_PLACE)
#define __shfl_down_sync(mask, value, by) \
    emulation::shuffle(mask, value, EMULATED_LANE + (by), EMULATED_PLACE)
#define __shfl_up_sync(mask, value, by) \
    emulation::shuffle(mask, value, EMULATED_LANE - (by), EMULATED_PLACE)
#define __ballot_sync(mask, vote) emulation::ballot(mask, vote, EMULATED_PLACE)
#define __any_sync(mask, vote) (emulation::ballot(mask, vote, EMULATED_PLACE) != 0)
#define __popc(x) __builtin_popcount(x)
#define __ffs(x) __builtin_ffs(x)

template <typename T> T atomicAdd(T *to, T value)
{
    T before = *to;
    *to += value;
    return before;
}

template <typename T> T atomicMin(T *to, T value)
{
    T before = *to;
    *to = value < before ? value : before;
    return before;
}

/* ---- the calls that the launchers make ---- */

enum cudaError_t {
    cudaSuccess,
    cudaErrorInvalidValue,
    cudaErrorMemoryAllocation,
    cudaErrorUnknown
};
enum { cudaMemcpyDeviceToHost };
enum { cudaDevAttrMaxSharedMemoryPerBlockOptin };
enum { cudaFuncAttributeMaxDynamicSharedMemorySize };
typedef void *cudaStream_t;

namespace emulation
{
inline cudaError_t last_error;
inline bool fails()
{
    if (calls_until_failure == 0 || --calls_until_failure > 0) return false;
    last_error = cudaErrorUnknown;
    return true;
}

inline cudaError_t run(unsigned grid, unsigned block, size_t bytes, std::function<void()> kernel)
{
    if (fails()) return cudaErrorUnknown;
    if (grid < 1 || block < 1 || block > MOST_THREADS_OF_BLOCK || block % WARP_SIZE ||
        bytes > EMULATED_SHARED_LIMIT) {
        last_error = cudaErrorInvalidValue;
        return last_error;
    }
    blockDim.x = block;
    gridDim.x = grid;
    body = kernel;
    shared = malloc(bytes ? bytes : 1);
    for (unsigned b = 0; b < grid; ++b) {
        blockIdx.x = launches % 3 == 1 ? grid - 1 - b : b;
        memset(shared, 0xff, bytes);
        run_block();
    }
    free(shared);
    ++launches;
    return cudaSuccess;
}
} // namespace emulation

template <typename... parameters, typename... types>
cudaError_t launch(void (*kernel)(parameters...), int blocks, int threads, size_t shared,
                   cudaStream_t, types... arguments)
{
    return emulation::run(blocks, threads, shared, [=] { kernel(arguments...); });
}

/* The last error of anybody, until cudaGetLastError takes it. */
inline cudaError_t cudaPeekAtLastError()
{
    return emulation::last_error;
}

inline cudaError_t cudaGetLastError()
{
    cudaError_t error = emulation::last_error;
    emulation::last_error = cudaSuccess;
    return error;
}

inline cudaError_t cudaGetDevice(int *device)
{
    *device = 0;
    return emulation::fails() ? cudaErrorUnknown : cudaSuccess;
}

inline cudaError_t cudaDeviceGetAttribute(int *value, int, int)
{
    *value = EMULATED_SHARED_LIMIT;
    return emulation::fails() ? cudaErrorUnknown : cudaSuccess;
}

inline cudaError_t cudaFuncSetAttribute(const void *, int, int)
{
    return emulation::fails() ? cudaErrorUnknown : cudaSuccess;
}

inline cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    if (emulation::fails()) return cudaErrorMemoryAllocation;
    *memory = malloc(bytes);
    memset(*memory, 0xff, bytes);
    return cudaSuccess;
}

inline cudaError_t cudaFree(void *memory)
{
    free(memory);
    return emulation::fails() ? cudaErrorUnknown : cudaSuccess;
}

inline cudaError_t cudaMemsetAsync(void *memory, int value, size_t bytes, cudaStream_t)
{
    if (emulation::fails()) return cudaErrorUnknown;
    memset(memory, value, bytes);
    return cudaSuccess;
}

inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, int, cudaStream_t)
{
    if (emulation::fails()) return cudaErrorUnknown;
    memcpy(to, from, bytes);
    return cudaSuccess;
}

inline cudaError_t cudaStreamSynchronize(cudaStream_t)
{
    return emulation::fails() ? cudaErrorUnknown : cudaSuccess;
}

#endif
