/* Texts in the quotes of CSV and of JSON. */
#ifndef QUOTED_TEXT_H
#define QUOTED_TEXT_H

#include <stdio.h>

/* As a field of a CSV file: quotes in it are doubled. */
void print_csv_text(FILE *file, const char *text);

/* As a string of JSON, in ASCII and UTF-8. A byte that is no UTF-8, as a path may have it, becomes
   \udcXX, which Python's os.fsencode turns back. */
void print_json_text(FILE *file, const char *text);

#endif
