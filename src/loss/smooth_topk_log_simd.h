/* The trees of smooth_topk_log.c, a lane a tree, once for each instruction set. */
#include "smooth_topk_double_simd.h"

#define AT(j) ((size_t)(j)*HALF) /* where coefficient j of all trees is */

/* log_value of product = a * b: every coefficient relative to its largest term. */
SIMD_TARGET static void SIMD_NAME(multiply)(const polynomial *a, const polynomial *b,
                                            const polynomial *product)
{
    const double *of_a = a->at.log_value, *of_b = b->at.log_value;
    for (int j = 0; j <= product->degree; ++j) {
        int first = j > b->degree ? j - b->degree : 0, last = min_int(j, a->degree);
        doubles most = SIMD_NAME(load_doubles)(of_a + AT(first)) +
                       SIMD_NAME(load_doubles)(of_b + AT(j - first)),
                sum = {0};
        for (int i = first + 1; i <= last; ++i)
            most = SIMD_NAME(larger)(most, SIMD_NAME(load_doubles)(of_a + AT(i)) +
                                               SIMD_NAME(load_doubles)(of_b + AT(j - i)));
        for (int i = first; first < last && i <= last; ++i)
            sum += SIMD_NAME(power_of_2)(SIMD_NAME(load_doubles)(of_a + AT(i)) +
                                         SIMD_NAME(load_doubles)(of_b + AT(j - i)) - most);
        if (first < last) most += SIMD_NAME(log_2)(sum);
        SIMD_NAME(store_doubles)(product->at.log_value + AT(j), most);
    }
}

/* The adjoints of a and b from those of their product, of which coefficients below `lowest` have
   none: a term's share of its coefficient is 2^(term - log_value). */
SIMD_TARGET static void SIMD_NAME(multiply_adjoint)(const polynomial *a, const polynomial *b,
                                                    const polynomial *product, int lowest)
{
    memset(b->at.adjoint_k, 0, AT(b->degree + 1) * sizeof(double));
    memset(b->at.adjoint_k1, 0, AT(b->degree + 1) * sizeof(double));
    for (int i = 0; i <= a->degree; ++i) {
        int first = i < lowest ? lowest : i, last = min_int(product->degree, i + b->degree);
        doubles mine = SIMD_NAME(load_doubles)(a->at.log_value + AT(i)), of_k = {0}, of_k1 = {0};
        for (int j = first; j <= last; ++j) {
            double *b_k = b->at.adjoint_k + AT(j - i), *b_k1 = b->at.adjoint_k1 + AT(j - i);
            doubles share =
                SIMD_NAME(power_of_2)(mine + SIMD_NAME(load_doubles)(b->at.log_value + AT(j - i)) -
                                      SIMD_NAME(load_doubles)(product->at.log_value + AT(j)));
            doubles part_k = share * SIMD_NAME(load_doubles)(product->at.adjoint_k + AT(j));
            doubles part_k1 = share * SIMD_NAME(load_doubles)(product->at.adjoint_k1 + AT(j));
            of_k += part_k;
            of_k1 += part_k1;
            SIMD_NAME(store_doubles)(b_k, SIMD_NAME(load_doubles)(b_k) + part_k);
            SIMD_NAME(store_doubles)(b_k1, SIMD_NAME(load_doubles)(b_k1) + part_k1);
        }
        SIMD_NAME(store_doubles)(a->at.adjoint_k + AT(i), of_k);
        SIMD_NAME(store_doubles)(a->at.adjoint_k1 + AT(i), of_k1);
    }
}

/* Node t of a level; `begin`: where the level's coefficients are. */
INLINE polynomial SIMD_NAME(node)(const tree_shape *shape, const tree *nodes, size_t begin,
                                  int level, int t)
{
    size_t within = t * node_stride(shape, level);
    size_t adjoint = AT(adjoint_offset(shape, level) + within);
    polynomial node = {{nodes->log_value + AT(begin + within), nodes->adjoint_k + adjoint,
                        nodes->adjoint_k1 + adjoint},
                       node_degree(shape, level, t)};
    return node;
}

/* From the leaves to the root, which is returned. */
SIMD_TARGET static polynomial SIMD_NAME(forward)(const tree_shape *shape, const tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    int levels = tree_levels(shape);
    level_offsets(shape, offset);
    for (int level = 1; level <= levels; ++level) {
        for (int t = 0; t < level_size(shape, level); ++t) {
            polynomial node = SIMD_NAME(node)(shape, nodes, offset[level], level, t);
            polynomial a = SIMD_NAME(node)(shape, nodes, offset[level - 1], level - 1, 2 * t);
            if (2 * t + 1 >= level_size(shape, level - 1)) {
                memcpy(node.at.log_value, a.at.log_value, AT(a.degree + 1) * sizeof(double));
                continue;
            }
            polynomial b = SIMD_NAME(node)(shape, nodes, offset[level - 1], level - 1, 2 * t + 1);
            SIMD_NAME(multiply)(&a, &b, &node);
        }
    }
    return SIMD_NAME(node)(shape, nodes, offset[levels], levels, 0);
}

INLINE void SIMD_NAME(copy_adjoints)(const polynomial *to, const polynomial *from)
{
    size_t bytes = AT(to->degree + 1) * sizeof(double);
    memcpy(to->at.adjoint_k, from->at.adjoint_k, bytes);
    memcpy(to->at.adjoint_k1, from->at.adjoint_k1, bytes);
}

/* From the root, whose adjoints are given, to the leaves. */
SIMD_TARGET static void SIMD_NAME(backward)(const tree_shape *shape, const tree *nodes)
{
    size_t offset[MAX_LEVELS + 1];
    level_offsets(shape, offset);
    for (int level = tree_levels(shape); level >= 1; --level) {
        for (int t = 0; t < level_size(shape, level); ++t) {
            polynomial node = SIMD_NAME(node)(shape, nodes, offset[level], level, t);
            polynomial a = SIMD_NAME(node)(shape, nodes, offset[level - 1], level - 1, 2 * t);
            if (2 * t + 1 >= level_size(shape, level - 1)) {
                SIMD_NAME(copy_adjoints)(&a, &node);
                continue;
            }
            polynomial b = SIMD_NAME(node)(shape, nodes, offset[level - 1], level - 1, 2 * t + 1);
            SIMD_NAME(multiply_adjoint)(&a, &b, &node, 0);
        }
    }
}

/* The block that begins with row `begin`, multiplied. */
SIMD_TARGET static polynomial SIMD_NAME(block)(const log_trees *trees, const tree_shape *shape,
                                               int begin)
{
    for (int i = 0; i < shape->leaves; ++i) {
        doubles z = SIMD_NAME(load_doubles)(trees->z + AT(begin + i)), none = {0};
        doubles constant = -SIMD_NAME(larger)(z, none);
        SIMD_NAME(store_doubles)(trees->block.log_value + AT(2 * i), constant);
        SIMD_NAME(store_doubles)(trees->block.log_value + AT(2 * i + 1), z + constant);
    }
    return SIMD_NAME(forward)(shape, &trees->block);
}

/* Level `step` of the products over the lanes; level 0 is the root of the trees' own. A level is
   the one below times itself with its lanes rotated: in the end every lane has the whole product.
 */
INLINE polynomial SIMD_NAME(merged)(const log_trees *trees, const polynomial *root, int step, int k)
{
    if (step == 0) return *root;
    size_t of_one = AT(k + 1), adjoint = (step % 2 + 1) * of_one;
    long degree = (long)root->degree << step;
    polynomial product = {{trees->merged.log_value + step * of_one,
                           trees->merged.adjoint_k + adjoint, trees->merged.adjoint_k1 + adjoint},
                          degree < k ? (int)degree : k};
    return product;
}

/* The other factor of the level above `step`. Its log_value and adjoints come first of all. */
INLINE polynomial SIMD_NAME(rotated)(const log_trees *trees, const polynomial *factor, int step)
{
    polynomial other = {trees->merged, factor->degree};
    for (int j = 0; j <= factor->degree; ++j) {
        doubles x = SIMD_NAME(load_doubles)(factor->at.log_value + AT(j));
        SIMD_NAME(store_doubles)
        (other.at.log_value + AT(j), SIMD_NAME(rotate)(x, HALF >> (step + 1)));
    }
    return other;
}

SIMD_TARGET static double SIMD_NAME(log_ratio)(const log_trees *trees, int rows, int k, double *m)
{
    int size = block_rows(rows, k), steps = 0;
    tree_shape shape = upper_shape(rows, k, size);
    for (int b = 0; b < shape.leaves; ++b) {
        tree_shape of_block = block_shape(min_int(size, rows - b * size), k);
        polynomial product = SIMD_NAME(block)(trees, &of_block, b * size);
        polynomial leaf = SIMD_NAME(node)(&shape, &trees->upper, 0, 0, b);
        memcpy(leaf.at.log_value, product.at.log_value, AT(leaf.degree + 1) * sizeof(double));
    }
    polynomial root = SIMD_NAME(forward)(&shape, &trees->upper), all = root;
    for (; 1 << steps < HALF; ++steps) {
        polynomial other = SIMD_NAME(rotated)(trees, &all, steps);
        polynomial product = SIMD_NAME(merged)(trees, &root, steps + 1, k);
        SIMD_NAME(multiply)(&all, &other, &product);
        all = product;
    }
    double log_ratio = all.at.log_value[AT(k)] - all.at.log_value[AT(k - 1)];
    if (!m) return log_ratio;

    for (int j = 0; j <= k; ++j) {
        SIMD_NAME(store_doubles)(all.at.adjoint_k + AT(j), (double)(j == k) - (doubles){0});
        SIMD_NAME(store_doubles)(all.at.adjoint_k1 + AT(j), (double)(j == k - 1) - (doubles){0});
    }
    for (int lowest = k - 1; steps > 0; lowest = 0) {
        polynomial factor = SIMD_NAME(merged)(trees, &root, --steps, k);
        polynomial other = SIMD_NAME(rotated)(trees, &factor, steps);
        SIMD_NAME(multiply_adjoint)(&factor, &other, &all, lowest);
        all = factor;
    }
    SIMD_NAME(backward)(&shape, &trees->upper);
    for (int b = 0; b < shape.leaves; ++b) {
        tree_shape of_block = block_shape(min_int(size, rows - b * size), k);
        polynomial product = SIMD_NAME(block)(trees, &of_block, b * size);
        polynomial leaf = SIMD_NAME(node)(&shape, &trees->upper, 0, 0, b);
        SIMD_NAME(copy_adjoints)(&product, &leaf);
        SIMD_NAME(backward)(&of_block, &trees->block);
        for (int i = 0; i < of_block.leaves; ++i) {
            size_t linear = AT(2 * i + 1);
            doubles difference = SIMD_NAME(load_doubles)(trees->block.adjoint_k + linear) -
                                 SIMD_NAME(load_doubles)(trees->block.adjoint_k1 + linear);
            SIMD_NAME(store_doubles)
            (m + AT(b * size + i), SIMD_NAME(larger)(difference, (doubles){0}));
        }
    }
    return log_ratio;
}

static const log_loops SIMD_NAME(loops) = {HALF, SIMD_NAME(log_ratio)};

#undef AT
#undef longs
