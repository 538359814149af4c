/* The commands of `classifier` that judge a network by the valid= list of the .data file. */
#ifndef VALIDATE_H
#define VALIDATE_H

/* Each prints top 1 and top k, top= of the .data file, as images are seen. One that cannot be read
   is named and left out, and the program ends with exit code 1, as the figures are not those of the
   list; so it does, before the first image, where data and network do not fit together.
   validate_classifier_single: `valid`, the center of each image.
   validate_classifier_10: `valid10`, ten crops. validate_classifier_full: `validfull`, the network
   resized to the image. validate_classifier_multi: `validmulti`, four sizes, mirrored too.
   validate_classifier_crop: `validcrop`, the image stretched to the network's size, in batches. */
void validate_classifier_single(char *datacfg, char *cfgfile, char *weightfile);
void validate_classifier_10(char *datacfg, char *cfgfile, char *weightfile);
void validate_classifier_full(char *datacfg, char *cfgfile, char *weightfile);
void validate_classifier_multi(char *datacfg, char *cfgfile, char *weightfile);
void validate_classifier_crop(char *datacfg, char *cfgfile, char *weightfile);

#endif
