/* A row of several labels, for one term: read and written by smooth_topk_narrow_gap.c and
   smooth_topk_wide_gap.c. */
#ifndef SMOOTH_TOPK_SOFT_ROW_H
#define SMOOTH_TOPK_SOFT_ROW_H

#include "instruction_set.h"
#include "smooth_topk.h"
#include "smooth_topk_formulas.h"

/* The gap is between the k-th largest score and the next. The row has no NaN or +inf and more than
   k finite scores. */
typedef struct {
    const smooth_topk_params *params;
    instruction_set set; /* of the vector loops */
    int classes;
    const float *scores;
    float *weights; /* t_i; those of likely classes are 0 for a while */
    const float *margins;
    float above, below; /* the scores at the gap */
    const int *top;     /* the k + 1 largest scores */
    const float *top_scores;
    double loss; /* is added to */
} soft_row;

/* alpha/tau of a label's q. */
static inline double boost_exponent(const soft_row *row, int label)
{
    double margin = row->margins ? (double)row->margins[label] : 1;
    return smooth_topk_margin(row->params->alpha * margin, row->params->tau);
}

/* log2(e) / (k tau) as a float. */
static inline float soft_row_rate(const soft_row *row)
{
    double per_score = 1 / ((double)row->params->k * row->params->tau);
    return (float)fmin(per_score * SMOOTH_TOPK_LOG2_E, FLT_MAX);
}

#endif
