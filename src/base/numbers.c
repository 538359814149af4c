/* The only reader of numbers: strict, independent of compiler flags. */
#include "numbers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

number_result read_real(const char *text, size_t length, double least, double most, double *value)
{
    char *end;
    if (!length || strspn(text, "+-.0123456789eE") < length) return NUMBER_MALFORMED;
    errno = 0;
    double number = strtod(text, &end);
    if (end != text + length) return NUMBER_MALFORMED;
    if (errno == ERANGE && fabs(number) > 1) return NUMBER_OUT_OF_RANGE;
    if (number < least || number > most) return NUMBER_OUT_OF_RANGE;
    *value = number;
    return NUMBER_READ;
}

number_result read_whole(const char *text, size_t length, long least, long most, long *value)
{
    char *end;
    if (!length || strspn(text, "+-0123456789") < length) return NUMBER_MALFORMED;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (end != text + length) return NUMBER_MALFORMED;
    if (errno == ERANGE || number < least || number > most) return NUMBER_OUT_OF_RANGE;
    *value = number;
    return NUMBER_READ;
}
