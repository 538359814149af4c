/* The checks of a .cfg file: what is written in it, and whether its layers fit on each other.

   All of them end the program with exit code 1 and a message that names the file, the line of the
   section, the section, the option, its value and what it must be. */
#ifndef CFG_CHECKS_H
#define CFG_CHECKS_H

#include "darknet.h"

/* A section as Darknet's reader leaves it: its name with brackets, its options (kvp), its line. */
typedef struct {
    char *type;
    list *options;
    int line;
} section;

/* Takes a line that is no section's name and no comment into the options of its section (NULL: none
   has begun). A line without "=" or without a value is refused. */
void read_cfg_option(char *filename, int line, char *text, list *options);

/* Every section's name, options and values by themselves, and the sections beside each other:
   [net] first, at least one layer, one cost only where there is a [smooth_topk], which is last. */
void check_cfg(char *filename, list *sections);

/* Whether the section's layer can stand on those of `net` before `index`, which have been made. */
void check_layer_fits(char *filename, section *s, network *net, int index);

/* Upstream's: what kind of layer a name in brackets is. */
LAYER_TYPE string_to_layer_type(char *type);

/* Whether each layer with a cost is for as many numbers as an image's truth has, `net->truths`. */
void check_truths(char *filename, const network *net);

/* ---- between the files of this directory ---- */

/* Says "FILE, line N: [section] ..." and ends the program. */
void refuse_section(char *filename, const section *s, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/* Every option of a section that is known is what it must be. */
void check_options(char *filename, const section *s);

/* The values of options as Darknet reads them, without marking them as used. */
char *option_text(list *options, const char *name);
int option_whole(list *options, const char *name, int by_default);

/* How many numbers a list of them has. */
int count_numbers(const char *text);

#endif
