/* How well classes are ranked for images that have several of them, or none. */
#ifndef RANKINGS_H
#define RANKINGS_H

/* All from 0 to 1; means over the images, but for mean_average_precision. A class that an image
   has is called its label.

   precision1, precisionk   share of the best guess, or the k best, that are labels
   recallk                  share of the labels that are among the k best; mean over the images
                            that have a label. With one label an image this is top-k accuracy
   mean_average_precision   of each class the images are ranked by its score; its average precision
                            is the sum over the images that have it of the precision down to that
                            image, divided by their number. Mean over the classes that some image
                            has
   label_ranking_precision  label ranking average precision: of each label, the share of labels
                            among the classes with at least its score; mean over the labels. 1 for
                            an image of no class or of all
   ranking_loss             share of the pairs of a label and another class in which the other
                            has at least the label's score. 0 for an image of no class or of all

   The last three are those of scikit-learn. */
typedef struct {
    double precision1, precisionk, recallk;
    double mean_average_precision, label_ranking_precision, ranking_loss;
} ranking_figures;

typedef struct ranking ranking;

/* Ready for at most `images` images, of which it keeps five bytes a class; 1 <= k <= classes. */
ranking *begin_ranking(int images, int classes, int k);

/* Adds an image: `classes` scores, and its truth, other than 0 for its labels. Of equal scores the
   first is the better guess; a NaN is the worst of all. */
void add_to_ranking(ranking *r, const float *scores, const float *truth);

/* The figures of the images so far, 0 where there are none to take a mean of; without
   mean_average_precision, which costs a sort of all images for each class. */
ranking_figures ranking_so_far(const ranking *r);

/* All of them. Frees the ranking. */
ranking_figures end_ranking(ranking *r);

#endif
