/* The checks of a .cfg file: its sections and options, and whether its layers fit together.

   All of them end the program with exit code 1 and a message that names the file, the line of the
   section, the section, the option, its value and what it must be. */
#ifndef CFG_CHECKS_H
#define CFG_CHECKS_H

#include "cfg_refusal.h"

/* Takes a line that is no section's name and no comment into the options of its section (NULL: none
   has begun). A line without "=" or without a value is refused. */
void read_cfg_option(char *filename, int line, char *text, list *options);

/* Every section's name, options and values by themselves, and the sections beside each other:
   [net] first, at least one layer, one cost only where there is a [smooth_topk], which is last. */
void check_cfg(char *filename, list *sections);

/* Whether the section's layer can stand on those of `net` before `index`, which have been made. */
void check_layer_fits(char *filename, section *s, network *net, int index);

/* Whether each layer with a cost is for as many numbers as an image's truth has, `net->truths`. */
void check_truths(char *filename, const network *net);

#endif
