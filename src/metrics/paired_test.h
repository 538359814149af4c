/* Statistics of two classifiers that were shown the same images. */
#ifndef PAIRED_TEST_H
#define PAIRED_TEST_H

typedef struct {
    double difference; /* of the shares that are right, second less first: -1 to 1 */
    double low, high;  /* its 95 % interval */
    double p;          /* McNemar's test that there is none: 0 to 1 */
} paired_result;

/* first_alone and second_alone: on how many of the images only that one is right; both >= 0,
   together at most images, which is >= 1.

   The interval is that of Agresti and Min (2005): Wald's for paired shares with half an image added
   to each of the four cells,
     d +- 1.96 sqrt(b + c - (c - b)^2/n) / n,  b, c = the two with 0.5 added, n = images + 2.
   It is around (c - b)/n, a little nearer to 0 than the difference. The test is the exact one:
     p = min(1, 2 sum_{i <= min(b, c)} C(b + c, i) / 2^(b + c)). */
paired_result compare_paired(long first_alone, long second_alone, long images);

#endif
