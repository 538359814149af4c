/* The commands of `classifier` that judge a network by the valid= list of the .data file. */
#ifndef VALIDATE_H
#define VALIDATE_H

typedef struct {
    char *data, *cfg, *weights;
    char *report; /* a .csv or .json file of figures by class (report_file.h); NULL: none */
    char *sets;   /* `valid` only: a file of prediction sets to measure; NULL: none */
    int verbose;  /* print upstream's lines for each image too */
} validate_options;

/* Each ends with a line of top 1, top k (top= of the .data file) and the worst classes. An image
   that cannot be read is named and left out, and the program ends with exit code 1, as the figures
   are not those of the list; so it does, before the first image, where data and network do not fit
   together.
   validate_classifier_single: `valid`, the center of each image. Sets that were calibrated on a
   half of the list are measured on the other half. validate_classifier_10: `valid10`, ten crops.
   validate_classifier_full: `validfull`, the network resized to the image.
   validate_classifier_multi: `validmulti`, four sizes, mirrored too. validate_classifier_crop:
   `validcrop`, the image stretched to the network's size, in batches. */
void validate_classifier_single(const validate_options *options);
void validate_classifier_10(const validate_options *options);
void validate_classifier_full(const validate_options *options);
void validate_classifier_multi(const validate_options *options);
void validate_classifier_crop(const validate_options *options);

#endif
