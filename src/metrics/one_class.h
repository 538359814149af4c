/* The metrics of a detector of one class: how near an image is to the templates of the target, and
 * how well that separates the target from unknown images. */
#ifndef ONE_CLASS_H
#define ONE_CLASS_H

/* Minus the least Euclidean distance of `features`, `size` numbers, to the `count` templates, count
   x size, count >= 1. Nearer is larger; at most 0. */
double template_score(const float *templates, int count, int size, const float *features);

/* The area under the ROC curve: the probability that a target's score is above an unknown's, where
   equal ones count half. 0 to 1. Both counts are >= 1; no score is a NaN. */
double area_under_curve(const double *targets, int target_count, const double *unknowns,
                        int unknown_count);

typedef struct {
    double low, high;
} auc_interval;

/* Its 95 % interval by Newcombe's method 5 (Statistics in Medicine 25, 2006): the areas A from
   which the one seen is no farther than 1.96 of their standard deviations, V(A) = A (1-A) (1 + s
   (1-A)/(2-A) + s A/(1+A)) / (targets unknowns), s = (targets + unknowns)/2 - 1. It stays within 0
   and 1, and has a width where the area seen is 1. */
auc_interval area_interval(double area, int target_count, int unknown_count);

/* The operating point for a rate of false alarms, 0 <= rate < 1: the least threshold at which at
   most this share of the unknown scores is at or above it, and the shares of both that are. It is
   the least score above those that must stay below, or, where none is, the next number of single
   precision above these. */
typedef struct {
    double threshold;
    double false_alarms, found; /* of the unknown, of the target: 0 to 1 */
} operating_point;
operating_point point_for_false_alarms(const double *targets, int target_count,
                                       const double *unknowns, int unknown_count, double rate);

#endif
