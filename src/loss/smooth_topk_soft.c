/* The loss of a row with several labels. */
#include "smooth_topk_formulas.h"
#include "smooth_topk_internal.h"

size_t smooth_topk_labels_scratch(const smooth_topk_term *terms, int count, int classes)
{
    return aligned(classes * sizeof(float)) + smooth_topk_label_scratch(terms, count, classes);
}

void smooth_topk_of_labels(const smooth_topk_term *terms, int count, int classes,
                           const float *scores, const float *weights, const float *margins,
                           float *loss, float *grad, char *scratch)
{
    float *grad_of_label = take(&scratch, classes * sizeof(float)), loss_of_label;
    double sum = 0;
    smooth_topk_fill(grad, classes, 0);
    for (int label = 0; label < classes; ++label) {
        if (weights[label] == 0) continue;
        smooth_topk_of_label(terms, count, classes, scores, label, margins ? margins[label] : 1,
                             &loss_of_label, grad_of_label, scratch);
        sum += (double)weights[label] * loss_of_label;
        for (int i = 0; i < classes; ++i) grad[i] += weights[label] * grad_of_label[i];
    }
    *loss = (float)sum;
}
