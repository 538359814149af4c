/* Calls Darknet so that it comes back, whatever it does. */
#ifndef CALLS_H
#define CALLS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What became of a call: it returned, ended the program with a message, or wanted too much memory.
 */
enum { RETURNED, EXITED, TOO_LARGE };

/* Calls `try`, for which the file "input" holds `data`; releases what it took. An exit code other
   than 1, an exit without a message, or memory of an impossible size is a finding. */
int watch(void (*try)(void), const uint8_t *data, size_t size);

/* Reports a finding, and aborts. */
#define FINDING(...) \
    (parsing = 0, fprintf(real_stderr, "finding: " __VA_ARGS__), fputc('\n', real_stderr), abort())
extern FILE *real_stderr;
extern int parsing; /* whether `try` is being called */

#endif
