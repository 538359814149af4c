/* The kernels on the CPU beside the loss on the CPU: samples of every kind, the layer's truth rows
   and output, thread orders, workspaces, failing CUDA calls.

   SKIP_BARRIER=FILE:LINE leaves out that barrier: tests/test_barriers.sh. */
#include "smooth_topk_gpu.cu"
#include "smooth_topk_membership.h"

extern "C" {
#include "topk_losses.h"
}

#include <setjmp.h>
#include <stdarg.h>
extern "C" {
#include <cmocka.h>
}

/* A smaller grid, for builds in which a sample takes long. */
#ifndef EVERY
#define EVERY 1
#endif

namespace
{
const float NOT_A_NUMBER = float_from_bits(0x7fc00000u), MINUS_INF = float_from_bits(0xff800000u);

unsigned random_bits = 1;

float uniform(void)
{
    random_bits = random_bits * 1664525u + 1013904223u;
    return (random_bits >> 8) * 0x1p-24f;
}

float normal(void)
{
    float sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform();
    return sum;
}

typedef std::vector<float> row;

/* Samples of every kind side by side: normal, equal, with ties, with gaps, with a few large. */
row mixed_scores(int batch, int classes, int k)
{
    row scores((size_t)batch * classes);
    for (int b = 0; b < batch; ++b)
        for (int i = 0; i < classes; ++i) {
            float noise = normal(), *target = &scores[(size_t)b * classes + i];
            switch (b % 5) {
            case 0:
                *target = 3 * noise * k;
                break;
            case 1:
                *target = 1;
                break;
            case 2:
                *target = (float)(int)(2 * noise);
                break;
            case 3:
                *target = i * 37 % classes < k ? 0.01f * noise : -40 * k + noise;
                break;
            default:
                *target = i * 41 % classes < k / 2 ? 30 * k : noise * k;
            }
        }
    return scores;
}

void assert_near(const char *what, int k, int classes, double value, double wanted, double allowed)
{
    if (float_bits((float)value) == float_bits((float)wanted)) return;
    if (!(fabs(value - wanted) <= allowed))
        fail_msg("%s: k %d classes %d: %.9g, not %.9g", what, k, classes, value, wanted);
}

const int class_counts[] = {2, 7, 40, 257, 700, 1500, 4500}, ks[] = {1, 2, 5, 10, 11, 33, 130, 600};

void check_like_cpu(int algorithm, int classes, int k, float tau)
{
    enum { BATCH = 11 };
    smooth_topk_params params = {k, tau, 1, algorithm ? SMOOTH_TOPK_LOG : SMOOTH_TOPK_PIVOT};
    row scores = mixed_scores(BATCH, classes, k), grad(scores.size()), wanted_grad(scores.size());
    float loss[BATCH], wanted_loss[BATCH];
    int labels[BATCH];
    for (int b = 0; b < BATCH; ++b) labels[b] = (int)(uniform() * classes);
    labels[6] = -1;
    scores[7 * classes + labels[7]] = MINUS_INF;
    scores[8 * classes + classes / 2] = NOT_A_NUMBER;
    for (int i = 0; i < classes; i += 2) scores[9 * classes + i] = MINUS_INF;
    assert_int_equal(smooth_topk_cpu(&params, BATCH, classes, scores.data(), labels, wanted_loss,
                                     wanted_grad.data()),
                     0);
    assert_int_equal(
        smooth_topk_gpu(&params, BATCH, classes, scores.data(), labels, loss, grad.data(), NULL),
        0);
    for (int b = 0; b < BATCH; ++b) {
        double largest = labels[b] < 0 ? 0 : fabs(wanted_grad[b * classes + labels[b]]);
        assert_near("loss", k, classes, loss[b], wanted_loss[b], 4e-6 * fmax(wanted_loss[b], tau));
        for (int i = 0; i < classes; ++i)
            assert_near("gradient", k, classes, grad[b * classes + i], wanted_grad[b * classes + i],
                        2e-5 * largest);
    }
}

/* Each size under each order of threads. */
void test_like_cpu(void **)
{
    for (int algorithm = 0; algorithm < 2; ++algorithm)
        for (int classes : class_counts)
            for (int k : ks)
                for (int order = 0; order < 3; ++order) {
                    if (k >= classes || (classes >= 1500 && (algorithm || k > 11))) continue;
                    if (classes * k > 30000 / EVERY && order != (classes + k) % 3) continue;
                    emulation::launches = order;
                    check_like_cpu(algorithm, classes, k, order == 1 ? 0.3f : 1);
                }
}

/* However the samples are dealt out to warps and blocks. */
void test_launches_like_cpu(void **)
{
    auto built = pivot_launch;
    const decltype(built) others[] = {{0, 4, 4096, 256}, {4096, 2, 4096, 256}, {30, 16, 0, 32}};
    for (const auto &other : others)
        for (int classes : {25, 700, 1500}) {
            pivot_launch = other;
            emulation::launches = classes;
            check_like_cpu(0, classes, 5, 1);
        }
    pivot_launch = built;
}

/* So many classes a warp, and so large a k, that the coefficients go in bands. */
void test_bands_like_cpu(void **)
{
    for (int order = 0; order < 3; ++order) {
        emulation::launches = order;
        check_like_cpu(0, 2300, 270 + order, 1);
    }
}

/* k so near to half of the classes that more than a warp of coefficients count. */
void test_equal_weights_like_cpu(void **)
{
    for (int order = 0; order < 3; ++order) {
        emulation::launches = order;
        check_like_cpu(0, 400, 150 + 30 * order, 1);
    }
}

void test_hinge_like_cpu(void **)
{
    for (int order = 0; order < 3; ++order) {
        emulation::launches = order;
        check_like_cpu(0, 100, 1 + 20 * order, 0);
    }
}

/* Orders of threads do not show in the results, nor does what a workspace has room for. */
void test_same_to_the_bit(void **)
{
    enum { BATCH = 7 };
    for (int classes : class_counts)
        for (int k : ks) {
            if (k >= classes || k * classes > 30000 / EVERY) continue;
            smooth_topk_params params = {k, 1, 1, SMOOTH_TOPK_PIVOT};
            smooth_topk_term term = {params, 1};
            row scores = mixed_scores(BATCH, classes, k), grad[3];
            float loss[3][BATCH];
            int labels[BATCH];
            for (int b = 0; b < BATCH; ++b) labels[b] = (int)(uniform() * classes);
            scores[2 * classes + classes / 2] = NOT_A_NUMBER;
            for (int order = 0; order < 3; ++order) {
                emulation::launches = order;
                size_t size = smooth_topk_gpu_workspace_size(&params, BATCH, classes);
                if (order)
                    size = ALIGNMENT + head_size(BATCH) + order * slot_size(&term, 1, classes);
                std::vector<char> workspace(size, (char)0xff);
                grad[order].resize(scores.size());
                assert_int_equal(smooth_topk_gpu_workspace(&params, BATCH, classes, scores.data(),
                                                           labels, loss[order], grad[order].data(),
                                                           workspace.data(), size, NULL),
                                 0);
                assert_memory_equal(loss[0], loss[order], sizeof loss[0]);
                assert_memory_equal(grad[0].data(), grad[order].data(),
                                    scores.size() * sizeof(float));
            }
        }
}

/* An ordinary sample is done in float, by the fast kernel. */
void test_ordinary_samples_are_fast(void **)
{
    enum { BATCH = 8, CLASSES = 1000 };
    for (int k = 1; k <= SMALL_K; ++k) {
        smooth_topk_params params = {k, 1, 1, SMOOTH_TOPK_PIVOT};
        smooth_topk_term term = {params, 1};
        row scores(BATCH * CLASSES);
        for (float &score : scores) score = 3 * normal();
        float loss[BATCH];
        int labels[BATCH] = {0, 1, 2, 3, 4, 5, 6, 7};
        size_t size = smooth_topk_gpu_workspace_size(&params, BATCH, CLASSES);
        std::vector<char> workspace(size);
        workspace_parts parts;
        assert_int_equal(cut_workspace(&term, 1, BATCH, CLASSES, workspace.data(), size, &parts),
                         0);
        assert_int_equal(smooth_topk_gpu_workspace(&params, BATCH, CLASSES, scores.data(), labels,
                                                   loss, NULL, workspace.data(), size, NULL),
                         0);
        for (int b = 0; b < BATCH; ++b) assert_int_equal(parts.deferred[b], 0);
    }
}

/* A label out of range: refused, or NaN where nobody waits for the answer. */
void test_bad_labels(void **)
{
    enum { CLASSES = 50 };
    for (int k = 3; k < 20; k += 10) {
        smooth_topk_params params = {k, 1, 1, SMOOTH_TOPK_PIVOT};
        row scores = mixed_scores(3, CLASSES, k), grad(scores.size(), 7);
        float loss[3] = {7, 7, 7};
        for (int bad : {(int)CLASSES, -2, -3, INT_MAX, INT_MIN}) {
            int labels[3] = {4, bad, 9};
            size_t size = smooth_topk_gpu_workspace_size(&params, 3, CLASSES);
            std::vector<char> workspace(size);
            std::fill(grad.begin(), grad.end(), 7);
            assert_int_equal(smooth_topk_gpu(&params, 3, CLASSES, scores.data(), labels, loss,
                                             grad.data(), NULL),
                             SMOOTH_TOPK_ERROR_LABEL);
            for (float g : grad) assert_true(g == 7);
            assert_int_equal(smooth_topk_gpu_workspace(&params, 3, CLASSES, scores.data(), labels,
                                                       loss, grad.data(), workspace.data(), size,
                                                       NULL),
                             0);
            for (int b = 0; b < 3; ++b) {
                assert_int_equal(isnan(loss[b]), b == 1);
                for (int i = 0; i < CLASSES; ++i)
                    assert_int_equal(isnan(grad[b * CLASSES + i]), b == 1);
            }
        }
    }
}

/* One label, none, several, one that is not 1, all; bad truth. */
row rows_of_truth(int batch, int classes)
{
    row truth((size_t)batch * classes);
    for (int b = 0; b < 4; ++b) truth[b * classes + (int)(uniform() * classes)] = 1;
    truth[4 * classes + 1] = 0.25f;
    truth[5 * classes] = 0.5f, truth[5 * classes + classes - 1] = 0.75f;
    for (int i = 0; i < classes; i += 1 + classes / 9) truth[6 * classes + i] = 0.1f;
    truth[7 * classes + classes / 2] = -0.f;
    truth[8 * classes + classes / 2] = NOT_A_NUMBER;
    truth[9 * classes + classes / 2] = -MINUS_INF;
    return truth;
}

/* Loss and delta beside the CPU's, and the output beside a softmax of doubles. */
void check_truth(smooth_topk_objective objective, int classes)
{
    enum { BATCH = 10 };
    const float temperature = 1.5f;
    int k = objective.terms[objective.count - 1].params.k;
    row scores = mixed_scores(BATCH, classes, k), truth = rows_of_truth(BATCH, classes),
        delta(scores.size(), 7), output(scores.size(), 7), wanted(scores.size());
    float loss[BATCH], wanted_loss[BATCH];
    size_t size = smooth_topk_truth_gpu_workspace_size(&objective, BATCH, classes),
           cpu_size = smooth_topk_truth_workspace_size(&objective, 1, classes);
    std::vector<char> workspace(std::max(size, cpu_size), (char)0xff);
    assert_int_equal(smooth_topk_truth_cpu(&objective, BATCH, classes, scores.data(), truth.data(),
                                           wanted_loss, wanted.data(), workspace.data(), cpu_size),
                     0);
    assert_int_equal(smooth_topk_truth_gpu(&objective, BATCH, classes, scores.data(), truth.data(),
                                           temperature, loss, delta.data(), output.data(),
                                           workspace.data(), size, NULL),
                     0);
    for (int b = 0; b < BATCH; ++b) {
        double sum = 0, allowed = objective.scale, most = -INFINITY;
        const float *its = &scores[b * classes];
        assert_int_equal(isnan(wanted_loss[b]), b > 7);
        assert_near("layer's loss", k, classes, loss[b], wanted_loss[b],
                    1e-5 * (wanted_loss[b] + allowed));
        for (int i = 0; i < classes; ++i) {
            assert_near("delta", k, classes, delta[b * classes + i], wanted[b * classes + i],
                        2e-5 * allowed);
            most = fmax(most, its[i]);
        }
        for (int i = 0; i < classes; ++i) sum += exp((its[i] - most) / temperature);
        for (int i = 0; i < classes; ++i)
            assert_near("output", k, classes, output[b * classes + i],
                        exp((its[i] - most) / temperature) / sum, 2e-6);
    }
    row alone(scores.size(), 7);
    assert_int_equal(smooth_topk_truth_gpu(&objective, BATCH, classes, scores.data(), NULL,
                                           temperature, NULL, NULL, alone.data(), workspace.data(),
                                           size, NULL),
                     0);
    for (size_t i = 0; i < alone.size(); ++i)
        assert_near("output alone", k, classes, alone[i], output[i], 1e-6);
    row again(scores.size(), 7);
    assert_int_equal(smooth_topk_truth_gpu(&objective, BATCH, classes, scores.data(), truth.data(),
                                           temperature, loss, again.data(), NULL, workspace.data(),
                                           size, NULL),
                     0);
    assert_memory_equal(again.data(), delta.data(), delta.size() * sizeof(float));
}

void test_truth(void **)
{
    for (int classes : {7, 40, 300})
        for (int k : {1, 5, 12, 40})
            for (int order = 0; order < 3; ++order) {
                if (k >= classes) continue;
                smooth_topk_term one[] = {{{k, 1, 1, SMOOTH_TOPK_PIVOT}, 1}},
                                 by_log[] = {{{k, 0.5f, 1, SMOOTH_TOPK_LOG}, 1}},
                                 hinge[] = {{{k, 0, 1, SMOOTH_TOPK_LOG}, 1}},
                                 several[] = {{{1, 1, 0, SMOOTH_TOPK_PIVOT}, 0.5f},
                                              {{k, 0.7f, 1, SMOOTH_TOPK_LOG}, 0.25f},
                                              {{k, 1, 0.5f, SMOOTH_TOPK_PIVOT}, 2}};
                row margins(classes), weights(classes);
                for (float &margin : margins) margin = 2 * uniform();
                for (float &weight : weights) weight = 2 * uniform();
                weights[0] = 0;
                emulation::launches = order;
                check_truth({one, 1, 2.5f, 0, NULL, NULL}, classes);
                check_truth({by_log, 1, 2.5f, 0, NULL, NULL}, classes);
                check_truth({hinge, 1, 2.5f, 0, NULL, NULL}, classes);
                check_truth({several, 3, 1.5f, 0, margins.data(), weights.data()}, classes);
                if (classes < 300 / EVERY && k < 12)
                    check_truth({several, 3, 1.5f, 0.1f, margins.data(), weights.data()}, classes);
            }
}

/* A row whose only class weighs nothing has no gradient, and nobody's else is left in it. */
void test_weight_zero(void **)
{
    enum { CLASSES = 9 };
    for (smooth_topk_algorithm algorithm : {SMOOTH_TOPK_PIVOT, SMOOTH_TOPK_LOG}) {
        smooth_topk_term terms[] = {{{2, 1, 1, algorithm}, 1}, {{1, 1, 1, algorithm}, 1}};
        float scores[2 * CLASSES] = {0, 1, 2}, truth[2 * CLASSES] = {0, 1}, loss[2],
                         delta[2 * CLASSES], weights[CLASSES] = {0};
        truth[CLASSES] = truth[CLASSES + 1] = 0.5f;
        std::fill(delta, delta + 2 * CLASSES, 7.f);
        smooth_topk_objective objective = {terms, 2, 1, 0, NULL, weights};
        size_t size = smooth_topk_truth_gpu_workspace_size(&objective, 2, CLASSES);
        std::vector<char> workspace(size);
        assert_int_equal(smooth_topk_truth_gpu(&objective, 2, CLASSES, scores, truth, 1, loss,
                                               delta, NULL, workspace.data(), size, NULL),
                         0);
        for (float value : delta) assert_true(value == 0);
        assert_true(loss[0] == 0 && loss[1] == 0);
    }
}

/* hardest= keeps the same samples as on the CPU, ties and NaNs included. */
void test_hardest_like_cpu(void **)
{
    enum { BATCH = 70, CLASSES = 40 };
    for (int hardest : {1, 7, 33, 69, 70, 90}) {
        row loss(BATCH), delta(BATCH * CLASSES), factors(BATCH);
        for (float &value : loss) value = (float)(int)(8 * uniform());
        for (float &value : delta) value = normal();
        loss[3] = loss[40] = NOT_A_NUMBER;
        delta[4 * CLASSES] = NOT_A_NUMBER;
        row wanted_loss = loss, wanted = delta;
        int order[BATCH];
        topk_loss_keep_hardest(hardest, BATCH, CLASSES, wanted_loss.data(), wanted.data(), order);
        emulation::launches = hardest;
        assert_int_equal(smooth_topk_keep_hardest_gpu(hardest, BATCH, CLASSES, loss.data(),
                                                      delta.data(), factors.data(), NULL),
                         0);
        for (int b = 0; b < BATCH; ++b)
            assert_int_equal(float_bits(loss[b]) & 0x7fffffff,
                             float_bits(wanted_loss[b]) & 0x7fffffff);
        for (int i = 0; i < BATCH * CLASSES; ++i)
            if (!isnan(wanted[i])) assert_true(delta[i] == wanted[i]);
    }
    assert_int_equal(smooth_topk_keep_hardest_gpu(0, 1, 1, NULL, NULL, NULL, NULL),
                     SMOOTH_TOPK_ERROR_SIZE);
}

/* Memberships of rows of every kind, in place; a slot does several rows. */
void test_membership_like_cpu(void **)
{
    enum { BATCH = 6 };
    for (int classes : {7, 300})
        for (int k : {1, 5, 12, 250})
            for (int order = 0; order < 3; ++order) {
                if (k >= classes) continue;
                row scores = mixed_scores(BATCH, classes, k), wanted(scores.size());
                scores[5 * classes + 3] = NOT_A_NUMBER;
                std::vector<char> cpu(smooth_topk_membership_workspace_size(classes, k)),
                    gpu(smooth_topk_membership_gpu_workspace_size(2, classes, k), (char)0xff);
                smooth_topk_membership_cpu(BATCH, classes, k, 1.5f, scores.data(), wanted.data(),
                                           cpu.data());
                emulation::launches = order;
                assert_int_equal(smooth_topk_membership_gpu(BATCH, classes, k, 1.5f, scores.data(),
                                                            scores.data(), gpu.data(), gpu.size(),
                                                            NULL),
                                 0);
                for (size_t i = 0; i < wanted.size(); ++i) {
                    assert_int_equal(isnan(wanted[i]), i >= (size_t)5 * classes);
                    if (!isnan(wanted[i]))
                        assert_near("membership", k, classes, scores[i], wanted[i], 2e-6);
                }
            }
}

void test_membership_refusals(void **)
{
    float scores[8] = {0}, output[8];
    std::vector<char> workspace(smooth_topk_membership_gpu_workspace_size(2, 4, 2));
    auto run = [&](int k, float temperature, const float *in, size_t size) {
        return smooth_topk_membership_gpu(2, 4, k, temperature, in, output, workspace.data(), size,
                                          NULL);
    };
    size_t size = workspace.size();
    assert_int_equal(smooth_topk_membership_gpu_workspace_size(2, 4, 4), 0);
    for (int k : {0, 4, -1}) assert_int_equal(run(k, 1, scores, size), SMOOTH_TOPK_ERROR_K);
    for (float temperature : {0.f, -1.f, NOT_A_NUMBER, -MINUS_INF})
        assert_int_equal(run(2, temperature, scores, size), SMOOTH_TOPK_ERROR_TAU);
    assert_int_equal(run(2, 1, NULL, size), SMOOTH_TOPK_ERROR_SIZE);
    assert_int_equal(run(2, 1, scores, 64), SMOOTH_TOPK_ERROR_MEMORY);
    emulation::calls_until_failure = 1;
    assert_int_equal(run(2, 1, scores, size), SMOOTH_TOPK_ERROR_CUDA);
    emulation::calls_until_failure = 0;
    emulation::last_error = cudaSuccess;
    assert_int_equal(run(2, 1, scores, size), 0);
}

/* Whichever CUDA call fails, the caller hears of it. */
void test_every_call_is_checked(void **)
{
    smooth_topk_params params = {3, 1, 1, SMOOTH_TOPK_PIVOT};
    float scores[20] = {0}, truth[20] = {0}, grad[20], output[20], loss[2];
    int labels[2] = {1, 2}, failures[2] = {0};
    smooth_topk_term term = {params, 1};
    smooth_topk_objective objective = {&term, 1, 1, 0, NULL, NULL};
    size_t size = smooth_topk_truth_gpu_workspace_size(&objective, 2, 10);
    std::vector<char> workspace(size);
    for (int layer = 0; layer < 2; ++layer)
        for (int call = 1;; ++call) {
            emulation::calls_until_failure = call;
            emulation::last_error = cudaSuccess;
            int error = layer ? smooth_topk_truth_gpu(&objective, 2, 10, scores, truth, 1, loss,
                                                      grad, output, workspace.data(), size, NULL)
                              : smooth_topk_gpu(&params, 2, 10, scores, labels, loss, grad, NULL);
            int reached = emulation::calls_until_failure == 0;
            emulation::calls_until_failure = 0;
            emulation::last_error = cudaSuccess;
            assert_int_equal(error, reached ? SMOOTH_TOPK_ERROR_CUDA : 0);
            if (!reached) break;
            ++failures[layer];
        }
    assert_int_equal(failures[0], 11);
    assert_int_equal(failures[1], 5);
}

/* An error that another's call left behind is not ours, and stays where it is; ours is left for the
   caller to take. */
void test_others_errors_are_not_ours(void **)
{
    smooth_topk_params params = {3, 1, 1, SMOOTH_TOPK_PIVOT};
    float scores[20] = {0}, truth[20] = {0}, grad[20], output[20], loss[2];
    int labels[2] = {1, 2};
    size_t size = smooth_topk_gpu_workspace_size(&params, 2, 10);
    std::vector<char> workspace(size);
    emulation::last_error = cudaErrorMemoryAllocation;
    for (int k = 3; k < 10; ++k) {
        params.k = k;
        smooth_topk_term term = {params, 1};
        smooth_topk_objective objective = {&term, 1, 1, 0, NULL, NULL};
        size = smooth_topk_truth_gpu_workspace_size(&objective, 2, 10);
        workspace.resize(size);
        assert_int_equal(smooth_topk_gpu(&params, 2, 10, scores, labels, loss, grad, NULL), 0);
        assert_int_equal(smooth_topk_truth_gpu(&objective, 2, 10, scores, truth, 1, loss, grad,
                                               output, workspace.data(), size, NULL),
                         0);
        assert_int_equal(smooth_topk_truth_gpu(&objective, 2, 10, scores, NULL, 1, NULL, NULL,
                                               output, workspace.data(), size, NULL),
                         0);
    }
    assert_int_equal(cudaGetLastError(), cudaErrorMemoryAllocation);
    emulation::calls_until_failure = 3;
    assert_int_equal(smooth_topk_gpu(&params, 2, 10, scores, labels, loss, grad, NULL),
                     SMOOTH_TOPK_ERROR_CUDA);
    emulation::calls_until_failure = 0;
    assert_int_equal(cudaGetLastError(), cudaErrorUnknown);
    assert_int_equal(smooth_topk_gpu(&params, 2, 10, scores, labels, loss, grad, NULL), 0);
}

void test_sizes(void **)
{
    smooth_topk_params params = {3, 1, 1, SMOOTH_TOPK_PIVOT};
    int label = 0;
    float scores[4] = {0}, loss, limit = 1 << 30;
    for (int size : {(1 << 30) + 1, INT_MAX}) {
        assert_int_equal(smooth_topk_gpu_workspace_size(&params, 1, size), 0);
        assert_int_equal(smooth_topk_gpu_workspace_size(&params, size, 4), 0);
        assert_int_equal(smooth_topk_gpu(&params, 1, size, scores, &label, &loss, NULL, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
        assert_int_equal(smooth_topk_gpu(&params, size, 4, scores, &label, &loss, NULL, NULL),
                         SMOOTH_TOPK_ERROR_SIZE);
    }
    params.k = 1 << 29; /* 4 k is no int */
    for (smooth_topk_algorithm algorithm : {SMOOTH_TOPK_PIVOT, SMOOTH_TOPK_LOG}) {
        params.algorithm = algorithm;
        assert_true(smooth_topk_gpu_workspace_size(&params, 1, (int)limit) > 8.0 * limit);
    }
}

/* The emulation itself: what it must notice in a kernel. */
void reader(int missing, int *result)
{
    DYNAMIC_SHARED(int, values);
    values[threadIdx.x] = (int)threadIdx.x;
    if (!missing) __syncthreads();
    result[threadIdx.x] = values[threadIdx.x ^ 33];
}

void test_the_emulation_notices_a_missing_barrier(void **)
{
    int result[64];
    for (int order = 0; order < 3; ++order)
        for (int missing = 0; missing < 2; ++missing) {
            int wrong = 0;
            emulation::launches = order;
            assert_int_equal(launch(reader, 1, 64, sizeof result, NULL, missing, result), 0);
            for (int t = 0; t < 64; ++t) wrong += result[t] != (t ^ 33);
            assert_int_equal(wrong > 0, missing);
        }
}
} // namespace

int main(void)
{
    const char *skip = getenv("SKIP_BARRIER");
    emulation::skipped_barrier = skip;
    const struct CMUnitTest tests[] = {
        /* the quick ones first */
        cmocka_unit_test(test_the_emulation_notices_a_missing_barrier),
        cmocka_unit_test(test_weight_zero),
        cmocka_unit_test(test_hardest_like_cpu),
        cmocka_unit_test(test_hinge_like_cpu),
        cmocka_unit_test(test_membership_like_cpu),
        cmocka_unit_test(test_launches_like_cpu),
        cmocka_unit_test(test_bands_like_cpu),
        cmocka_unit_test(test_equal_weights_like_cpu),
        cmocka_unit_test(test_truth),
        cmocka_unit_test(test_like_cpu),
        cmocka_unit_test(test_same_to_the_bit),
        cmocka_unit_test(test_ordinary_samples_are_fast),
        cmocka_unit_test(test_bad_labels),
        cmocka_unit_test(test_membership_refusals),
        cmocka_unit_test(test_every_call_is_checked),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_others_errors_are_not_ours),
    };
    if (!skip) return cmocka_run_group_tests(tests, NULL, NULL);
    for (const struct CMUnitTest &test : tests) { /* one failure is enough */
        const struct CMUnitTest alone[] = {test};
        if (cmocka_run_group_tests(alone, NULL, NULL)) return 1;
    }
    return 0;
}
