/* The options of a section that ends a network with a loss: names, numbers and lists, and the
 * messages that refuse them. */
#ifndef LOSS_OPTIONS_H
#define LOSS_OPTIONS_H

#include "list.h"

#include <stddef.h>

typedef struct {
    const char *name; /* without brackets */
    list *options;
} loss_section;

/* For messages: the .cfg and the line of the section that is read from now on; NULL: none. The text
   must stay valid. */
void set_loss_place(const char *filename, int line);

/* Ends the program: "FILE, line N: [section] ..." and exit code 1. All functions below do so for
   what they refuse, naming option, value and range. */
void refuse_loss_option(const char *section, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* The option's text, NULL where it is not given; a line without a value gives "". */
const char *loss_option_text(const loss_section *section, const char *name);

/* One number; `range` says in words which, for the message. */
double loss_number_option(const loss_section *section, const char *name, double by_default,
                          const char *range);

/* The whole number, of the range of int, that `text`, the option's or a part of it, begins with, up
   to a comma or the end. */
int read_loss_whole_number(const loss_section *section, const char *name, const char *text,
                           const char *whole_text, const char *range);

/* How many numbers are between the commas. */
int loss_list_length(const char *text);

/* Reads an option that is one number, or one for each k, into values[0 .. count-1]. Returns whether
   the option is given; if not, values are unchanged. */
int loss_list_option(const loss_section *section, const char *name, int count, const char *range,
                     double *values);

/* hardest=: how many samples of a batch count, >= 1, or which fraction of all samples, below 1.
   Both are 0 where the option is not given. */
typedef struct {
    int count;
    float fraction;
} hardest_option;

/* The factor on loss and gradient and the temperature of the output's softmax, both > 0; and
   hardest=. */
float loss_scale_option(const loss_section *section, float by_default);
float loss_temperature_option(const loss_section *section, float by_default);
hardest_option loss_hardest_option(const loss_section *section);

/* For a banner: "hardest = 3", or nothing. */
void print_hardest_option(hardest_option hardest);

#define LOSS_SCALE_RANGE "a finite number, scale > 0"
#define LOSS_TEMPERATURE_RANGE "a finite number, temperature > 0"

#endif
