/* The tree of algorithm log, for the CPU and the GPU: its shape, where its numbers are, its leaves.
 */
#ifndef SMOOTH_TOPK_TREE_SHAPE_H
#define SMOOTH_TOPK_TREE_SHAPE_H

#include "smooth_topk_scratch.h"

#include <math.h>

/* A binary tree of products. Level 0 has `leaves` polynomials of degree leaf_degree, the last one
   of last_degree; node t of level l is the product of nodes 2t and 2t+1 of the level below,
   truncated at degree k, or node 2t alone where 2t is the last. */
typedef struct {
    int leaves, leaf_degree, last_degree, k;
} tree_shape;

/* log_value: the logarithms of a node's coefficients side by side, a level's nodes too, and a level
   begins where the one below ends. adjoint_k, adjoint_k1: the derivatives of
   log sigma_k and log sigma_{k-1} with respect to log_value, of two levels at a time: the even and
   the odd ones take turns. */
typedef struct {
    double *log_value, *adjoint_k, *adjoint_k1;
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

SMOOTH_TOPK_FUNCTION size_t level_coefficients(const tree_shape *shape, int level)
{
    return level_size(shape, level) * node_stride(shape, level);
}

/* Where a level's log_value begins. */
SMOOTH_TOPK_FUNCTION void level_offsets(const tree_shape *shape, size_t offset[MAX_LEVELS + 1])
{
    int levels = tree_levels(shape);
    offset[0] = 0;
    for (int level = 0; level <= levels; ++level)
        offset[level + 1] = offset[level] + level_coefficients(shape, level);
}

/* Of all levels together. */
SMOOTH_TOPK_FUNCTION size_t all_coefficients(const tree_shape *shape)
{
    int levels = tree_levels(shape);
    size_t sum = 0;
    for (int level = 0; level <= levels; ++level) sum += level_coefficients(shape, level);
    return sum;
}

SMOOTH_TOPK_FUNCTION size_t largest_level(const tree_shape *shape)
{
    int levels = tree_levels(shape);
    size_t most = 0;
    for (int level = 0; level <= levels; ++level)
        if (level_coefficients(shape, level) > most) most = level_coefficients(shape, level);
    return most;
}

/* Where a level's adjoints begin. */
SMOOTH_TOPK_FUNCTION size_t adjoint_offset(const tree_shape *shape, int level)
{
    return level % 2 * largest_level(shape);
}

/* Room for `lanes` trees of the shape, a coefficient of all of them side by side. */
SMOOTH_TOPK_FUNCTION tree take_tree(char **scratch, const tree_shape *shape, int lanes)
{
    size_t coefficient_bytes = lanes * sizeof(double);
    size_t adjoint_bytes = 2 * largest_level(shape) * coefficient_bytes;
    tree nodes;
    nodes.log_value = (double *)take(scratch, all_coefficients(shape) * coefficient_bytes);
    nodes.adjoint_k = (double *)take(scratch, adjoint_bytes);
    nodes.adjoint_k1 = (double *)take(scratch, adjoint_bytes);
    return nodes;
}

/* Leaves go in blocks of about k, at least `least` (a power of two). */
SMOOTH_TOPK_FUNCTION int block_size(int k, int least)
{
    int size = least;
    while (size < k && size < (1 << 30)) size *= 2;
    return size;
}

SMOOTH_TOPK_FUNCTION tree_shape block_shape(int leaves_of_block, int k)
{
    tree_shape shape = {leaves_of_block, 1, 1, k};
    return shape;
}

/* The tree above the blocks. */
SMOOTH_TOPK_FUNCTION tree_shape upper_shape(int leaves, int k, int size)
{
    int blocks = (int)(((long)leaves + size - 1) / size);
    int last = leaves - (blocks - 1) * size;
    tree_shape shape = {blocks, k < size ? k : size, k < last ? k : last, k};
    return shape;
}

/* The logarithm of what cannot be chosen: finite, so that no two of them make a NaN, and far below
   any score. */
#define LOG_OF_NOTHING -1e290

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

#endif
