/* How many guesses a network needs to be right with a given probability: the mean size of its
 * prediction sets (score LAC), and how sure that figure is.
 *
 * A Poisson bootstrap over all images, calibration images and measured ones: in resample b image i
 * counts as often as a Poisson number with mean 1 that depends only on b and i. So two networks get
 * the same resamples, and the spread of their difference is that of a paired comparison.
 */
#ifndef SET_SIZES_H
#define SET_SIZES_H

enum { RESAMPLES = 1000 };

typedef struct set_sizes set_sizes;

/* Ready for at most `images` calibration images; 0 < cover < 1. */
set_sizes *begin_set_sizes(int classes, double cover, int images);

/* A calibration image: its number, which is the same for another network, its class and the
   network's output. All of these come first. */
void add_calibration(set_sizes *s, int number, int class, const float *output);

/* No more calibration images. Returns 1, or 0 where there are fewer than cover takes; then there
   are no sets. */
int end_calibration(set_sizes *s);

/* An image to measure. */
void add_measured(set_sizes *s, int number, int class, const float *output);

typedef struct {
    int calibrated, measured; /* images */
    double mean_size, coverage;
    double resampled[RESAMPLES]; /* mean sizes */
} set_size_figures;

/* Where no image was measured, figures->measured is 0 and the others are left. */
void find_set_sizes(const set_sizes *s, set_size_figures *figures);

/* The 95 % interval of b's mean size minus a's: from the 25th to the 976th of the 1000 resampled
   differences. */
void compare_set_sizes(const set_size_figures *a, const set_size_figures *b, double *low,
                       double *high);

void free_set_sizes(set_sizes *s);

#endif
