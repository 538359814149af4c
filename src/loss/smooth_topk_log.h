/* The tree of algorithm log, for the CPU and the GPU: its shape, and a product of two of its nodes.
 */
#ifndef SMOOTH_TOPK_LOG_H
#define SMOOTH_TOPK_LOG_H

#include "smooth_topk_internal.h"

#include <math.h>

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

SMOOTH_TOPK_FUNCTION int level_size(const tree_shape *shape, int level)
{
    return (int)(((long)shape->leaves + (1L << level) - 1) >> level);
}

SMOOTH_TOPK_FUNCTION int tree_levels(const tree_shape *shape)
{
    int level = 0;
    while (level_size(shape, level) > 1) ++level;
    return level;
}

SMOOTH_TOPK_FUNCTION int node_degree(const tree_shape *shape, int level, int node)
{
    long first = (long)node << level, last = first + (1L << level);
    long degree = last < shape->leaves
                      ? (long)shape->leaf_degree << level
                      : (shape->leaves - 1 - first) * shape->leaf_degree + shape->last_degree;
    return degree < shape->k ? (int)degree : shape->k;
}

/* Coefficients that a full node of the level has. */
SMOOTH_TOPK_FUNCTION size_t node_stride(const tree_shape *shape, int level)
{
    long degree = (long)shape->leaf_degree << level;
    return (size_t)(degree < shape->k ? degree : shape->k) + 1;
}

SMOOTH_TOPK_FUNCTION void level_offsets(const tree_shape *shape, size_t offset[MAX_LEVELS + 1])
{
    int levels = tree_levels(shape);
    offset[0] = 0;
    for (int level = 0; level <= levels; ++level)
        offset[level + 1] = offset[level] + level_size(shape, level) * node_stride(shape, level);
}

SMOOTH_TOPK_FUNCTION size_t tree_coefficients(const tree_shape *shape)
{
    size_t offset[MAX_LEVELS + 1];
    level_offsets(shape, offset);
    return offset[tree_levels(shape) + 1];
}

SMOOTH_TOPK_FUNCTION tree take_tree(char **scratch, size_t coefficients)
{
    size_t bytes = coefficients * sizeof(double);
    tree nodes;
    nodes.log_value = (double *)take(scratch, bytes);
    nodes.shift = (double *)take(scratch, bytes);
    nodes.scale = (double *)take(scratch, bytes);
    nodes.adjoint_k = (double *)take(scratch, bytes);
    nodes.adjoint_k1 = (double *)take(scratch, bytes);
    return nodes;
}

SMOOTH_TOPK_FUNCTION tree tree_at(const tree *nodes, size_t offset)
{
    tree at = {nodes->log_value + offset, nodes->shift + offset, nodes->scale + offset,
               nodes->adjoint_k + offset, nodes->adjoint_k1 + offset};
    return at;
}

/* Classes go in blocks of about k, at least `least` (a power of two). */
SMOOTH_TOPK_FUNCTION int block_size(int k, int least)
{
    int size = least;
    while (size < k && size < (1 << 30)) size *= 2;
    return size;
}

SMOOTH_TOPK_FUNCTION tree_shape block_shape(int classes_of_block, int k)
{
    tree_shape shape = {classes_of_block, 1, 1, k};
    return shape;
}

/* The tree above the blocks. */
SMOOTH_TOPK_FUNCTION tree_shape upper_shape(int classes, int k, int size)
{
    int blocks = (int)(((long)classes + size - 1) / size);
    int last = classes - (blocks - 1) * size;
    tree_shape shape = {blocks, k < size ? k : size, k < last ? k : last, k};
    return shape;
}

/* A class's factor 1 + e x, z = log e, divided by the larger of its two coefficients: the
   logarithms of what they are then. */
SMOOTH_TOPK_FUNCTION double smooth_topk_log_constant(double z)
{
    return z > 0 ? -z : 0;
}

SMOOTH_TOPK_FUNCTION double smooth_topk_log_linear(double z)
{
    return z > 0 ? 0 : z;
}

/* The weight of a term of a product before its scale. */
SMOOTH_TOPK_FUNCTION double smooth_topk_log_weight(double a, double b, double shift)
{
    return exp(a + b - shift);
}

/* The logarithm of coefficient j of a * b, of logarithms. A term of it weighs
   smooth_topk_log_weight(..) * scale, and the weights sum to 1. */
SMOOTH_TOPK_FUNCTION double smooth_topk_log_coefficient(const double *a, int a_degree,
                                                        const double *b, int b_degree, int j,
                                                        double *shift, double *scale)
{
    int first = j > b_degree ? j - b_degree : 0, last = j < a_degree ? j : a_degree;
    double most = a[first] + b[j - first], sum = 0;
    for (int i = first + 1; i <= last; ++i) {
        double term = a[i] + b[j - i];
        most = term > most ? term : most;
    }
    for (int i = first; i <= last; ++i) sum += smooth_topk_log_weight(a[i], b[j - i], most);
    *shift = most;
    *scale = 1 / sum;
    return most + log(sum);
}

#endif
