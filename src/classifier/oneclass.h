/* `classifier oneclass`: whether an image shows the one class whose training images have no label.
 */
#ifndef ONE_CLASS_COMMAND_H
#define ONE_CLASS_COMMAND_H

typedef struct {
    const char *data, *cfg, *weights;
    const char *list;    /* a CSV file of all scores; NULL: none */
    double false_alarms; /* the share of unknown images that may be taken for the target, from 0 to
                            below 1 */
} one_class_options;

/* The templates are the features of train='s images without a label; the score of an image is minus
   the distance of its features to the nearest of them. Prints, for test=, the area under the ROC
   curve with its 95 % interval, and a threshold. The features are the output of the last
   [compactness], or what the last layer with weights reads. Ends the program with exit code 1 and a
   message where data and network do not fit, or an image cannot be read (what could be is used). */
void measure_one_class(const one_class_options *options);

#endif
