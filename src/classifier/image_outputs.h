/* The commands of `classifier` that print outputs of a network for images. */
#ifndef IMAGE_OUTPUTS_H
#define IMAGE_OUTPUTS_H

/* All end the program with exit code 1 and a message where data and network do not fit together or
   an image cannot be read. `filename` is an image; NULL: paths of images are read from stdin.
   try_classifier: the output of layer `layer`, 0 <= layer < layers, and the best classes.
   label_classifier, csv_classifier, test_classifier: for each image of test= the best label, the
   numbers of the best classes, all scores. file_output_classifier: all scores for each image of the
   list `filename`. */
void try_classifier(char *datacfg, char *cfgfile, char *weightfile, char *filename, int layer);
void label_classifier(char *datacfg, char *cfgfile, char *weightfile);
void csv_classifier(char *datacfg, char *cfgfile, char *weightfile);
void test_classifier(char *datacfg, char *cfgfile, char *weightfile);
void file_output_classifier(char *datacfg, char *cfgfile, char *weightfile, char *filename);

#endif
