/* Sets a whole row to one value. */
#ifndef SMOOTH_TOPK_FILL_H
#define SMOOTH_TOPK_FILL_H

/* row[0 .. classes-1] = value, unless row is NULL. */
static inline void smooth_topk_fill(float *row, int classes, float value)
{
    for (int i = 0; row && i < classes; ++i) row[i] = value;
}

#endif
