/* Activations, the update of weights, and zeros: loops over one array, in pieces for the threads.
 */
#include "elementwise.h"

#include "activations.h"
#include "cpu_settings.h"
#include "cpu_threads.h"
#include "delta_writers.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define PIECE 16384

/* Upstream's tanh_activate is infinity divided by infinity from 355 on; from 20 on it is 1. */
static inline float bounded_tanh_activate(float x)
{
    return tanh_activate(x > 100 ? 100 : x);
}

static inline float bounded_tanh_gradient(float activated)
{
    return tanh_gradient(activated);
}

#define ACTIVATIONS          \
    CASE(LOGISTIC, logistic) \
    CASE(LOGGY, loggy)       \
    CASE(RELU, relu)         \
    CASE(ELU, elu)           \
    CASE(SELU, selu)         \
    CASE(RELIE, relie)       \
    CASE(RAMP, ramp)         \
    CASE(LEAKY, leaky)       \
    CASE(TANH, bounded_tanh) \
    CASE(PLSE, plse)         \
    CASE(STAIR, stair)       \
    CASE(HARDTAN, hardtan)   \
    CASE(LHTAN, lhtan)

typedef struct {
    void (*activate)(float *x, int n, ACTIVATION activation);
    void (*gradient)(const float *x, int n, ACTIVATION activation, float *delta);
    void (*sum)(int n, const float *a, float by_a, const float *b, float by_b, float *y);
    void (*scale)(int n, const float *x, float factor, int add, float *y);
    void (*update)(int n, float decay, float rate, float momentum, float *weights, float *updates);
    void (*adam)(int n, const adam_step *step, float *weights, float *updates, float *mean,
                 float *variance);
    void (*clip)(int n, float most, float *x);
} elementwise_kernels;

#define LOOPS_FILE "elementwise_kernels.h"
#include "each_instruction_set.h"

typedef struct {
    const elementwise_kernels *kernels;
    int n;
    ACTIVATION activation;
    float *x;
    const float *activated, *a, *b;
    float by_a, by_b;
    const delta_target *targets;
    float decay, rate, momentum, most;
    float *weights, *mean, *variance;
    const adam_step *step;
} arrays;

static int piece_size(const arrays *a, int piece)
{
    int rest = a->n - piece * PIECE;
    return rest < PIECE ? rest : PIECE;
}

static void run(arrays *a, void (*work)(void *argument, int piece, int slot))
{
    a->kernels = SIMD_CHOOSE(loops, cpu.instructions);
    parallel_for(a->n / PIECE + (a->n % PIECE > 0), work, a);
}

static void activate_piece(void *argument, int piece, int slot)
{
    arrays *a = argument;
    (void)slot;
    a->kernels->activate(a->x + (ptrdiff_t)piece * PIECE, piece_size(a, piece), a->activation);
}

int activate_array_cpu(float *x, int n, ACTIVATION activation)
{
    arrays a = {.n = n, .x = x, .activation = activation};
    if (!cpu_fast()) return 0;
    if (activation != LINEAR) run(&a, activate_piece);
    return 1;
}

static void gradient_piece(void *argument, int piece, int slot)
{
    arrays *a = argument;
    (void)slot;
    a->kernels->gradient(a->activated + (ptrdiff_t)piece * PIECE, piece_size(a, piece),
                         a->activation, a->x + (ptrdiff_t)piece * PIECE);
}

int gradient_array_cpu(const float *x, int n, ACTIVATION activation, float *delta)
{
    arrays a = {.n = n, .x = delta, .activated = x, .activation = activation};
    if (!cpu_fast()) return 0;
    if (activation != LINEAR) run(&a, gradient_piece);
    return 1;
}

static void add_piece(void *argument, int piece, int slot)
{
    arrays *a = argument;
    ptrdiff_t first = (ptrdiff_t)piece * PIECE;
    int size = piece_size(a, piece);
    (void)slot;
    a->kernels->sum(size, a->a + first, a->by_a, a->b + first, a->by_b, a->x + first);
    a->kernels->activate(a->x + first, size, a->activation);
}

void add_arrays(int n, const float *a, float by_a, const float *b, float by_b,
                ACTIVATION activation, float *y)
{
    arrays all = {.n = n, .x = y, .a = a, .b = b, .by_a = by_a, .by_b = by_b};
    all.activation = activation;
    run(&all, add_piece);
}

static void spread_piece(void *argument, int piece, int slot)
{
    arrays *a = argument;
    ptrdiff_t first = (ptrdiff_t)piece * PIECE;
    int size = piece_size(a, piece);
    gradient_piece(a, piece, slot);
    for (const delta_target *t = a->targets; t < a->targets + 2; ++t)
        a->kernels->scale(size, a->x + first, t->factor, !t->overwrite, t->array + first);
}

void spread_delta(int n, const float *y, ACTIVATION activation, float *delta,
                  const delta_target targets[2])
{
    arrays all = {.n = n, .x = delta, .activated = y, .activation = activation};
    all.targets = targets;
    run(&all, spread_piece);
}

static void update_piece(void *argument, int piece, int slot)
{
    arrays *a = argument;
    (void)slot;
    a->kernels->update(piece_size(a, piece), a->decay, a->rate, a->momentum,
                       a->weights + (ptrdiff_t)piece * PIECE, a->x + (ptrdiff_t)piece * PIECE);
}

void update_weights(int n, float decay, float rate, float momentum, float *weights,
                    float *weight_updates)
{
    arrays a = {.n = n, .x = weight_updates, .weights = weights};
    a.decay = decay;
    a.rate = rate;
    a.momentum = momentum;
    run(&a, update_piece);
}

static void adam_piece(void *argument, int piece, int slot)
{
    arrays *a = argument;
    ptrdiff_t first = (ptrdiff_t)piece * PIECE;
    (void)slot;
    a->kernels->adam(piece_size(a, piece), a->step, a->weights + first, a->x + first,
                     a->mean + first, a->variance + first);
}

void update_by_adam(int n, const adam_step *step, float *weights, float *weight_updates,
                    float *mean, float *variance)
{
    arrays a = {.n = n,
                .x = weight_updates,
                .weights = weights,
                .mean = mean,
                .variance = variance,
                .step = step};
    run(&a, adam_piece);
}

static void clip_piece(void *argument, int piece, int slot)
{
    arrays *a = argument;
    (void)slot;
    a->kernels->clip(piece_size(a, piece), a->most, a->x + (ptrdiff_t)piece * PIECE);
}

void clip_numbers(int n, float most, float *x)
{
    arrays a = {.n = n, .x = x, .most = most};
    run(&a, clip_piece);
}

static void clear_piece(void *argument, int piece, int slot)
{
    arrays *a = argument;
    (void)slot;
    memset(a->x + (ptrdiff_t)piece * PIECE, 0, piece_size(a, piece) * sizeof(float));
}

int clear_delta_cpu(layer l, network net)
{
    arrays a = {.n = l.outputs * l.batch, .x = l.delta};
    if (!cpu_fast()) return 0;
    if ((net.train || net.delta) && !delta_is_overwritten(&net, net.index)) run(&a, clear_piece);
    return 1;
}
