/* Sums by NCCL between the GPUs of the ranks, on a CUDA stream beside Darknet's. */
#define _GNU_SOURCE /* nanosleep */
#include "rank_backend.h"

#include "allocate.h"
#include "rank_messages.h"
#include "rank_place.h"
#include "rank_wait.h"
#include "utils.h"

#include <nccl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const long look_every = 50000000;                    /* nanoseconds */
static const double connected_within = 60, tell_after = 60; /* seconds */
static const cudaStream_t darknets = NULL;                  /* the default stream */

static ncclComm_t communicator;
static cudaStream_t sums;
static cudaEvent_t begun;           /* Darknet's work before a sum is done */
static cudaEvent_t reached, summed; /* Darknet's stream waits for the sums; they are done */
static int batches;
static pthread_t watchdog;
static enum { MEETING, WORKING, LEAVING } stage; /* both threads' */

static void write_error(ncclResult_t result)
{
    fprintf(stderr, "NCCL: %s\n", ncclGetErrorString(result)); /* it says how to learn more */
}

static void check(ncclResult_t result)
{
    if (result == ncclSuccess) return;
    write_error(result);
    exit(1);
}

static void check_cuda(cudaError_t result)
{
    if (result == cudaSuccess) return;
    fprintf(stderr, "CUDA, beside NCCL: %s\n", cudaGetErrorString(result));
    exit(1);
}

static int is_done(cudaEvent_t event)
{
    int done = cudaEventQuery(event) != cudaErrorNotReady;
    if (!done) cudaGetLastError(); /* this is none */
    return done;
}

static int is_missing(void)
{
    return !is_done(summed);
}

/* For the watchdog, which never enters MPI: the launcher then ends the other ranks. */
static void leave_alone(void)
{
    fflush(stdout);
    _exit(1);
}

static void watch_connecting(double since)
{
    if (what_time_is_it_now() - since < connected_within) return;
    fprintf(stderr,
            "NCCL has not connected the GPUs of the ranks within a minute; NCCL_DEBUG=INFO in the "
            "environment shows what it waits for, NCCL_SOCKET_IFNAME=... names the network\n");
    leave_alone();
}

static void watch_sums(double *since, int *told)
{
    ncclResult_t error = ncclSuccess;
    ncclResult_t asked = ncclCommGetAsyncError(communicator, &error);
    if (asked != ncclSuccess) error = asked;
    if (error != ncclSuccess && error != ncclInProgress) {
        write_error(error);
        leave_alone();
    }
    if (!is_done(reached) || is_done(summed)) *since = what_time_is_it_now();
    if (*told || this_rank() || what_time_is_it_now() - *since < tell_after) return;
    *told = 1;
    fprintf(stderr, "Rank 0 has waited a minute for the sums with the other ranks' GPUs and goes "
                    "on waiting\n");
}

/* A thread that looks for errors of NCCL: when another rank's GPU fails, the main thread may be
   waiting for its own GPU. */
static void *watch(void *unused)
{
    double since = what_time_is_it_now();
    int told = 0, now;
    cudaSetDevice(gpu_index);
    while ((now = __atomic_load_n(&stage, __ATOMIC_ACQUIRE)) != LEAVING) {
        if (now == MEETING)
            watch_connecting(since);
        else
            watch_sums(&since, &told);
        nanosleep(&(struct timespec){.tv_nsec = look_every}, NULL);
    }
    return unused;
}

/* Before the libraries' own ends; the sums of this rank are the GPU's and go on until MPI_Finalize
   has met all ranks. */
static void stop_watching(void)
{
    __atomic_store_n(&stage, LEAVING, __ATOMIC_RELEASE);
    pthread_join(watchdog, NULL);
}

/* The place of this rank's GPU on its bus, and what tells machines apart: NCCL takes two ranks that
   have both alike for one GPU. Without a GPU nothing. */
typedef struct {
    char bus[32], machine[64];
} gpu_place;

static gpu_place find_gpu(void)
{
    gpu_place place = {"", ""};
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
    if (file && fgets(place.machine, sizeof place.machine, file)) strip(place.machine);
    if (file) fclose(file);
    if (gpu_index >= 0) check_cuda(cudaDeviceGetPCIBusId(place.bus, sizeof place.bus, gpu_index));
    return place;
}

static int is_shared(const gpu_place *places, int a, int b)
{
    if (strcmp(places[a].bus, places[b].bus) != 0 ||
        strcmp(places[a].machine, places[b].machine) != 0)
        return 0;
    if (this_rank() == 0)
        fprintf(stderr,
                "Ranks %d and %d share the GPU %s: all sums go through the memory of the "
                "machines, by MPI; NCCL needs a GPU for each rank\n",
                a, b, places[a].bus);
    return 1;
}

static int have_own_gpus(void)
{
    gpu_place mine = find_gpu(), *places = allocate((size_t)rank_count(), sizeof *places);
    MPI_Request request;
    int own = 1;
    MPI_Iallgather(&mine, sizeof mine, MPI_BYTE, places, sizeof mine, MPI_BYTE, every_rank,
                   &request);
    wait_for_ranks(&request, 1);
    for (int i = 0; i < rank_count() && own; ++i) {
        own = places[i].bus[0] != '\0';
        for (int k = 0; k < i && own; ++k) own = !is_shared(places, k, i);
    }
    free(places);
    return own;
}

static float *allocate_floats(size_t count)
{
    return cuda_make_array(NULL, count + 1);
}

static void copy(float *target, float *source, size_t count)
{
    copy_gpu((int)count, source, 1, target, 1);
}

static void multiply(float *values, float factor, size_t count)
{
    scal_gpu((int)count, factor, values, 1);
}

static void begin(float *values, size_t count)
{
    check_cuda(cudaEventRecord(begun, darknets));
    check_cuda(cudaStreamWaitEvent(sums, begun, 0));
    check(ncclAllReduce(values, values, count, ncclFloat, ncclSum, communicator, sums));
}

static void progress(void)
{
}

/* The host does not wait for the GPU here: it goes on to what the GPU does next. */
static double finish(void)
{
    float waited = 0; /* milliseconds */
    if (batches++) {
        check_cuda(cudaEventSynchronize(reached));
        check_cuda(cudaEventSynchronize(summed));
        check_cuda(cudaEventElapsedTime(&waited, reached, summed));
    }
    check_cuda(cudaEventRecord(reached, darknets));
    check_cuda(cudaEventRecord(summed, sums));
    check_cuda(cudaStreamWaitEvent(darknets, summed, 0));
    return waited > 0 ? waited * 1e-3 : 0;
}

static const rank_backend nccl_backend = {.name = "NCCL",
                                          .on_gpu = 1,
                                          .allocate = allocate_floats,
                                          .copy = copy,
                                          .multiply = multiply,
                                          .begin = begin,
                                          .progress = progress,
                                          .finish = finish,
                                          .is_missing = is_missing};

const rank_backend *connect_gpus(void)
{
    ncclUniqueId id;
    if (!have_own_gpus()) return NULL;
    /* A blocking stream would wait for Darknet's, and Darknet's for it, at every call. */
    check_cuda(cudaStreamCreateWithFlags(&sums, cudaStreamNonBlocking));
    check_cuda(cudaEventCreateWithFlags(&begun, cudaEventDisableTiming));
    check_cuda(cudaEventCreate(&reached));
    check_cuda(cudaEventCreate(&summed));
    if (this_rank() == 0) check(ncclGetUniqueId(&id));
    copy_from_first_rank(&id, sizeof id);
    if (pthread_create(&watchdog, NULL, watch, NULL)) error("Thread creation failed");
    atexit(stop_watching);
    check(ncclCommInitRank(&communicator, rank_count(), id, this_rank()));
    __atomic_store_n(&stage, WORKING, __ATOMIC_RELEASE);
    return &nccl_backend;
}
