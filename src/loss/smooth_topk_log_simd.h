/* The trees of smooth_topk_log.c, a lane a tree, once for each instruction set. */
#include "double_functions.h"
#include "smooth_topk_names_simd.h"

#define multiply_polynomials SIMD_NAME(multiply_polynomials)
#define multiply_adjoint SIMD_NAME(multiply_adjoint)
#define multiply_upwards SIMD_NAME(multiply_upwards)
#define differentiate_downwards SIMD_NAME(differentiate_downwards)
#define multiply_block SIMD_NAME(multiply_block)
#define rotated_factor SIMD_NAME(rotated_factor)
#define differentiate_lanes SIMD_NAME(differentiate_lanes)
#define write_block_gradient SIMD_NAME(write_block_gradient)
#define compute_log_ratio SIMD_NAME(compute_log_ratio)

#define AT(j) ((size_t)(j)*HALF) /* where coefficient j of all trees is */

/* log_value of product = a * b: every coefficient relative to its largest term. */
LOOP void multiply_polynomials(const polynomial *a, const polynomial *b, const polynomial *product)
{
    const double *a_values = a->coefficients.log_value, *b_values = b->coefficients.log_value;
    for (int j = 0; j <= product->degree; ++j) {
        int first = j > b->degree ? j - b->degree : 0, last = min_int(j, a->degree);
        doubles most = load_doubles(a_values + AT(first)) + load_doubles(b_values + AT(j - first)),
                sum = {0};
        for (int i = first + 1; i <= last; ++i) {
            doubles term = load_doubles(a_values + AT(i)) + load_doubles(b_values + AT(j - i));
            most = LARGER_DOUBLES(most, term);
        }
        for (int i = first; first < last && i <= last; ++i)
            sum += power_of_2(load_doubles(a_values + AT(i)) + load_doubles(b_values + AT(j - i)) -
                              most);
        if (first < last) most += log_2(sum);
        store_doubles(product->coefficients.log_value + AT(j), most);
    }
}

/* The adjoints of a and b from those of their product, of which coefficients below `lowest` have
   none: a term's share of its coefficient is 2^(term - log_value). */
LOOP void multiply_adjoint(const polynomial *a, const polynomial *b, const polynomial *product,
                           int lowest)
{
    memset(b->coefficients.adjoint_k, 0, AT(b->degree + 1) * sizeof(double));
    memset(b->coefficients.adjoint_k1, 0, AT(b->degree + 1) * sizeof(double));
    for (int i = 0; i <= a->degree; ++i) {
        int first = i < lowest ? lowest : i, last = min_int(product->degree, i + b->degree);
        doubles mine = load_doubles(a->coefficients.log_value + AT(i)), sum_k = {0}, sum_k1 = {0};
        for (int j = first; j <= last; ++j) {
            double *b_k = b->coefficients.adjoint_k + AT(j - i),
                   *b_k1 = b->coefficients.adjoint_k1 + AT(j - i);
            doubles share = power_of_2(mine + load_doubles(b->coefficients.log_value + AT(j - i)) -
                                       load_doubles(product->coefficients.log_value + AT(j)));
            doubles part_k = share * load_doubles(product->coefficients.adjoint_k + AT(j));
            doubles part_k1 = share * load_doubles(product->coefficients.adjoint_k1 + AT(j));
            sum_k += part_k;
            sum_k1 += part_k1;
            store_doubles(b_k, load_doubles(b_k) + part_k);
            store_doubles(b_k1, load_doubles(b_k1) + part_k1);
        }
        store_doubles(a->coefficients.adjoint_k + AT(i), sum_k);
        store_doubles(a->coefficients.adjoint_k1 + AT(i), sum_k1);
    }
}

/* From the leaves to the root, which is returned. */
LOOP polynomial multiply_upwards(const tree_shape *shape, const tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    int levels = tree_levels(shape);
    level_offsets(shape, offset);
    for (int level = 1; level <= levels; ++level) {
        for (int t = 0; t < level_size(shape, level); ++t) {
            polynomial node = node_of_level(shape, nodes, HALF, offset[level], level, t);
            polynomial a = node_of_level(shape, nodes, HALF, offset[level - 1], level - 1, 2 * t);
            if (2 * t + 1 >= level_size(shape, level - 1)) {
                memcpy(node.coefficients.log_value, a.coefficients.log_value,
                       AT(a.degree + 1) * sizeof(double));
                continue;
            }
            polynomial b =
                node_of_level(shape, nodes, HALF, offset[level - 1], level - 1, 2 * t + 1);
            multiply_polynomials(&a, &b, &node);
        }
    }
    return node_of_level(shape, nodes, HALF, offset[levels], levels, 0);
}

/* From the root, whose adjoints are given, to the leaves. */
LOOP void differentiate_downwards(const tree_shape *shape, const tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    level_offsets(shape, offset);
    for (int level = tree_levels(shape); level >= 1; --level) {
        for (int t = 0; t < level_size(shape, level); ++t) {
            polynomial node = node_of_level(shape, nodes, HALF, offset[level], level, t);
            polynomial a = node_of_level(shape, nodes, HALF, offset[level - 1], level - 1, 2 * t);
            if (2 * t + 1 >= level_size(shape, level - 1)) {
                copy_adjoints(&a, &node, HALF);
                continue;
            }
            polynomial b =
                node_of_level(shape, nodes, HALF, offset[level - 1], level - 1, 2 * t + 1);
            multiply_adjoint(&a, &b, &node, 0);
        }
    }
}

/* The block that begins with row `begin`, multiplied. */
LOOP polynomial multiply_block(const log_trees *trees, const tree_shape *shape, int begin)
{
    for (int i = 0; i < shape->leaves; ++i) {
        doubles z = load_doubles(trees->z + AT(begin + i)), none = {0};
        doubles constant = -LARGER_DOUBLES(z, none);
        store_doubles(trees->block.log_value + AT(2 * i), constant);
        store_doubles(trees->block.log_value + AT(2 * i + 1), z + constant);
    }
    return multiply_upwards(shape, &trees->block);
}

/* The factor of `step` with its lanes rotated. Its log_value and adjoints come first of all. */
INLINE polynomial rotated_factor(const log_trees *trees, const polynomial *factor, int step)
{
    polynomial other = {trees->merged, factor->degree};
    for (int j = 0; j <= factor->degree; ++j) {
        doubles x = load_doubles(factor->coefficients.log_value + AT(j));
        store_doubles(other.coefficients.log_value + AT(j), rotate(x, HALF >> (step + 1)));
    }
    return other;
}

/* From the trees' root to the product of all lanes, which is returned. */
INLINE polynomial multiply_lanes(const log_trees *trees, const polynomial *root, int k)
{
    polynomial all = *root;
    for (int step = 0; 1 << step < HALF; ++step) {
        polynomial other = rotated_factor(trees, &all, step);
        polynomial product = lane_factor(trees, HALF, root, step + 1, k);
        multiply_polynomials(&all, &other, &product);
        all = product;
    }
    return all;
}

/* The way back, from the adjoints of log sigma_k and log sigma_{k-1} themselves: 1 at coefficient k
   and at k - 1. */
INLINE void differentiate_lanes(const log_trees *trees, const polynomial *root, polynomial all,
                                int k)
{
    int steps = 0;
    while (1 << steps < HALF) ++steps;
    for (int j = 0; j <= k; ++j) {
        store_doubles(all.coefficients.adjoint_k + AT(j), DOUBLES((double)(j == k)));
        store_doubles(all.coefficients.adjoint_k1 + AT(j), DOUBLES((double)(j == k - 1)));
    }
    for (int lowest = k - 1; steps > 0; lowest = 0) {
        polynomial factor = lane_factor(trees, HALF, root, --steps, k);
        polynomial other = rotated_factor(trees, &factor, steps);
        multiply_adjoint(&factor, &other, &all, lowest);
        all = factor;
    }
}

/* m of the classes of a block, from the adjoints of its leaves. */
INLINE void write_block_gradient(const log_trees *trees, int leaves, double *m)
{
    for (int i = 0; i < leaves; ++i) {
        size_t linear = AT(2 * i + 1);
        doubles difference = load_doubles(trees->block.adjoint_k + linear) -
                             load_doubles(trees->block.adjoint_k1 + linear);
        store_doubles(m + AT(i), LARGER_DOUBLES(difference, (doubles){0}));
    }
}

LOOP double compute_log_ratio(const log_trees *trees, int rows, int k, double *m)
{
    int size = block_rows(rows, k);
    tree_shape shape = upper_shape(rows, k, size);
    for (int b = 0; b < shape.leaves; ++b) {
        tree_shape block = block_shape(min_int(size, rows - b * size), k);
        polynomial product = multiply_block(trees, &block, b * size);
        polynomial leaf = node_of_level(&shape, &trees->upper, HALF, 0, 0, b);
        memcpy(leaf.coefficients.log_value, product.coefficients.log_value,
               AT(leaf.degree + 1) * sizeof(double));
    }
    polynomial root = multiply_upwards(&shape, &trees->upper);
    polynomial all = multiply_lanes(trees, &root, k);
    const double *log_value = all.coefficients.log_value;
    double log_ratio = log_value[AT(k)] - log_value[AT(k - 1)];
    if (!m) return log_ratio;

    differentiate_lanes(trees, &root, all, k);
    differentiate_downwards(&shape, &trees->upper);
    for (int b = 0; b < shape.leaves; ++b) {
        tree_shape block = block_shape(min_int(size, rows - b * size), k);
        polynomial leaf = node_of_level(&shape, &trees->upper, HALF, 0, 0, b);
        polynomial product = multiply_block(trees, &block, b * size);
        copy_adjoints(&product, &leaf, HALF);
        differentiate_downwards(&block, &trees->block);
        write_block_gradient(trees, block.leaves, m + AT(b * size));
    }
    return log_ratio;
}

LOOPS(log_loops) = {HALF, compute_log_ratio};

#undef AT
