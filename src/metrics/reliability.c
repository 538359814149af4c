/* Calibration error, and the temperature of maximum likelihood.
 *
 * With l_i = log p_i and b = 1/temperature the log-likelihood of the right class y is
 * b l_y - log sum_i exp(b l_i), which is concave in b. Its slope is l_y - E(l), its curvature
 * -Var(l), under the softmax of b l.
 */
#include "reliability.h"

#include <math.h>

void add_to_reliability(reliability *r, double confidence, int is_right)
{
    double c = confidence < 0 ? 0 : confidence > 1 ? 1 : confidence;
    int bin = (int)(c * RELIABILITY_BINS);
    if (bin == RELIABILITY_BINS) --bin;
    ++r->images[bin];
    r->right[bin] += is_right;
    r->confidence[bin] += c;
}

double calibration_error(const reliability *r)
{
    double sum = 0;
    long images = 0;
    for (int i = 0; i < RELIABILITY_BINS; ++i) {
        sum += fabs((double)r->right[i] - r->confidence[i]);
        images += r->images[i];
    }
    return images ? sum / (double)images : 0;
}

static double log_of_probability(float p)
{
    return log(p > 1e-37f ? (double)p : 1e-37);
}

/* From 1/MOST_TEMPERATURE to 1/LEAST_TEMPERATURE, each the same multiple of the one before. */
static double inverse_temperature(int i)
{
    return pow(MOST_TEMPERATURE / LEAST_TEMPERATURE, (double)i / (TEMPERATURES - 1)) /
           MOST_TEMPERATURE;
}

void add_to_temperature_fit(temperature_fit *fit, int classes, const float *probabilities,
                            int right_class, double *logs)
{
    double most = 0;
    for (int i = 0; i < classes; ++i) {
        logs[i] = log_of_probability(probabilities[i]);
        if (i == 0 || logs[i] > most) most = logs[i];
    }
    ++fit->images;
    for (int t = 0; t < TEMPERATURES; ++t) {
        double b = inverse_temperature(t), sum = 0, first = 0, second = 0;
        for (int i = 0; i < classes; ++i) {
            double distance = logs[i] - most, e = exp(b * distance);
            sum += e;
            first += e * distance;
            second += e * distance * distance;
        }
        double mean = first / sum;
        fit->slopes[t] += logs[right_class] - most - mean;
        fit->curvatures[t] -= second / sum - mean * mean;
    }
}

/* The slope within a step of the row of inverse temperatures, at `part` (0 to 1) of it: the cubic
   with the slopes and curvatures of both ends. */
static double slope_within(const temperature_fit *fit, int t, double part)
{
    double width = inverse_temperature(t + 1) - inverse_temperature(t), x = part, y = 1 - part;
    return fit->slopes[t] * (1 + 2 * x) * y * y + fit->curvatures[t] * width * x * y * y +
           fit->slopes[t + 1] * (1 + 2 * y) * x * x - fit->curvatures[t + 1] * width * y * x * x;
}

double fitted_temperature(const temperature_fit *fit)
{
    int t = 0;
    double low = 0, high = 1;
    if (!fit->images) return 1;
    if (fit->slopes[0] <= 0) return MOST_TEMPERATURE;
    if (fit->slopes[TEMPERATURES - 1] >= 0) return LEAST_TEMPERATURE;
    while (fit->slopes[t + 1] > 0) ++t;
    for (int i = 0; i < 40; ++i) {
        double middle = (low + high) / 2;
        if (slope_within(fit, t, middle) > 0)
            low = middle;
        else
            high = middle;
    }
    double b = inverse_temperature(t);
    return 1 / (b + (low + high) / 2 * (inverse_temperature(t + 1) - b));
}

void change_temperature(int classes, const float *probabilities, double factor, float *output)
{
    double sum = 0;
    float most = probabilities[0];
    for (int i = 1; i < classes; ++i)
        if (probabilities[i] > most) most = probabilities[i];
    double log_most = log_of_probability(most);
    for (int i = 0; i < classes; ++i) {
        output[i] = (float)exp((log_of_probability(probabilities[i]) - log_most) / factor);
        sum += (double)output[i];
    }
    for (int i = 0; i < classes; ++i) output[i] = (float)((double)output[i] / sum);
}
