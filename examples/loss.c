/* Pulls the scores of one sample towards its label, by the loss for k = 1 and k = 5 at once.
   cc loss.c $(pkg-config --cflags --libs smooth_topk) -o loss && ./loss */
#include <smooth_topk.h>
#include <stdio.h>

enum { CLASSES = 20, LABEL = 7 };

int main(void)
{
    const smooth_topk_term terms[] = {
        {{.k = 1, .tau = 1, .alpha = 1, .algorithm = SMOOTH_TOPK_PIVOT}, .weight = 0.5f},
        {{.k = 5, .tau = 1, .alpha = 1, .algorithm = SMOOTH_TOPK_PIVOT}, .weight = 0.5f},
    };
    float scores[CLASSES], loss, gradient[CLASSES];
    for (int i = 0; i < CLASSES; ++i) scores[i] = (float)(i * 7 % CLASSES) / 10;
    for (int step = 0; step <= 200; ++step) {
        int label = LABEL, better = 0;
        int error = smooth_topk_sum_cpu(terms, 2, 1, CLASSES, scores, &label, &loss, gradient);
        if (error) {
            fprintf(stderr, "%s\n", smooth_topk_strerror(error));
            return 1;
        }
        for (int i = 0; i < CLASSES; ++i) better += scores[i] > scores[LABEL];
        if (step % 50 == 0) printf("step %3d: loss %.4f, %d classes better\n", step, loss, better);
        for (int i = 0; i < CLASSES; ++i) scores[i] -= gradient[i];
    }
    return 0;
}
