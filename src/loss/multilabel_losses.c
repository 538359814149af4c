/* Losses of all labels of an image at once. */
#include "multilabel_losses.h"
#include "smooth_topk_bits.h"
#include "smooth_topk_fill.h"

#include <math.h>

int is_multilabel_loss(topk_loss_type type)
{
    return type == TOPK_LOSS_MULTILABEL_HINGE || type == TOPK_LOSS_MULTILABEL_ENTROPY;
}

/* What a row has in it; places are -1 where there is none. Classes of -inf are left out. */
typedef struct {
    int is_bad;       /* a score is NaN or +inf */
    int is_hopeless;  /* a label's score is -inf */
    int largest;      /* of all */
    int other, label; /* the largest of the other classes, the smallest of the labels */
    double weight;    /* sum of t */
} row_facts;

static row_facts find_row_facts(int classes, const float *scores, const float *truth)
{
    row_facts row = {.largest = -1, .other = -1, .label = -1};
    for (int i = 0; i < classes; ++i) {
        unsigned bits = float_bits(scores[i]);
        int is_label = truth[i] != 0;
        row.is_bad |= smooth_topk_is_nan_or_plus_inf(bits);
        row.weight += truth[i];
        if (smooth_topk_is_minus_inf(bits)) {
            row.is_hopeless |= is_label;
            continue;
        }
        if (row.largest < 0 || scores[i] > scores[row.largest]) row.largest = i;
        if (is_label && (row.label < 0 || scores[i] < scores[row.label])) row.label = i;
        if (!is_label && (row.other < 0 || scores[i] > scores[row.other])) row.other = i;
    }
    return row;
}

static double hinge(row_facts row, const float *scores, float *grad)
{
    if (row.other < 0 || row.label < 0) return 0;
    double h = 1 + (double)scores[row.other] - scores[row.label];
    if (!(h > 0)) return 0;
    grad[row.other] = (float)row.weight;
    grad[row.label] = (float)-row.weight;
    return row.weight * h;
}

/* Every score relative to the largest, so that nothing overflows. */
static double entropy(row_facts row, int classes, const float *scores, const float *truth,
                      float *grad)
{
    if (row.largest < 0) return 0;
    double largest = scores[row.largest], sum = 1, loss = 0; /* 1: the largest's own */
    for (int i = 0; i < classes; ++i)
        if (i != row.largest && !smooth_topk_is_minus_inf(float_bits(scores[i])))
            sum += exp(scores[i] - largest);
    double log_sum = log(sum);
    for (int i = 0; i < classes; ++i) {
        if (smooth_topk_is_minus_inf(float_bits(scores[i]))) continue;
        grad[i] = (float)(row.weight * exp(scores[i] - largest) / sum - truth[i]);
        if (truth[i] != 0) loss += truth[i] * (log_sum - (scores[i] - largest));
    }
    return loss;
}

void multilabel_loss_of_row(topk_loss_type type, int classes, const float *scores,
                            const float *truth, float *loss, float *grad)
{
    row_facts row = find_row_facts(classes, scores, truth);
    smooth_topk_fill(grad, classes, row.is_bad ? float_from_bits(BITS_NAN) : 0);
    if (row.is_bad)
        *loss = float_from_bits(BITS_NAN);
    else if (row.is_hopeless)
        *loss = float_from_bits(BITS_PLUS_INF);
    else if (type == TOPK_LOSS_MULTILABEL_HINGE)
        *loss = (float)hinge(row, scores, grad);
    else
        *loss = (float)entropy(row, classes, scores, truth, grad);
}
