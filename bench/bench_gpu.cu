/* Times the loss on the GPU, forward and backward, beside a copy of the same bytes and Darknet's
   softmax and cross-entropy kernels.

   usage: bench_gpu     CSV on stdout: classes,batch,k,what,us,ratio_to_copy,speed_up_to_softmax

   Everything of a row is timed in turn, round after round; what is printed is the median. "layer"
   is algorithm pivot with labels from truth and softmax probabilities out, as in training. */
#include <algorithm>
#include <functional>
#include <stdio.h>
#include <stdlib.h>
#include <vector>

#include "darknet.h"
extern "C" {
#include "blas.h"
}
#include "smooth_topk_gpu.h"

static void check(cudaError_t status, const char *what)
{
    if (status == cudaSuccess) return;
    fprintf(stderr, "bench: %s: %s\n", what, cudaGetErrorString(status));
    exit(1);
}

static void check_loss(int error)
{
    if (!error) return;
    fprintf(stderr, "bench: %s\n", smooth_topk_strerror(error));
    exit(1);
}

static float *on_gpu(const std::vector<float> &values)
{
    float *memory;
    size_t bytes = values.size() * sizeof(float);
    check(cudaMalloc((void **)&memory, bytes), "cudaMalloc");
    check(cudaMemcpy(memory, values.data(), bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
    return memory;
}

/* Microseconds a run, by events around as many runs as take a few milliseconds. */
static float time_of(const std::function<void()> &run, int repeats)
{
    cudaEvent_t begin, end;
    float milliseconds;
    check(cudaEventCreate(&begin), "cudaEventCreate");
    check(cudaEventCreate(&end), "cudaEventCreate");
    check(cudaEventRecord(begin), "cudaEventRecord");
    for (int i = 0; i < repeats; ++i) run();
    check(cudaEventRecord(end), "cudaEventRecord");
    check(cudaEventSynchronize(end), "cudaEventSynchronize");
    check(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
    check(cudaEventDestroy(begin), "cudaEventDestroy");
    check(cudaEventDestroy(end), "cudaEventDestroy");
    return 1e3f * milliseconds / repeats;
}

struct contest {
    const char *name;
    int repeats;
    std::function<void()> run;
    std::vector<float> times = {};
};

static void time_losses(int classes, int batch, int k)
{
    size_t size = (size_t)batch * classes;
    std::vector<float> scores(size), truth(size);
    srand(1);
    for (float &score : scores) { /* normal, by the sum of twelve */
        float sum = -6;
        for (int j = 0; j < 12; ++j) sum += (float)rand() / RAND_MAX;
        score = 2 * sum;
    }
    std::vector<int> labels(batch);
    for (int b = 0; b < batch; ++b) truth[(size_t)b * classes + (labels[b] = rand() % classes)] = 1;
    float *x = on_gpu(scores), *t = on_gpu(truth), *delta = on_gpu(truth), *output = on_gpu(truth),
          *error = on_gpu(truth);
    int *y;
    check(cudaMalloc((void **)&y, batch * sizeof(int)), "cudaMalloc");
    check(cudaMemcpy(y, labels.data(), batch * sizeof(int), cudaMemcpyHostToDevice), "cudaMemcpy");
    smooth_topk_params pivot = {k, 1, 1, SMOOTH_TOPK_PIVOT}, log = {k, 1, 1, SMOOTH_TOPK_LOG};
    smooth_topk_term term = {pivot, 1};
    smooth_topk_objective objective = {&term, 1, 1, 0, NULL, NULL};
    size_t room = std::max(smooth_topk_truth_gpu_workspace_size(&objective, batch, classes),
                           smooth_topk_gpu_workspace_size(&log, batch, classes));
    void *workspace;
    check(cudaMalloc(&workspace, room), "cudaMalloc");
    auto loss = [&](const smooth_topk_params *params) {
        check_loss(smooth_topk_gpu_workspace(params, batch, classes, x, y, error, delta, workspace,
                                             room, NULL));
    };
    contest all[] = {
        {"copy", 20,
         [&] {
             check(cudaMemcpyAsync(delta, x, size * sizeof(float), cudaMemcpyDeviceToDevice),
                   "cudaMemcpyAsync");
         }},
        {"softmax", 3,
         [&] {
             softmax_gpu(x, classes, batch, classes, 1, 0, 1, 1, output);
             softmax_x_ent_gpu((int)size, output, t, delta, error);
         }},
        {"pivot", 20, [&] { loss(&pivot); }},
        {"log", 1, [&] { loss(&log); }},
        {"layer", 20,
         [&] {
             check_loss(smooth_topk_truth_gpu(&objective, batch, classes, x, t, 1, error, delta,
                                              output, workspace, room, NULL));
         }},
    };
    for (int round = -1; round < 11; ++round) /* the first one warms up */
        for (contest &c : all) {
            float time = time_of(c.run, c.repeats);
            if (round >= 0) c.times.push_back(time);
        }
    float median[5];
    for (int i = 0; i < 5; ++i) {
        std::sort(all[i].times.begin(), all[i].times.end());
        median[i] = all[i].times[all[i].times.size() / 2];
        printf("%d,%d,%d,%s,%.2f,%.3f,%.2f\n", classes, batch, k, all[i].name, median[i],
               median[i] / median[0], median[1] / median[i]);
    }
    fflush(stdout);
    for (void *memory :
         {(void *)x, (void *)t, (void *)delta, (void *)output, (void *)error, (void *)y, workspace})
        check(cudaFree(memory), "cudaFree");
}

int main(void)
{
    static const int class_counts[] = {100, 1000, 21841}, ks[] = {1, 5, 10, 20, 100};
    printf("classes,batch,k,what,us,ratio_to_copy,speed_up_to_softmax\n");
    for (int classes : class_counts)
        for (int batch : {256, 1024})
            for (int k : ks)
                if (k < classes) time_losses(classes, batch, k);
    return 0;
}
