/* Reads lines that another program writes, each as soon as it is complete. */
#ifndef LINE_STREAM_H
#define LINE_STREAM_H

#include <stddef.h>

typedef struct {
    int file;    /* descriptor */
    char *bytes; /* length of them are read and not yet handed out; begins as zeros, as the rest */
    size_t length, room;
    int has_ended;
} line_stream;

/* Waits for a line that is not blank, and takes those behind it that are there already, at most
   `most` >= 1. Blanks at the ends of a line and a byte order mark are left out. Returns how many
   lines there are, which the caller frees, 0 at the end of the file. *error is 0, or the error's
   number where the file cannot be read further. */
int read_coming_lines(line_stream *s, char **lines, int most, int *error);

/* The descriptor stays open. */
void free_line_stream(line_stream *s);

#endif
