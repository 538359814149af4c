/* A row of several labels whose gap between the k-th score and the next is so wide that e^-gap
   rounds to 0: the k best are chosen for certain, or all but one of them, and what is left
   has a closed form. */
#include "smooth_topk_wide_gap.h"
#include "smooth_topk_compile.h"
#include "smooth_topk_softmax.h"

/* The label of a class above the gap: its place is taken by one of the rest. Returns its size. */
static double label_above(soft_row *row, int label, double log_rest, double per_score, float *grad)
{
    double weight = row->weights[label], exponent = boost_exponent(row, label);
    double q = exponent + log_rest - (row->scores[label] - (double)row->below) * per_score;
    double size = weight * smooth_topk_sigmoid(q) / row->params->k;
    row->loss += weight * smooth_topk_softplus(q);
    grad[label] = (float)-size;
    return size;
}

/* The label of a class below the gap: q is so large that its softplus is itself. */
static double label_below(soft_row *row, int label, double log_left_out, double per_score,
                          float *grad)
{
    double weight = row->weights[label], exponent = boost_exponent(row, label);
    row->loss +=
        weight * (exponent - log_left_out + ((double)row->above - row->scores[label]) * per_score);
    grad[label] = (float)(-weight / row->params->k);
    return weight / row->params->k;
}

void smooth_topk_wide_gap(soft_row *row, float *grad, float *odds)
{
    int k = row->params->k, classes = row->classes;
    double per_score = 1 / ((double)k * row->params->tau), left_out = 0, above = 0, below = 0;
    double rest = smooth_topk_exponentials(row->set, row->scores, classes, row->below,
                                           soft_row_rate(row), odds);
    for (int i = 0; i <= k; ++i)
        if (row->top_scores[i] >= row->above)
            left_out += exp(-(row->top_scores[i] - (double)row->above) * per_score);
    double log_rest = log(rest), log_left_out = log(left_out);
    for (int i = 0; i < classes; ++i) {
        if (row->scores[i] >= row->above)
            above += label_above(row, i, log_rest, per_score, grad);
        else
            below += label_below(row, i, log_left_out, per_score, grad);
    }
    for (int i = 0; i < classes; ++i) {
        if (row->scores[i] >= row->above)
            grad[i] +=
                (float)(below / left_out * exp(-(row->scores[i] - (double)row->above) * per_score));
        else
            grad[i] += (float)(above / rest * odds[i]);
    }
}
