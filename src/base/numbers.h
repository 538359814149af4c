/* Reads numbers in files and on the command line; a text with anything else in it is refused. */
#ifndef NUMBERS_H
#define NUMBERS_H

#include <stddef.h>

typedef enum { NUMBER_READ, NUMBER_MALFORMED, NUMBER_OUT_OF_RANGE } number_result;

/* The number that the first `length` characters of the text are, to *value: a decimal number with
   or without sign, point and exponent, from `least` to `most`. Malformed is everything else: no
   character, a blank, a letter after the number, inf, nan, a hexadecimal number. The characters
   themselves are looked at, so that no compiler flag can take the check away. */
number_result read_real(const char *text, size_t length, double least, double most, double *value);

/* The same for a whole number; a point or an exponent is malformed. */
number_result read_whole(const char *text, size_t length, long least, long most, long *value);

#endif
