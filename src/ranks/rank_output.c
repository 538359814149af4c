/* Puts the rank before each line of stderr, and remembers the last line. */
#define _GNU_SOURCE /* fopencookie */
#include "rank_output.h"

#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { LONGEST_LINE = 1024 };

static int writer, shown;
static char line[LONGEST_LINE];      /* the one being written */
static char last_line[LONGEST_LINE]; /* the last whole one that was not empty */
static size_t length;

static void end_line(void)
{
    char text[LONGEST_LINE + 32];
    if (!length) return;
    line[length] = '\0';
    memcpy(last_line, line, length + 1);
    length = 0;
    if (!shown) return;
    int size = snprintf(text, sizeof text, "rank %d: %s\n", writer, line);
    if (write(STDERR_FILENO, text, (size_t)size) < 0) return;
}

#ifdef __GLIBC__
static ssize_t write_lines(void *cookie, const char *bytes, size_t size)
{
    (void)cookie;
    if (!writer && write(STDERR_FILENO, bytes, size) < 0) return (ssize_t)size;
    for (size_t i = 0; i < size; ++i) {
        int ends = bytes[i] == '\n' || bytes[i] == '\r';
        if (ends || length == LONGEST_LINE - 1) end_line();
        if (!ends) line[length++] = bytes[i];
    }
    return (ssize_t)size;
}
#endif

void keep_output(int rank)
{
    writer = rank;
    if (rank && !freopen("/dev/null", "w", stdout)) fclose(stdout);
#ifdef __GLIBC__
    static FILE *lines; /* reachable to the end */
    lines = fopencookie(NULL, "w", (cookie_io_functions_t){.write = write_lines});
    if (!lines) return;
    setvbuf(lines, NULL, rank ? _IOLBF : _IONBF, 0);
    stderr = lines;
#endif
}

void show_output(void)
{
    fflush(stderr);
    length = 0;
    shown = writer > 0;
}

void last_words(char *text, int size)
{
    fflush(stderr);
    end_line();
    snprintf(text, (size_t)size, "%s", last_line);
}
