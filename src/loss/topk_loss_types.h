/* The types of the other losses, and their parameters. */
#ifndef TOPK_LOSS_TYPES_H
#define TOPK_LOSS_TYPES_H

typedef enum {
    TOPK_LOSS_ENTROPY,           /* Lapin, Hein, Schiele, PAMI 2017: top-k entropy, convex */
    TOPK_LOSS_TRUNCATED_ENTROPY, /* the same paper's truncated top-k entropy */
    TOPK_LOSS_HINGE_ALPHA,       /* its top-k hinges */
    TOPK_LOSS_HINGE_BETA,
    TOPK_LOSS_CALIBRATED_HINGE, /* Yang, Koyejo, ICML 2020 */
    TOPK_LOSS_LML,              /* Amos, Koltun, Kolter 2019 */
    TOPK_LOSS_LAPSUM,           /* LapSum, ICML 2025 */
    TOPK_LOSS_L2SVM,            /* Tang 2013; has no k */
    TOPK_LOSS_GCE, /* generalised cross-entropy, Zhang, Sabuncu, NeurIPS 2018; has no k */
    TOPK_LOSS_MULTILABEL_HINGE, /* for several labels, Lapin, Hein, Schiele: multilabel_losses.h; */
    TOPK_LOSS_MULTILABEL_ENTROPY, /* they have no k */
    TOPK_LOSS_TYPES
} topk_loss_type;

typedef struct {
    topk_loss_type type;
    int k;     /* guesses, 1 <= k < classes; not used by L2SVM, GCE and MULTILABEL_, but in range */
    float tau; /* temperature of LML and LAPSUM, > 0 and finite; not used by the others, but in
                  range */
    float q;   /* exponent of GCE, 0 < q <= 1; the others do not look at it */
} topk_loss_params;

#endif
