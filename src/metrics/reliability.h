/* The calibration error of a network's probabilities, and the temperature that makes it small. */
#ifndef RELIABILITY_H
#define RELIABILITY_H

enum { RELIABILITY_BINS = 15 };

/* Images by the probability of their best guess, in bins of equal width. Begins as zeros. */
typedef struct {
    long images[RELIABILITY_BINS], right[RELIABILITY_BINS];
    double confidence[RELIABILITY_BINS]; /* sums */
} reliability;

/* An image whose best guess has the probability `confidence`, 0 to 1 (what is beyond counts as the
   nearer of these), and is right or not. */
void add_to_reliability(reliability *r, double confidence, int is_right);

/* The expected calibration error: the mean over the images of |share that is right - mean
   confidence| of their bin, 0 to 1; 0 without images. */
double calibration_error(const reliability *r);

enum { TEMPERATURES = 41 };
#define LEAST_TEMPERATURE 0.05
#define MOST_TEMPERATURE 20

/* Slope and curvature of the log-likelihood at a row of inverse temperatures. Begins as zeros. */
typedef struct {
    long images;
    double slopes[TEMPERATURES], curvatures[TEMPERATURES];
} temperature_fit;

/* Probabilities of an image, the softmax of some scores, and its right class. Probabilities below
   1e-37 count as that. logs: scratch for `classes` numbers. */
void add_to_temperature_fit(temperature_fit *fit, int classes, const float *probabilities,
                            int right_class, double *logs);

/* The factor on the temperature of the softmax for which the right classes are likeliest: from
   LEAST_TEMPERATURE to MOST_TEMPERATURE, to about 1 in 10000; 1 without images. */
double fitted_temperature(const temperature_fit *fit);

/* output = the softmax at `factor` times the temperature of that which `probabilities` are. The two
   may be the same; factor > 0. */
void change_temperature(int classes, const float *probabilities, double factor, float *output);

#endif
