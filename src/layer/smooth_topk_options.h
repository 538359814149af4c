/* The options of a [smooth_topk] section. */
#ifndef SMOOTH_TOPK_OPTIONS_H
#define SMOOTH_TOPK_OPTIONS_H

#include "class_numbers.h"
#include "loss_options.h"
#include "smooth_topk.h"

typedef struct {
    int count;               /* of k, >= 1 */
    smooth_topk_term *terms; /* count; their weights sum to 1 */
    float *scales;           /* count: a factor on each term's loss and gradient, > 0 */
    float temperature;       /* of the output, > 0 */
    int membership_k;        /* the output is m_i(k) of this k; 0: the softmax */
    float smoothing;         /* 0 <= label_smooth_eps < 1, which goes to the other classes */
    class_numbers margins;   /* factors on every alpha */
    class_numbers weights;   /* factors on loss and gradient */
    hardest_option hardest;  /* which samples count */
} smooth_topk_options;

/* Reads and checks the options of a section for `classes` classes. A bad one ends the program with
   exit code 1 and a message that names section, option, value and range. */
smooth_topk_options read_smooth_topk_options(list *section, int classes);

/* Ends the program if an option is out of range, as reading does. */
void check_smooth_topk_options(const smooth_topk_options *options, int classes);

/* The default temperature: the weighted mean of k tau; for the hard hinge tau counts as 1. With
   output=membership k tau of the term with the largest k. */
float default_smooth_topk_temperature(const smooth_topk_options *options);

/* One line: k = 1,5  tau = 1 ... */
void print_smooth_topk_options(const smooth_topk_options *options);

void free_smooth_topk_options(smooth_topk_options *options);

/* As loss_options.h has them. */
#define refuse_smooth_topk(...) refuse_loss_option("smooth_topk", __VA_ARGS__)

#endif
