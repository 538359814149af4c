/* The smooth top-k loss on the CPU: checks, the walk over a batch, and the two algorithms. */
#include "smooth_topk.h"
#include "smooth_topk_formulas.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static unsigned bits_of(float x)
{
    unsigned bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(unsigned bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#define BITS_NAN 0x7fc00000u
#define BITS_PLUS_INF 0x7f800000u

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* -------------------------------------------------------------------------------------------------
   Scratch: one slice a thread, cut in order by take().
   -------------------------------------------------------------------------------------------------
 */

#define ALIGNMENT 64

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void *take(char **scratch, size_t bytes)
{
    void *taken = *scratch;
    *scratch += aligned(bytes);
    return taken;
}

/* -------------------------------------------------------------------------------------------------
   Algorithm log (section 4 of the paper): divide and conquer on the factors (1 + e_i x), truncated
   at degree k, every coefficient kept as its logarithm; then the adjoint sweep down the same tree.

   The factors are those of the scores relative to the k-th largest, and a class above it
   contributes (1/e_i + x): what drops out is common to sigma_k and sigma_{k-1}. So no logarithm
   that matters is larger than log C(n, k), and a gap of any size between two scores costs no
   precision.
   -------------------------------------------------------------------------------------------------
 */

/* A binary tree of products. Level 0 has `leaves` polynomials of degree leaf_degree, the last one
   of last_degree; node t of level l is the product of nodes 2t and 2t+1 of the level below,
   truncated at degree k, or node 2t alone where 2t is the last. */
typedef struct {
    int leaves, leaf_degree, last_degree, k;
} tree_shape;

/* A node's coefficients are side by side, a level's nodes too, and a level begins where the one
   below ends: log_value their logarithms; for a product, the terms of coefficient j were weighed as
   exp(term - shift[j]) * scale[j], which sum to 1; adjoint: d log sigma_k and d log sigma_{k-1} by
   d log_value. */
typedef struct {
    double *log_value, *shift, *scale, *adjoint_k, *adjoint_k1;
} tree;

#define MAX_LEVELS 32

static int level_size(const tree_shape *shape, int level)
{
    return (int)(((long)shape->leaves + (1L << level) - 1) >> level);
}

static int tree_levels(const tree_shape *shape)
{
    int level = 0;
    while (level_size(shape, level) > 1) ++level;
    return level;
}

static int node_degree(const tree_shape *shape, int level, int node)
{
    long first = (long)node << level, last = first + (1L << level);
    long degree = last < shape->leaves
                      ? (long)shape->leaf_degree << level
                      : (shape->leaves - 1 - first) * shape->leaf_degree + shape->last_degree;
    return degree < shape->k ? (int)degree : shape->k;
}

/* Coefficients that a full node of the level has. */
static size_t node_stride(const tree_shape *shape, int level)
{
    long degree = (long)shape->leaf_degree << level;
    return (size_t)(degree < shape->k ? degree : shape->k) + 1;
}

static void level_offsets(const tree_shape *shape, size_t offset[MAX_LEVELS + 1])
{
    int levels = tree_levels(shape);
    offset[0] = 0;
    for (int level = 0; level <= levels; ++level)
        offset[level + 1] = offset[level] + level_size(shape, level) * node_stride(shape, level);
}

static size_t tree_coefficients(const tree_shape *shape)
{
    size_t offset[MAX_LEVELS + 1];
    level_offsets(shape, offset);
    return offset[tree_levels(shape) + 1];
}

static tree take_tree(char **scratch, size_t coefficients)
{
    size_t bytes = coefficients * sizeof(double);
    tree nodes;
    nodes.log_value = take(scratch, bytes);
    nodes.shift = take(scratch, bytes);
    nodes.scale = take(scratch, bytes);
    nodes.adjoint_k = take(scratch, bytes);
    nodes.adjoint_k1 = take(scratch, bytes);
    return nodes;
}

static tree tree_at(const tree *nodes, size_t offset)
{
    tree at = {nodes->log_value + offset, nodes->shift + offset, nodes->scale + offset,
               nodes->adjoint_k + offset, nodes->adjoint_k1 + offset};
    return at;
}

/* product = a * b, coefficients 0 .. degree. */
static void multiply(const double *a, int a_degree, const double *b, int b_degree, tree product,
                     int degree)
{
    for (int j = 0; j <= degree; ++j) {
        int first = j > b_degree ? j - b_degree : 0, last = min_int(j, a_degree);
        double shift = a[first] + b[j - first], sum = 0;
        for (int i = first + 1; i <= last; ++i) {
            double term = a[i] + b[j - i];
            shift = term > shift ? term : shift;
        }
        for (int i = first; i <= last; ++i) sum += exp(a[i] + b[j - i] - shift);
        product.log_value[j] = shift + log(sum);
        product.shift[j] = shift;
        product.scale[j] = 1 / sum;
    }
}

/* The adjoints of a and b from those of their product. */
static void multiply_adjoint(tree a, int a_degree, tree b, int b_degree, tree product, int degree)
{
    for (int i = 0; i <= a_degree; ++i) a.adjoint_k[i] = a.adjoint_k1[i] = 0;
    for (int i = 0; i <= b_degree; ++i) b.adjoint_k[i] = b.adjoint_k1[i] = 0;
    for (int j = 0; j <= degree; ++j) {
        double adjoint_k = product.adjoint_k[j] * product.scale[j];
        double adjoint_k1 = product.adjoint_k1[j] * product.scale[j];
        if (adjoint_k == 0 && adjoint_k1 == 0) continue;
        int first = j > b_degree ? j - b_degree : 0, last = min_int(j, a_degree);
        for (int i = first; i <= last; ++i) {
            double weight = exp(a.log_value[i] + b.log_value[j - i] - product.shift[j]);
            a.adjoint_k[i] += weight * adjoint_k;
            a.adjoint_k1[i] += weight * adjoint_k1;
            b.adjoint_k[j - i] += weight * adjoint_k;
            b.adjoint_k1[j - i] += weight * adjoint_k1;
        }
    }
}

/* From the leaves to the root. Returns where the root begins. */
static size_t tree_forward(const tree_shape *shape, tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    int levels = tree_levels(shape);
    level_offsets(shape, offset);
    for (int level = 1; level <= levels; ++level) {
        size_t stride = node_stride(shape, level), child_stride = node_stride(shape, level - 1);
        for (int t = 0; t < level_size(shape, level); ++t) {
            tree node = tree_at(nodes, offset[level] + t * stride);
            tree a = tree_at(nodes, offset[level - 1] + 2 * t * child_stride);
            tree b = tree_at(&a, child_stride);
            int a_degree = node_degree(shape, level - 1, 2 * t),
                degree = node_degree(shape, level, t);
            if (2 * t + 1 < level_size(shape, level - 1))
                multiply(a.log_value, a_degree, b.log_value,
                         node_degree(shape, level - 1, 2 * t + 1), node, degree);
            else
                memcpy(node.log_value, a.log_value, (degree + 1) * sizeof(double));
        }
    }
    return offset[levels];
}

/* From the root, whose adjoints are given, to the leaves. */
static void tree_backward(const tree_shape *shape, tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    level_offsets(shape, offset);
    for (int level = tree_levels(shape); level >= 1; --level) {
        size_t stride = node_stride(shape, level), child_stride = node_stride(shape, level - 1);
        for (int t = 0; t < level_size(shape, level); ++t) {
            tree node = tree_at(nodes, offset[level] + t * stride);
            tree a = tree_at(nodes, offset[level - 1] + 2 * t * child_stride);
            tree b = tree_at(&a, child_stride);
            int a_degree = node_degree(shape, level - 1, 2 * t),
                degree = node_degree(shape, level, t);
            if (2 * t + 1 < level_size(shape, level - 1)) {
                multiply_adjoint(a, a_degree, b, node_degree(shape, level - 1, 2 * t + 1), node,
                                 degree);
            } else {
                memcpy(a.adjoint_k, node.adjoint_k, (degree + 1) * sizeof(double));
                memcpy(a.adjoint_k1, node.adjoint_k1, (degree + 1) * sizeof(double));
            }
        }
    }
}

/* The classes go in blocks of about k. A block's own tree is built in scratch, again on the way
   down, so that what is kept is the blocks' products and the tree above them: O(classes) numbers.
 */
static int block_size(int k)
{
    int size = 16;
    while (size < k && size < (1 << 30)) size *= 2;
    return size;
}

static tree_shape block_shape(int classes_of_block, int k)
{
    tree_shape shape = {classes_of_block, 1, 1, k};
    return shape;
}

static tree_shape upper_shape(int classes, int k)
{
    int size = block_size(k), blocks = (int)(((long)classes + size - 1) / size);
    int last = classes - (blocks - 1) * size;
    tree_shape shape = {blocks, min_int(k, size), min_int(k, last), k};
    return shape;
}

typedef struct {
    int *index; /* the classes that can be chosen */
    double *z;  /* their scores relative to the pivot */
    tree block, upper;
} log_scratch;

static log_scratch take_log_scratch(char **scratch, int classes, int k)
{
    int others = classes - 1;
    tree_shape block = block_shape(min_int(others, block_size(k)), k),
               upper = upper_shape(others, k);
    log_scratch taken;
    taken.index = take(scratch, others * sizeof(int));
    taken.z = take(scratch, others * sizeof(double));
    taken.block = take_tree(scratch, tree_coefficients(&block));
    taken.upper = take_tree(scratch, tree_coefficients(&upper));
    return taken;
}

/* Fills the leaves with the factors of `count` classes and multiplies them. Returns where the root
 * is. */
static size_t multiply_block(const tree_shape *shape, tree *nodes, const double *z)
{
    for (int i = 0; i < shape->leaves; ++i) {
        nodes->log_value[2 * i] = smooth_topk_log_left_out(z[i]);
        nodes->log_value[2 * i + 1] = smooth_topk_log_chosen(z[i]);
    }
    return tree_forward(shape, nodes);
}

/* log(sigma_k / sigma_{k-1}) of the scores relative to the pivot; if m is not NULL, also
   m[i] = m_i(k) - m_i(k-1) for each of the `count` classes of z. count >= k. */
static double log_ratio_of_log(const log_scratch *scratch, int count, int k, double *m)
{
    int size = block_size(k);
    tree_shape shape = upper_shape(count, k);
    tree block = scratch->block, upper = scratch->upper;
    size_t stride = node_stride(&shape, 0);

    for (int b = 0; b < shape.leaves; ++b) {
        tree_shape of_block = block_shape(min_int(size, count - b * size), k);
        size_t root = multiply_block(&of_block, &block, scratch->z + (size_t)b * size);
        memcpy(upper.log_value + b * stride, block.log_value + root,
               (node_degree(&shape, 0, b) + 1) * sizeof(double));
    }
    tree root = tree_at(&upper, tree_forward(&shape, &upper));
    double log_ratio = root.log_value[k] - root.log_value[k - 1];
    if (!m) return log_ratio;

    for (int j = 0; j <= k; ++j) {
        root.adjoint_k[j] = j == k;
        root.adjoint_k1[j] = j == k - 1;
    }
    tree_backward(&shape, &upper);
    for (int b = 0; b < shape.leaves; ++b) {
        tree_shape of_block = block_shape(min_int(size, count - b * size), k);
        tree product =
            tree_at(&block, multiply_block(&of_block, &block, scratch->z + (size_t)b * size));
        size_t bytes = (node_degree(&shape, 0, b) + 1) * sizeof(double);
        memcpy(product.adjoint_k, upper.adjoint_k + b * stride, bytes);
        memcpy(product.adjoint_k1, upper.adjoint_k1 + b * stride, bytes);
        tree_backward(&of_block, &block);
        for (int i = 0; i < of_block.leaves; ++i) {
            double difference = block.adjoint_k[2 * i + 1] - block.adjoint_k1[2 * i + 1];
            m[(size_t)b * size + i] = difference > 0 ? difference : 0;
        }
    }
    return log_ratio;
}

/* -------------------------------------------------------------------------------------------------
   A sample
   -------------------------------------------------------------------------------------------------
 */

/* The k-th largest of the scores but the label's, by a heap of the k largest so far, the least on
   top. 1 <= k < classes; no NaN. */
static float kth_largest(const float *scores, int classes, int label, int k, float *heap,
                         int *kth_class)
{
    int held = 0;
    for (int i = 0; i < classes; ++i) {
        float score = scores[i];
        int hole;
        if (i == label || (held == k && score <= heap[0])) continue;
        if (held < k) {
            hole = held++;
            while (hole > 0 && heap[(hole - 1) / 2] > score) {
                heap[hole] = heap[(hole - 1) / 2];
                hole = (hole - 1) / 2;
            }
        } else {
            hole = 0;
            for (int child = 1; child < k; child = 2 * hole + 1) {
                if (child + 1 < k && heap[child + 1] < heap[child]) ++child;
                if (heap[child] >= score) break;
                heap[hole] = heap[child];
                hole = child;
            }
        }
        heap[hole] = score;
    }
    *kth_class = 0;
    while (*kth_class == label || scores[*kth_class] != heap[0]) ++*kth_class;
    return heap[0];
}

static void fill(float *row, int classes, float value)
{
    if (!row) return;
    for (int i = 0; i < classes; ++i) row[i] = value;
}

static void sample(const smooth_topk_params *params, int classes, const float *scores, int label,
                   float *loss, float *grad, char *scratch)
{
    int k = params->k, bad = 0, kth_class;
    if (label == -1) {
        *loss = 0;
        fill(grad, classes, 0);
        return;
    }
    for (int i = 0; i < classes; ++i) bad |= smooth_topk_is_nan_or_plus_inf(bits_of(scores[i]));
    if (bad) {
        *loss = float_of(BITS_NAN);
        fill(grad, classes, float_of(BITS_NAN));
        return;
    }
    if (smooth_topk_is_minus_inf(bits_of(scores[label]))) {
        *loss = float_of(BITS_PLUS_INF);
        fill(grad, classes, 0);
        return;
    }
    float pivot =
        kth_largest(scores, classes, label, k, take(&scratch, k * sizeof(float)), &kth_class);
    fill(grad, classes, 0);
    if (smooth_topk_is_minus_inf(bits_of(pivot))) {
        *loss = 0;
        return;
    }
    if (smooth_topk_is_hinge(params->tau)) {
        double hinge = smooth_topk_hinge(pivot, scores[label], k, params->alpha);
        *loss = hinge > 0 ? (float)hinge : 0;
        if (grad && hinge > 0) {
            grad[kth_class] = 1.f / k;
            grad[label] = -1.f / k;
        }
        return;
    }
    log_scratch numbers = take_log_scratch(&scratch, classes, k);
    int count = 0;
    for (int i = 0; i < classes; ++i) {
        if (i == label || smooth_topk_is_minus_inf(bits_of(scores[i]))) continue;
        numbers.index[count] = i;
        numbers.z[count++] = smooth_topk_z(scores[i], pivot, k, params->tau);
    }
    double log_ratio = log_ratio_of_log(&numbers, count, k, grad ? numbers.z : NULL);
    double q = smooth_topk_q(log_ratio, scores[label], pivot, k, params->tau, params->alpha);
    *loss = (float)(params->tau * smooth_topk_softplus(q));
    if (!grad) return;
    double size = smooth_topk_sigmoid(q) / k;
    for (int i = 0; i < count; ++i) grad[numbers.index[i]] = (float)(size * numbers.z[i]);
    grad[label] = (float)-size;
}

/* -------------------------------------------------------------------------------------------------
   The interface
   -------------------------------------------------------------------------------------------------
 */

int smooth_topk_check(const smooth_topk_params *params, int classes)
{
    if (!params || classes < 2) return SMOOTH_TOPK_ERROR_SIZE;
    if (params->k < 1 || params->k >= classes) return SMOOTH_TOPK_ERROR_K;
    if ((bits_of(params->tau) & 0x7f800000u) == 0x7f800000u || params->tau < 0)
        return SMOOTH_TOPK_ERROR_TAU;
    if ((bits_of(params->alpha) & 0x7f800000u) == 0x7f800000u || params->alpha < 0)
        return SMOOTH_TOPK_ERROR_ALPHA;
    if (params->algorithm != SMOOTH_TOPK_LOG)
        return SMOOTH_TOPK_ERROR_ALGORITHM;
    return SMOOTH_TOPK_OK;
}

static int thread_limit(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

static size_t thread_scratch(const smooth_topk_params *params, int classes)
{
    char *begin = NULL, *end = begin;
    take(&end, params->k * sizeof(float));
    take_log_scratch(&end, classes, params->k);
    return end - begin;
}

size_t smooth_topk_workspace_size(const smooth_topk_params *params, int threads, int classes)
{
    if (smooth_topk_check(params, classes) || threads < 0) return 0;
    return thread_scratch(params, classes) * (threads ? threads : thread_limit()) + ALIGNMENT;
}

int smooth_topk_cpu_workspace(const smooth_topk_params *params, int batch, int classes,
                              const float *scores, const int *labels, float *loss, float *grad,
                              void *workspace, size_t workspace_size)
{
    int error = smooth_topk_check(params, classes);
    if (error) return error;
    if (batch < 0 || (batch > 0 && (!scores || !labels || !loss))) return SMOOTH_TOPK_ERROR_SIZE;
    for (int b = 0; b < batch; ++b)
        if (labels[b] < -1 || labels[b] >= classes) return SMOOTH_TOPK_ERROR_LABEL;
    size_t slice = thread_scratch(params, classes);
    if (!workspace || workspace_size < slice + ALIGNMENT) return SMOOTH_TOPK_ERROR_MEMORY;

    char *begin = (char *)aligned((uintptr_t)workspace);
    size_t room = (workspace_size - ALIGNMENT) / slice;
    int threads = room < (size_t)thread_limit() ? (int)room : thread_limit();
#ifdef _OPENMP
#pragma omp parallel num_threads(min_int(threads, batch)) if (batch > 1 && threads > 1)
    {
        char *scratch = begin + slice * omp_get_thread_num();
#pragma omp for schedule(static)
#else
    (void)threads;
    {
        char *scratch = begin;
#endif
        for (int b = 0; b < batch; ++b) {
            size_t row = (size_t)b * classes;
            sample(params, classes, scores + row, labels[b], loss + b, grad ? grad + row : NULL,
                   scratch);
        }
    }
    return SMOOTH_TOPK_OK;
}

int smooth_topk_cpu(const smooth_topk_params *params, int batch, int classes, const float *scores,
                    const int *labels, float *loss, float *grad)
{
    size_t size = smooth_topk_workspace_size(params, batch < 2 ? 1 : 0, classes);
    void *workspace = size ? malloc(size) : NULL;
    int error = smooth_topk_cpu_workspace(params, batch, classes, scores, labels, loss, grad,
                                          workspace, size);
    free(workspace);
    return error;
}

const char *smooth_topk_strerror(int error)
{
    switch (error) {
    case SMOOTH_TOPK_OK:
        return "no error";
    case SMOOTH_TOPK_ERROR_K:
        return "k is out of range: a whole number, 1 <= k < number of classes";
    case SMOOTH_TOPK_ERROR_TAU:
        return "tau is out of range: a finite number, tau >= 0";
    case SMOOTH_TOPK_ERROR_ALPHA:
        return "alpha is out of range: a finite number, alpha >= 0";
    case SMOOTH_TOPK_ERROR_ALGORITHM:
        return "algorithm is not there: log (pivot is not built yet)";
    case SMOOTH_TOPK_ERROR_SIZE:
        return "sizes or pointers are out of range: batch >= 0, classes >= 2, params, scores, "
               "labels and loss not NULL";
    case SMOOTH_TOPK_ERROR_LABEL:
        return "a label is out of range: 0 <= label < number of classes, or -1 to ignore";
    case SMOOTH_TOPK_ERROR_MEMORY:
        return "not enough memory for the workspace";
    default:
        return "unknown error";
    }
}
