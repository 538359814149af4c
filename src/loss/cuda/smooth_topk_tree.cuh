/* Algorithm log: the tree of products of smooth_topk_log.h, level by level, and its adjoint sweep;
   a block a sample, a thread a coefficient. */
#ifndef SMOOTH_TOPK_TREE_CUH
#define SMOOTH_TOPK_TREE_CUH

#include "smooth_topk_any_sample.cuh"
#include "smooth_topk_tree_shape.h"

/* -------------------------------------------------------------------------------------------------
   CUDA kernels
   -------------------------------------------------------------------------------------------------
 */

/* The logarithm of coefficient j of a * b, relative to its largest term. */
static __device__ double log_coefficient(const double *a, int a_degree, const double *b,
                                         int b_degree, int j)
{
    int first = j > b_degree ? j - b_degree : 0, last = min_int(j, a_degree);
    double most = a[first] + b[j - first], sum = 0;
    for (int i = first + 1; i <= last; ++i) {
        double term = a[i] + b[j - i];
        most = term > most ? term : most;
    }
    if (first == last) return most;
    for (int i = first; i <= last; ++i) sum += exp(a[i] + b[j - i] - most);
    return most + log(sum);
}

/* From the leaves to the root, a level after another. Returns where the root begins. With at most
   2^30 classes a level's coefficients fit into an unsigned; places of 64 bits would be divided by
   a function of 70 instructions. */
static __device__ size_t tree_forward(const tree_shape *shape, const tree *nodes)
{
    size_t offset = 0;
    int levels = tree_levels(shape);
    for (int level = 1; level <= levels; ++level) {
        unsigned stride = (unsigned)node_stride(shape, level);
        unsigned child_stride = (unsigned)node_stride(shape, level - 1);
        unsigned coefficients = level_size(shape, level) * stride;
        const double *children = nodes->log_value + offset;
        offset += level_coefficients(shape, level - 1);
        double *products = nodes->log_value + offset;
        for (unsigned place = threadIdx.x; place < coefficients; place += ANY_THREADS) {
            int parent = (int)(place / stride), j = (int)(place % stride);
            if (j > node_degree(shape, level, parent)) continue;
            const double *a = children + 2 * (size_t)parent * child_stride;
            products[place] =
                2 * parent + 1 < level_size(shape, level - 1)
                    ? log_coefficient(a, node_degree(shape, level - 1, 2 * parent),
                                      a + child_stride,
                                      node_degree(shape, level - 1, 2 * parent + 1), j)
                    : a[j];
        }
        __syncthreads();
    }
    return offset;
}

/* The adjoints of the children of a level: each coefficient gathers what the terms that it is in
   pass down, exp(term - log_value) of what the product's coefficient has. odd: where the adjoints
   of odd levels begin. */
static __device__ void level_adjoint(const tree_shape *shape, const tree *nodes, int level,
                                     size_t offset, size_t child_offset, size_t odd)
{
    unsigned stride = (unsigned)node_stride(shape, level);
    unsigned child_stride = (unsigned)node_stride(shape, level - 1);
    size_t begin = level % 2 ? odd : 0, child_begin = level % 2 ? 0 : odd;
    int children = level_size(shape, level - 1);
    unsigned coefficients = children * child_stride;
    for (unsigned place = threadIdx.x; place < coefficients; place += ANY_THREADS) {
        int child = (int)(place / child_stride), i = (int)(place % child_stride),
            sibling = child ^ 1;
        if (i > node_degree(shape, level - 1, child)) continue;
        size_t parent = child / 2 * (size_t)stride;
        const double *parent_k = nodes->adjoint_k + begin + parent,
                     *parent_k1 = nodes->adjoint_k1 + begin + parent,
                     *product = nodes->log_value + offset + parent;
        double sum_k = 0, sum_k1 = 0;
        if (sibling >= children) {
            sum_k = parent_k[i];
            sum_k1 = parent_k1[i];
        } else {
            double mine = nodes->log_value[child_offset + place];
            const double *other = nodes->log_value + child_offset + (size_t)sibling * child_stride;
            int last = min_int(node_degree(shape, level, child / 2),
                               i + node_degree(shape, level - 1, sibling));
#pragma unroll 1 /* two terms at a time do not fit into the registers */
            for (int j = i; j <= last; ++j) {
                double share = exp(mine + other[j - i] - product[j]);
                sum_k += share * parent_k[j];
                sum_k1 += share * parent_k1[j];
            }
        }
        nodes->adjoint_k[child_begin + place] = sum_k;
        nodes->adjoint_k1[child_begin + place] = sum_k1;
    }
}

/* From the root, where its coefficients begin and whose adjoints are given, to the leaves. */
static __device__ void tree_backward(const tree_shape *shape, const tree *nodes, size_t root)
{
    size_t offset = root, odd = adjoint_offset(shape, 1);
    for (int level = tree_levels(shape); level >= 1; --level) {
        size_t child_offset = offset - level_coefficients(shape, level - 1);
        level_adjoint(shape, nodes, level, offset, child_offset, odd);
        offset = child_offset;
        __syncthreads();
    }
}

/* The product of a block of classes. Returns where it begins. */
static __device__ size_t multiply_block(const labelled_sample *sample, const tree_shape *shape,
                                        int first)
{
    const tree *nodes = &sample->scratch->block;
    for (int leaf = threadIdx.x; leaf < shape->leaves; leaf += ANY_THREADS) {
        int i = first + leaf;
        double z = i == sample->label || smooth_topk_is_minus_inf(float_bits(sample->scores[i]))
                       ? LOG_OF_NOTHING
                       : smooth_topk_z(sample->scores[i], sample->pivot, shape->k,
                                       sample->batch->params.tau);
        nodes->log_value[2 * leaf] = smooth_topk_log_constant(z);
        nodes->log_value[2 * leaf + 1] = smooth_topk_log_linear(z);
    }
    __syncthreads();
    return tree_forward(shape, nodes);
}

static __device__ double by_log(const labelled_sample *sample)
{
    int classes = sample->batch->classes, k = sample->batch->params.k,
        size = block_size(k, ANY_THREADS);
    tree_shape shape = upper_shape(classes, k, size);
    tree block = sample->scratch->block, upper = sample->scratch->upper;
    size_t stride = node_stride(&shape, 0);
    for (int part = 0; part < shape.leaves; ++part) {
        tree_shape of_block = block_shape(min_int(size, classes - part * size), k);
        size_t root = multiply_block(sample, &of_block, part * size);
        for (int j = threadIdx.x; j <= node_degree(&shape, 0, part); j += ANY_THREADS)
            upper.log_value[part * stride + j] = block.log_value[root + j];
        __syncthreads();
    }
    size_t upper_root = tree_forward(&shape, &upper);
    const double *root = upper.log_value + upper_root;
    double of_label, loss = finish_any(sample, root[k] - root[k - 1], &of_label);
    if (!sample->grad) return loss;

    size_t of_root = adjoint_offset(&shape, tree_levels(&shape));
    for (int j = threadIdx.x; j <= k; j += ANY_THREADS) {
        upper.adjoint_k[of_root + j] = j == k;
        upper.adjoint_k1[of_root + j] = j == k - 1;
    }
    __syncthreads();
    tree_backward(&shape, &upper, upper_root);
    for (int part = 0; part < shape.leaves; ++part) {
        tree_shape of_block = block_shape(min_int(size, classes - part * size), k);
        size_t of_product = adjoint_offset(&of_block, tree_levels(&of_block));
        size_t block_root = multiply_block(sample, &of_block, part * size);
        for (int j = threadIdx.x; j <= node_degree(&shape, 0, part); j += ANY_THREADS) {
            block.adjoint_k[of_product + j] = upper.adjoint_k[part * stride + j];
            block.adjoint_k1[of_product + j] = upper.adjoint_k1[part * stride + j];
        }
        __syncthreads();
        tree_backward(&of_block, &block, block_root);
        for (int leaf = threadIdx.x; leaf < of_block.leaves; leaf += ANY_THREADS) {
            int i = part * size + leaf;
            /* Two probabilities that are rounded: their difference was seen at -4e-17. */
            double difference = block.adjoint_k[2 * leaf + 1] - block.adjoint_k1[2 * leaf + 1];
            write_gradient(sample, i,
                           i == sample->label ? -of_label
                           : difference > 0   ? of_label * difference
                                              : 0);
        }
    }
    return loss;
}

#endif
