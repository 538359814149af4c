/* Algorithm log (section 4 of the paper): divide and conquer on the factors (1 + e_i x), truncated
   at degree k, every coefficient kept as its logarithm; then the adjoint sweep down the same tree.

   The factors are those of the scores relative to the k-th largest, and a class above it
   contributes (1/e_i + x): what drops out is common to sigma_k and sigma_{k-1}. So no logarithm
   that matters is larger than log C(n, k), and a gap of any size between two scores costs no
   precision. */
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"
#include "smooth_topk_log.h"

/* product = a * b, coefficients 0 .. degree. */
static void multiply(const double *a, int a_degree, const double *b, int b_degree, tree product,
                     int degree)
{
    for (int j = 0; j <= degree; ++j)
        product.log_value[j] = smooth_topk_log_coefficient(a, a_degree, b, b_degree, j,
                                                           &product.shift[j], &product.scale[j]);
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
            double weight =
                smooth_topk_log_weight(a.log_value[i], b.log_value[j - i], product.shift[j]);
            a.adjoint_k[i] += weight * adjoint_k;
            a.adjoint_k1[i] += weight * adjoint_k1;
            b.adjoint_k[j - i] += weight * adjoint_k;
            b.adjoint_k1[j - i] += weight * adjoint_k1;
        }
    }
}

/* A node and its children a and b; only_child: the level below ends with a, there is no b. */
typedef struct {
    tree node, a, b;
    int degree, a_degree, b_degree, only_child;
} product_node;

static product_node node_with_children(const tree_shape *shape, const tree *nodes,
                                       const size_t *offset, int level, int t)
{
    size_t child_stride = node_stride(shape, level - 1);
    product_node at;
    at.node = tree_at(nodes, offset[level] + t * node_stride(shape, level));
    at.a = tree_at(nodes, offset[level - 1] + 2 * t * child_stride);
    at.b = tree_at(&at.a, child_stride);
    at.only_child = 2 * t + 1 >= level_size(shape, level - 1);
    at.degree = node_degree(shape, level, t);
    at.a_degree = node_degree(shape, level - 1, 2 * t);
    at.b_degree = at.only_child ? 0 : node_degree(shape, level - 1, 2 * t + 1);
    return at;
}

/* From the leaves to the root. Returns where the root begins. */
static size_t tree_forward(const tree_shape *shape, tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    int levels = tree_levels(shape);
    level_offsets(shape, offset);
    for (int level = 1; level <= levels; ++level) {
        for (int t = 0; t < level_size(shape, level); ++t) {
            product_node at = node_with_children(shape, nodes, offset, level, t);
            if (at.only_child)
                memcpy(at.node.log_value, at.a.log_value, (at.degree + 1) * sizeof(double));
            else
                multiply(at.a.log_value, at.a_degree, at.b.log_value, at.b_degree, at.node,
                         at.degree);
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
        for (int t = 0; t < level_size(shape, level); ++t) {
            product_node at = node_with_children(shape, nodes, offset, level, t);
            if (at.only_child) {
                memcpy(at.a.adjoint_k, at.node.adjoint_k, (at.degree + 1) * sizeof(double));
                memcpy(at.a.adjoint_k1, at.node.adjoint_k1, (at.degree + 1) * sizeof(double));
            } else {
                multiply_adjoint(at.a, at.a_degree, at.b, at.b_degree, at.node, at.degree);
            }
        }
    }
}

/* The classes go in blocks of about k. A block's own tree is built in scratch, again on the way
   down, so that what is kept is the blocks' products and the tree above them: O(classes) numbers.
 */
#define LEAST_BLOCK 16

typedef struct {
    int *index; /* the classes that can be chosen */
    double *z;  /* their scores relative to the pivot */
    tree block, upper;
} log_scratch;

static log_scratch take_log_scratch(char **scratch, int classes, int k)
{
    int others = classes - 1;
    tree_shape block = block_shape(min_int(others, block_size(k, LEAST_BLOCK)), k),
               upper = upper_shape(others, k, block_size(k, LEAST_BLOCK));
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
        nodes->log_value[2 * i] = smooth_topk_log_constant(z[i]);
        nodes->log_value[2 * i + 1] = smooth_topk_log_linear(z[i]);
    }
    return tree_forward(shape, nodes);
}

/* log(sigma_k / sigma_{k-1}) of the scores relative to the pivot; if m is not NULL, also
   m[i] = m_i(k) - m_i(k-1) for each of the `count` classes of z. count >= k. */
static double log_ratio_of_log(const log_scratch *scratch, int count, int k, double *m)
{
    int size = block_size(k, LEAST_BLOCK);
    tree_shape shape = upper_shape(count, k, size);
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

size_t smooth_topk_log_scratch(int classes, int k)
{
    char *end = NULL;
    take_log_scratch(&end, classes, k);
    return (uintptr_t)end;
}

void smooth_topk_by_log(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch)
{
    int k = sample->params->k, label = sample->label, count = 0;
    float tau = sample->params->tau;
    log_scratch numbers = take_log_scratch(&scratch, sample->classes, k);
    for (int i = 0; i < sample->classes; ++i) {
        if (i == label || smooth_topk_is_minus_inf(bits_of(sample->scores[i]))) continue;
        numbers.index[count] = i;
        numbers.z[count++] = smooth_topk_z(sample->scores[i], sample->pivot, k, tau);
    }
    double log_ratio = log_ratio_of_log(&numbers, count, k, grad ? numbers.z : NULL);
    double q = smooth_topk_q(log_ratio, sample->scores[label], sample->pivot, k, tau,
                             sample->params->alpha);
    *loss = (float)(tau * smooth_topk_softplus(q));
    if (!grad) return;
    double size = smooth_topk_sigmoid(q) / k;
    memset(grad, 0, sample->classes * sizeof(float));
    for (int i = 0; i < count; ++i) grad[numbers.index[i]] = (float)(size * numbers.z[i]);
    grad[label] = (float)-size;
}
