/* Algorithm log (section 4 of the paper): divide and conquer on the factors (1 + e_i x), truncated
   at degree k, every coefficient kept as its logarithm; then the adjoint sweep down the same tree.

   The factors are those of the scores relative to the k-th largest, and a class above it
   contributes (1/e_i + x): what drops out is common to sigma_k and sigma_{k-1}. So no logarithm
   that matters is larger than log C(n, k), and a gap of any size between two scores costs no
   precision.

   The classes are dealt out to the lanes of a vector, each of which multiplies its own in a tree;
   the lanes' products are multiplied in the end. Logarithms are to base 2. */
#include "smooth_topk_log.h"
#include "integers.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_tree_shape.h"

/* A lane's classes go in blocks. A block's own tree is built in scratch, again on the way down, so
   that what is kept is the blocks' products and the tree above them: O(classes) numbers if a block
   has k / 4 classes, and no more than O(classes log k) where k is so large that it has fewer. */
static int block_rows(int rows, int k)
{
    return min_int(rows, block_size(min_int(k / 4, 256), 8));
}

typedef struct {
    tree coefficients; /* their logarithms and adjoints */
    int degree;
} polynomial;

typedef struct {
    int *index; /* the classes that can be chosen */
    double *z;  /* their scores relative to the pivot, in rows of a class a lane */
    tree block, upper, merged;
} log_trees;

/* log2(sigma_k / sigma_{k-1}) of the scores relative to the pivot; if m is not NULL, also
   m[i] = m_i(k) - m_i(k-1) for each class of the rows. They have k classes at least; m may be z. */
typedef struct {
    int lanes;
    double (*log_ratio)(const log_trees *trees, int rows, int k, double *m);
} log_loops;

/* Node t of a level; `begin`: where the level's coefficients are. */
static polynomial node_of_level(const tree_shape *shape, const tree *nodes, int lanes, size_t begin,
                                int level, int t)
{
    size_t within = t * node_stride(shape, level);
    size_t adjoint = (adjoint_offset(shape, level) + within) * lanes;
    polynomial node = {{nodes->log_value + (begin + within) * lanes, nodes->adjoint_k + adjoint,
                        nodes->adjoint_k1 + adjoint},
                       node_degree(shape, level, t)};
    return node;
}

static void copy_adjoints(const polynomial *target, const polynomial *source, int lanes)
{
    size_t bytes = (size_t)(target->degree + 1) * lanes * sizeof(double);
    memcpy(target->coefficients.adjoint_k, source->coefficients.adjoint_k, bytes);
    memcpy(target->coefficients.adjoint_k1, source->coefficients.adjoint_k1, bytes);
}

/* The lanes' products are multiplied in steps. The factor of step 0 is the root of the trees' own;
   that of the next is this one times itself with its lanes rotated: in the end every lane has the
   whole product. */
static polynomial lane_factor(const log_trees *trees, int lanes, const polynomial *root, int step,
                              int k)
{
    if (step == 0) return *root;
    size_t size = (size_t)(k + 1) * lanes, adjoint = (step % 2 + 1) * size;
    long degree = (long)root->degree << step;
    polynomial product = {{trees->merged.log_value + step * size, trees->merged.adjoint_k + adjoint,
                           trees->merged.adjoint_k1 + adjoint},
                          degree < k ? (int)degree : k};
    return product;
}

#define LOOPS_FILE "smooth_topk_log_simd.h"
#include "each_instruction_set.h"

static int row_count(int count, int lanes)
{
    return (int)(((long)count + lanes - 1) / lanes);
}

static log_trees take_log_trees(char **scratch, int classes, int k, int lanes)
{
    int rows = row_count(classes - 1, lanes), size = block_rows(rows, k), levels = 0;
    tree_shape block = block_shape(size, k), upper = upper_shape(rows, k, size);
    while (1 << levels < lanes) ++levels;
    log_trees taken;
    size_t bytes = ((size_t)k + 1) * lanes * sizeof(double);
    taken.index = take(scratch, (classes - 1) * sizeof(int));
    taken.z = take(scratch, (size_t)rows * lanes * sizeof(double));
    taken.upper = take_tree(scratch, &upper, lanes);
    char *shared = *scratch; /* the lanes are merged between the blocks' ways up and down */
    taken.block = take_tree(scratch, &block, lanes);
    taken.merged.log_value = take(&shared, (levels + 1) * bytes);
    taken.merged.adjoint_k = take(&shared, 3 * bytes);
    taken.merged.adjoint_k1 = take(&shared, 3 * bytes);
    if ((uintptr_t)shared > (uintptr_t)*scratch) *scratch = shared;
    return taken;
}

size_t smooth_topk_log_scratch(instruction_set set, int classes, int k)
{
    char *end = NULL;
    take_log_trees(&end, classes, k, SIMD_CHOOSE(loops, set)->lanes);
    return (uintptr_t)end;
}

void smooth_topk_by_log(const smooth_topk_sample *sample, float *loss, float *grad, char *scratch)
{
    const log_loops *loops = SIMD_CHOOSE(loops, sample->set);
    int k = sample->params->k, label = sample->label, count = 0;
    float tau = sample->params->tau;
    log_trees trees = take_log_trees(&scratch, sample->classes, k, loops->lanes);
    for (int i = 0; i < sample->classes; ++i) {
        if (i == label || smooth_topk_is_minus_inf(float_bits(sample->scores[i]))) continue;
        trees.index[count] = i;
        trees.z[count++] =
            smooth_topk_z(sample->scores[i], sample->pivot, k, tau) * SMOOTH_TOPK_LOG2_E;
    }
    int rows = row_count(count, loops->lanes);
    for (int i = count; i < rows * loops->lanes; ++i) trees.z[i] = LOG_OF_NOTHING;
    double log_ratio = SMOOTH_TOPK_LN_2 * loops->log_ratio(&trees, rows, k, grad ? trees.z : NULL);
    double size = smooth_topk_finish_loss(sample, log_ratio, loss);
    if (!grad) return;
    memset(grad, 0, sample->classes * sizeof(float));
    for (int i = 0; i < count; ++i) grad[trees.index[i]] = (float)(size * trees.z[i]);
    grad[label] = (float)-size;
}
