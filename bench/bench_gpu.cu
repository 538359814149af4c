/* Times the loss on the GPU, forward and backward, beside a copy of the same bytes.

   usage: bench_gpu           CSV on stdout: classes,batch,k,what,us,ratio_to_copy
          bench_gpu sizes     the same for other ways to deal samples out to warps and blocks
          bench_gpu once      times nothing: launches each kernel once or twice, for a profiler

   Everything of a row is timed in turn, round after round; what is printed is the median. "layer"
   is algorithm pivot with labels from truth, as in training; "1+5" is k=1,5. What else is compared,
   PyTorch's cross_entropy and the authors' code, is timed by bench/torch_gpu.py in the same run. */
#include <algorithm>
#include <functional>
#include <stdio.h>
#include <stdlib.h>
#include <vector>

/* With its launch sizes, which this program changes. */
#include "smooth_topk_gpu.cu"

static void check(cudaError_t status, const char *what)
{
    if (status == cudaSuccess) return;
    fprintf(stderr, "bench_gpu: %s: %s\n", what, cudaGetErrorString(status));
    exit(1);
}

static void check_loss(int error)
{
    if (!error) return;
    fprintf(stderr, "bench_gpu: %s\n", smooth_topk_strerror(error));
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
static float measure_time(const std::function<void()> &run, int repeats)
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

/* Random scores and labels on the GPU. */
struct samples {
    int classes, batch;
    float *scores, *truth, *delta, *loss;
    int *labels;

    samples(int classes_, int batch_) : classes(classes_), batch(batch_)
    {
        size_t size = (size_t)batch * classes;
        std::vector<float> values(size), rows(size);
        std::vector<int> drawn(batch);
        std::vector<float> table(1 << 16);
        srand(1);
        for (float &value : table) { /* nearly normal, by the sum of four */
            float sum = -2;
            for (int j = 0; j < 4; ++j) sum += (float)rand() / RAND_MAX;
            value = 3.5f * sum;
        }
        for (size_t i = 0; i < size; ++i) values[i] = table[(unsigned)i * 2654435761u >> 16];
        for (int b = 0; b < batch; ++b)
            rows[(size_t)b * classes + (drawn[b] = rand() % classes)] = 1;
        scores = on_gpu(values);
        truth = on_gpu(rows);
        delta = on_gpu(rows);
        loss = on_gpu(std::vector<float>(batch));
        check(cudaMalloc((void **)&labels, batch * sizeof(int)), "cudaMalloc");
        check(cudaMemcpy(labels, drawn.data(), batch * sizeof(int), cudaMemcpyHostToDevice),
              "cudaMemcpy");
    }

    ~samples()
    {
        for (void *memory : {(void *)scores, (void *)truth, (void *)delta, (void *)loss})
            cudaFree(memory);
        cudaFree(labels);
    }

    void copy() const
    {
        size_t bytes = (size_t)batch * classes * sizeof(float);
        check(cudaMemcpyAsync(delta, scores, bytes, cudaMemcpyDeviceToDevice), "cudaMemcpyAsync");
    }
};

static void run_all(std::vector<contest> &all, int rounds)
{
    for (int round = -1; round < rounds; ++round) /* the first one warms up */
        for (contest &c : all) {
            float time = measure_time(c.run, c.repeats);
            if (round >= 0) c.times.push_back(time);
        }
}

static float median_time(contest &c)
{
    std::sort(c.times.begin(), c.times.end());
    return c.times[c.times.size() / 2];
}

static void time_losses(const samples &data, int k)
{
    int classes = data.classes, batch = data.batch, is_long = classes > 5000;
    smooth_topk_term one = {{k, 1, 1, SMOOTH_TOPK_PIVOT}, 1}, log = {{k, 1, 1, SMOOTH_TOPK_LOG}, 1},
                     two[2] = {{{1, 1, 1, SMOOTH_TOPK_PIVOT}, 0.5f},
                               {{5, 1, 1, SMOOTH_TOPK_PIVOT}, 0.5f}};
    smooth_topk_objective objective = {&one, 1, 1, 0, NULL, NULL};
    size_t size = std::max({smooth_topk_truth_gpu_workspace_size(&objective, batch, classes),
                            smooth_topk_sum_gpu_workspace_size(&log, 1, batch, classes),
                            smooth_topk_sum_gpu_workspace_size(two, 2, batch, classes)});
    void *workspace;
    check(cudaMalloc(&workspace, size), "cudaMalloc");
    auto loss = [&](const smooth_topk_term *terms, int count) {
        check_loss(smooth_topk_sum_gpu_workspace(terms, count, batch, classes, data.scores,
                                                 data.labels, data.loss, data.delta, workspace,
                                                 size, NULL));
    };
    std::vector<contest> all = {{"copy", 20, [&] { data.copy(); }},
                                {"pivot", 20, [&] { loss(&one, 1); }},
                                {"layer", 20, [&] {
                                     check_loss(smooth_topk_truth_gpu(
                                         &objective, batch, classes, data.scores, data.truth, 1,
                                         data.loss, data.delta, NULL, workspace, size, NULL));
                                 }}};
    if (k == 5) all.push_back({"1+5", 20, [&] { loss(two, 2); }});
    if (k == 5 && !is_long) all.push_back({"log", 1, [&] { loss(&log, 1); }});
    run_all(all, 7);
    float copy = median_time(all[0]);
    for (contest &c : all)
        printf("%d,%d,%d,%s,%.2f,%.3f\n", classes, batch, k, c.name, median_time(c),
               median_time(c) / copy);
    fflush(stdout);
    check(cudaFree(workspace), "cudaFree");
}

/* pivot_launch's numbers beside others, for k = 5. */
static void time_sizes(const samples &data)
{
    int classes = data.classes, batch = data.batch;
    smooth_topk_term term = {{5, 1, 1, SMOOTH_TOPK_PIVOT}, 1};
    size_t size = smooth_topk_sum_gpu_workspace_size(&term, 1, batch, classes);
    void *workspace;
    check(cudaMalloc(&workspace, size), "cudaMalloc");
    auto built = pivot_launch;
    std::vector<decltype(built)> ways = {built};
    for (int samples_of_block : {1, 2, 4, 8}) ways.push_back({classes, samples_of_block, 0, 0});
    for (int threads : {64, 128, 256, 512}) ways.push_back({0, 1, classes, threads});
    std::vector<contest> all;
    for (const auto &way : ways)
        all.push_back({"", 20, [&, way] {
                           pivot_launch = way;
                           check_loss(smooth_topk_sum_gpu_workspace(
                               &term, 1, batch, classes, data.scores, data.labels, data.loss,
                               data.delta, workspace, size, NULL));
                       }});
    run_all(all, 7);
    for (size_t i = 0; i < all.size(); ++i) {
        const auto &way = ways[i];
        int is_warp = classes <= way.classes_of_warp;
        printf("%d,%d,5,%s%s %d,%.2f,\n", classes, batch,
               i ? "" : "built: ", is_warp ? "warps a block" : "threads a sample",
               is_warp                          ? way.samples_of_block
               : classes <= way.classes_of_team ? way.team_threads
                                                : MOST_THREADS,
               median_time(all[i]));
    }
    fflush(stdout);
    pivot_launch = built;
    check(cudaFree(workspace), "cudaFree");
}

/* As in training: k = 5, 20 and, of rows that are not long, algorithm log. */
static void launch_once(const samples &data)
{
    smooth_topk_term terms[] = {{{5, 1, 1, SMOOTH_TOPK_PIVOT}, 1},
                                {{20, 1, 1, SMOOTH_TOPK_PIVOT}, 1},
                                {{5, 1, 1, SMOOTH_TOPK_LOG}, 1}};
    for (const smooth_topk_term &term : terms) {
        if (term.params.algorithm == SMOOTH_TOPK_LOG && data.classes > 5000) continue;
        smooth_topk_objective objective = {&term, 1, 1, 0, NULL, NULL};
        size_t size = smooth_topk_truth_gpu_workspace_size(&objective, data.batch, data.classes);
        void *workspace;
        check(cudaMalloc(&workspace, size), "cudaMalloc");
        check_loss(smooth_topk_truth_gpu(&objective, data.batch, data.classes, data.scores,
                                         data.truth, 1, data.loss, data.delta, NULL, workspace,
                                         size, NULL));
        check(cudaDeviceSynchronize(), "the kernels");
        check(cudaFree(workspace), "cudaFree");
    }
}

int main(int argc, char **argv)
{
    int sizes = argc == 2 && strcmp(argv[1], "sizes") == 0;
    int once = argc == 2 && strcmp(argv[1], "once") == 0;
    if (argc > 1 && !sizes && !once) {
        fprintf(stderr, "usage: bench_gpu [sizes | once]\n");
        return 1;
    }
    if (once) {
        launch_once(samples(1000, 256));
        launch_once(samples(21841, 1024));
        return 0;
    }
    printf("classes,batch,k,what,us,ratio_to_copy\n");
    for (int classes : {100, 1000, 21841, 131072})
        for (int batch : {128, 256, 1024}) {
            if (sizes && classes > 21841) continue;
            samples data(classes, batch);
            if (sizes) time_sizes(data);
            for (int k : {1, 5, 20, 100})
                if (!sizes && k < classes) time_losses(data, k);
        }
    return 0;
}
