/* What a classifier gets right, class by class, and which classes it takes for which. */
#ifndef CLASS_REPORT_H
#define CLASS_REPORT_H

typedef struct class_report class_report;

/* Ready for images of `classes` classes, whose k best guesses count, 1 <= k <= classes. */
class_report *begin_class_report(int classes, int k);

/* An image of a class, -1 for one that has none, and the scores of all classes. The first of equal
   scores is the better guess. */
void add_to_class_report(class_report *r, int class, float *scores);

typedef struct {
    long images, right, within; /* right: the best guess is; within: one of the k best is */
} report_counts;

/* Of all images so far. */
report_counts count_all(const class_report *r);

typedef struct {
    report_counts counts;
    long guessed;      /* images of which the class is the best guess */
    double top1, topk; /* shares of its images, 0 to 1; 0 without images */
    double precision;  /* right / guessed; 0 where it is never guessed */
    double recall;     /* top1 by its other name */
    double f1;         /* 2 right / (images + guessed); 0 where both are 0 */
    int confused_with; /* what it is taken for most often, -1: nothing; the first of several */
    long confused;     /* how often */
} class_figures;

/* All images are there: sorts them for what follows. */
void finish_class_report(class_report *r);

class_figures figures_of_class(const class_report *r, int class);

/* Means over the classes that have images; counts, guessed and confused are their sums. */
class_figures mean_figures(const class_report *r);

/* row: classes; how many images of `class` are taken for each class. */
void confusion_row(const class_report *r, int class, long *row);

/* The `count` classes with the smallest top1 that have images and are not always right, from the
   worst; of equals first that with more images. Returns how many there are. */
int worst_classes(const class_report *r, int count, int *worst);

void free_class_report(class_report *r);

#endif
