/* The options of a [topk_loss] section. */
#ifndef TOPK_LOSS_OPTIONS_H
#define TOPK_LOSS_OPTIONS_H

#include "loss_options.h"
#include "topk_losses.h"

typedef struct {
    topk_loss_params params;
    float scale;            /* a factor on loss and gradient, > 0 */
    float temperature;      /* of the output's softmax, > 0 */
    hardest_option hardest; /* which samples count */
} topk_loss_options;

/* Reads and checks the options of a section for `classes` classes: type= (entropy), k= (5; not for
   l2svm and gce), tau= (1; for lml and lapsum), q= (0.7; for gce), scale= (1), temperature= (1),
   hardest=. A bad one ends the program with exit code 1 and a message that names section, option,
   value and range. */
topk_loss_options read_topk_loss_options(list *section, int classes);

/* One line: entropy  k = 5 ... */
void print_topk_loss_options(const topk_loss_options *options);

#endif
