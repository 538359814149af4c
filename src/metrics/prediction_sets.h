/* Prediction sets, which hold the right class as often as asked: split conformal prediction.
 *
 * A score s(x, y) says how badly class y fits the image x. Of n calibration images, with the scores
 * of their right classes, the threshold q is the ceil((n+1) cover)-th smallest. The set of an image
 * x is every class y with s(x, y) <= q. Where calibration images and x are drawn alike, it holds
 * the right class with probability >= cover; over draws of the calibration images that probability
 * has the distribution Beta(r, n+1-r), r = ceil((n+1) cover), or lies above it where scores are
 * equal.
 */
#ifndef PREDICTION_SETS_H
#define PREDICTION_SETS_H

/* p: the probabilities of an image's classes. Equal ones all have the last of their ranks.
   LAC: 1 - p_y: the smallest sets on average.
   APS: the sum of all p >= p_y: the sizes differ more between easy and hard images.
   RAPS: APS + RAPS_PENALTY times the ranks after RAPS_FREE_PLACES: without the largest sets of APS.
   RANK: the rank of y, from 1: the same number of guesses for every image. */
typedef enum { SET_SCORE_LAC, SET_SCORE_APS, SET_SCORE_RAPS, SET_SCORE_RANK } set_score;

#define RAPS_PENALTY 0.01
#define RAPS_FREE_PLACES 5

/* "lac", "aps", "raps" or "rank"; and the score of that name, -1 if there is none. */
const char *name_of_set_score(set_score score);
int find_set_score(const char *name);

/* scores[y] = s(x, y) for every class; order: scratch for `classes` numbers. Probabilities are
   finite; for APS and RAPS they are >= 0 and not all 0, and are divided by their sum. Returns 1, or
   0 where that does not hold. */
int score_classes(set_score score, int classes, const float *probabilities, double *scores,
                  int *order);

/* The least number of calibration images for which there is a threshold: 1/(1 - cover) - 1. */
long images_for_cover(double cover);

/* ceil((count+1) cover), the place of the threshold among count sorted scores, from 1. What is
   whole but for rounding stays whole: 0.7 * 10 is 7. */
long threshold_place(long count, double cover);

/* The ceil((count+1) cover)-th smallest of the scores, which are sorted; count >=
   images_for_cover(cover). */
double conformal_threshold(double *scores, long count, double cover);

/* What a calibration image is to the sets. */
typedef struct {
    int class;    /* the right one */
    double score; /* its own */
} calibration_score;

typedef struct {
    set_score score;
    double cover; /* 0 < cover < 1 */
    int classes;
    int images;               /* of the calibration */
    double threshold;         /* of all of them */
    double *class_thresholds; /* NULL, or one for each class: of its own images, or, where these are
                                 fewer than images_for_cover, that of all */
} prediction_sets;

/* Fills threshold and, if class_thresholds is not NULL, those, from `images` scores, which are
   reordered. Returns how many classes have a threshold of their own. images >= images_for_cover. */
int calibrate_sets(prediction_sets *sets, calibration_score *scores);

/* The set of an image, from the most probable class on. members and scores have room for every
   class; the first are the set, scores[y] is s(x, y). Returns how many classes are in it, perhaps
   none, or -1 for what score_classes refuses. */
int find_set(const prediction_sets *sets, const float *probabilities, double *scores, int *members);

/* What was found of the sets of images whose right class is known. */
typedef struct {
    long images, covered; /* covered: the set holds the right class */
    long sizes;           /* sum of the sets' sizes */
} set_counts;

typedef struct {
    set_counts all, *classes; /* classes: one for each class */
    long *with_size;          /* how many sets have 0 .. `classes` classes */
} set_coverage;

/* covered and size of one image; 0 <= size <= the number of classes. */
void add_to_set_coverage(set_coverage *c, int class, int is_covered, int size);

/* Of the sets' sizes; 0 without images. The median of an even number is the mean of the two in the
   middle. */
double median_set_size(const set_coverage *c, int classes);
int largest_set_size(const set_coverage *c, int classes);

/* Wilson's 95 % interval for a share of which `count` of n >= 1 were seen: 0 to 1. */
void share_interval(long count, long n, double *low, double *high);

#endif
