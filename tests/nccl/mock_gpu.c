/* The GPU of mock_gpu.h. */
#include "mock_gpu.h"

#include "ranks.h"
#include "utils.h"

#include <mpi.h>
#include <nccl.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 10000 };

typedef struct {
    enum { KERNEL, COPY, MULTIPLY, FILL, SUM, WAIT } what;
    void (*kernel)(float *values, size_t count, int number);
    float *target, *source, factor;
    size_t count;
    int number;
    cudaStream_t stream; /* WAIT: until it has done `number` */
} task;

struct CUstream_st {
    task tasks[MOST];
    int asked, done;
};
struct CUevent_st {
    cudaStream_t stream;
    int number, timed;
};

static struct CUstream_st darknets;
static int sums;
int gpu_index;

static int set(const char *name)
{
    return getenv(name) != NULL;
}

static cudaStream_t real_stream(cudaStream_t stream)
{
    return stream ? stream : &darknets;
}

static void advance(cudaStream_t stream, int number);

static void run(const task *t)
{
    switch (t->what) {
    case KERNEL:
        t->kernel(t->target, t->count, t->number);
        break;
    case COPY:
        memcpy(t->target, t->source, t->count * sizeof(float));
        break;
    case MULTIPLY:
        for (size_t i = 0; i < t->count; ++i) t->target[i] *= t->factor;
        break;
    case FILL:
        for (size_t i = 0; i < t->count; ++i) t->target[i] = t->factor;
        break;
    case SUM:
        MPI_Allreduce(MPI_IN_PLACE, t->target, (int)t->count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        break;
    case WAIT:
        advance(t->stream, t->number);
    }
}

/* Whether a stream is before a sum that does not end, its own or one that it waits for. */
static int hangs(cudaStream_t stream)
{
    const task *t = stream->tasks + stream->done;
    if (!set("MOCK_HANGS") || stream->done == stream->asked) return 0;
    return t->what == SUM || (t->what == WAIT && t->stream->done < t->number && hangs(t->stream));
}

static void advance(cudaStream_t stream, int number)
{
    while (stream->done < number && !hangs(stream)) {
        run(stream->tasks + stream->done);
        if (!hangs(stream)) __atomic_add_fetch(&stream->done, 1, __ATOMIC_RELEASE);
    }
}

static void host_waits(cudaStream_t stream, int number)
{
    advance(stream, number);
    while (stream->done < number) sleep(1);
}

static void ask(cudaStream_t stream, task t)
{
    const char *late = getenv("MOCK_LATE");
    stream = real_stream(stream);
    if (stream->asked == MOST) error("the mock's stream is full");
    stream->tasks[stream->asked++] = t;
    if ((stream == &darknets) != (late && strcmp(late, "darknet") == 0))
        advance(stream, stream->asked);
}

void launch(void (*kernel)(float *values, size_t count, int number), float *values, size_t count,
            int number)
{
    ask(NULL, (task){KERNEL, .kernel = kernel, .target = values, .count = count, .number = number});
}

int sums_begun(void)
{
    return sums;
}

/* Darknet's. */
void error(const char *words)
{
    fprintf(stderr, "%s\n", words);
    exit(1);
}
void strip(char *text)
{
    text[strcspn(text, "\n")] = '\0';
}
double what_time_is_it_now(void)
{
    return MPI_Wtime();
}
float *cuda_make_array(float *values, size_t count)
{
    float *array = calloc(count, sizeof *array);
    if (!array) error("out of memory");
    if (values) cuda_push_array(array, values, count);
    return array;
}
void cuda_push_array(float *target, float *source, size_t count)
{
    host_waits(&darknets, darknets.asked);
    memcpy(target, source, count * sizeof *target);
}
void cuda_pull_array(float *source, float *target, size_t count)
{
    cuda_push_array(target, source, count);
}
void copy_gpu(int count, float *source, int source_step, float *target, int target_step)
{
    if (source_step != 1 || target_step != 1) error("the mock knows steps of 1");
    ask(NULL, (task){COPY, .target = target, .source = source, .count = (size_t)count});
}
void scal_gpu(int count, float factor, float *values, int step)
{
    if (step != 1) error("the mock knows steps of 1");
    ask(NULL, (task){MULTIPLY, .target = values, .factor = factor, .count = (size_t)count});
}
void fill_gpu(int count, float value, float *values, int step)
{
    if (step != 1) error("the mock knows steps of 1");
    ask(NULL, (task){FILL, .target = values, .factor = value, .count = (size_t)count});
}

/* CUDA's. */
cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 1;
    return cudaSuccess;
}
cudaError_t cudaSetDevice(int device)
{
    return device == 0 ? cudaSuccess : cudaErrorInvalidDevice;
}
cudaError_t cudaGetLastError(void)
{
    return cudaSuccess;
}
const char *cudaGetErrorString(cudaError_t result)
{
    return result == cudaSuccess ? "no error" : "the mock's error";
}
cudaError_t cudaDeviceGetPCIBusId(char *name, int size, int device)
{
    snprintf(name, (size_t)size, "0000:%02x:00.0", set("MOCK_SHARED") ? device : this_rank());
    return cudaSuccess;
}
/* Others wait for the default stream and it for them. */
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags)
{
    *stream = calloc(1, sizeof **stream);
    return flags == cudaStreamNonBlocking ? cudaSuccess : cudaErrorInvalidValue;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned flags)
{
    *event = calloc(1, sizeof **event);
    (*event)->timed = !(flags & cudaEventDisableTiming);
    return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    return cudaEventCreateWithFlags(event, cudaEventDefault);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    event->stream = real_stream(stream);
    event->number = event->stream->asked;
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event)
{
    if (!event->stream) return cudaSuccess;
    int done = __atomic_load_n(&event->stream->done, __ATOMIC_ACQUIRE);
    return done >= event->number ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    if (event->stream) host_waits(event->stream, event->number);
    return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t source, cudaEvent_t target)
{
    *milliseconds = 1;
    if (!source->timed || !target->timed || !source->stream || !target->stream)
        return cudaErrorInvalidValue;
    return cudaEventQuery(target);
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags)
{
    if (flags) return cudaErrorInvalidValue;
    if (event->stream) ask(stream, (task){WAIT, .stream = event->stream, .number = event->number});
    return cudaSuccess;
}

/* NCCL's. */
static ncclUniqueId unique(void)
{
    return (ncclUniqueId){"of rank 0"};
}
ncclResult_t ncclGetUniqueId(ncclUniqueId *id)
{
    *id = unique();
    return this_rank() == 0 ? ncclSuccess : ncclInvalidUsage;
}
ncclResult_t ncclCommInitRank(ncclComm_t *communicator, int count, ncclUniqueId id, int rank)
{
    ncclUniqueId wanted = unique();
    if (set("MOCK_REFUSED") && this_rank() == 1) return ncclSystemError;
    while (set("MOCK_REFUSED") || set("MOCK_ALONE")) sleep(1);
    *communicator = NULL;
    if (memcmp(&id, &wanted, sizeof id) != 0) return ncclInvalidArgument;
    return count == rank_count() && rank == this_rank() ? ncclSuccess : ncclInvalidArgument;
}
ncclResult_t ncclAllReduce(const void *source, void *target, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t communicator, cudaStream_t stream)
{
    (void)communicator;
    if (source != target || type != ncclFloat || operation != ncclSum || !stream)
        return ncclInvalidArgument;
    ask(stream, (task){SUM, .target = target, .count = count});
    __atomic_add_fetch(&sums, 1, __ATOMIC_RELEASE);
    return ncclSuccess;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t communicator, ncclResult_t *result)
{
    (void)communicator;
    int bad = set("MOCK_ERROR") && this_rank() == 1 && __atomic_load_n(&sums, __ATOMIC_ACQUIRE);
    *result = bad ? ncclRemoteError : ncclSuccess;
    return ncclSuccess;
}
const char *ncclGetErrorString(ncclResult_t result)
{
    return result == ncclSuccess ? "no error" : "the mock's error";
}
