/* The options of one section of a .cfg: their check and their values. */
#ifndef CFG_OPTIONS_H
#define CFG_OPTIONS_H

#include "cfg_refusal.h"

/* Every option of a section that is known is what it must be. */
void check_options(char *filename, const section *s);

/* The values of options as Darknet reads them, without marking them as used. */
char *option_text(list *options, const char *name);
int option_whole(list *options, const char *name, int by_default);
double option_real(list *options, const char *name, double by_default);

/* How many numbers a list of them has. */
int count_numbers(const char *text);

#endif
