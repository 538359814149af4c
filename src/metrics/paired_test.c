/* Statistics of two classifiers that were shown the same images. */
#include "paired_test.h"

#include <math.h>

/* Two-sided: from the largest term of the lesser tail downwards. */
static double exact_mcnemar(long a, long b)
{
    long n = a + b, least = a < b ? a : b;
    double term = exp(lgamma((double)n + 1) - lgamma((double)least + 1) -
                      lgamma((double)(n - least) + 1) - (double)n * log(2));
    double tail = 0;
    for (long i = least; i >= 0 && term > tail * 1e-17; --i) {
        tail += term;
        term *= (double)i / (double)(n - i + 1);
    }
    return 2 * tail < 1 ? 2 * tail : 1;
}

paired_result compare_paired(long first_alone, long second_alone, long images)
{
    double b = (double)first_alone + 0.5, c = (double)second_alone + 0.5, n = (double)images + 2;
    double middle = (c - b) / n;
    double half = 1.959963985 * sqrt(b + c - (c - b) * (c - b) / n) / n;
    paired_result r = {.difference = (double)(second_alone - first_alone) / (double)images,
                       .low = middle - half > -1 ? middle - half : -1,
                       .high = middle + half < 1 ? middle + half : 1,
                       .p = exact_mcnemar(first_alone, second_alone)};
    return r;
}
