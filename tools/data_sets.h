/* What the programs that make data sets share: options, random numbers, files. */
#ifndef DATA_SETS_H
#define DATA_SETS_H

#include <stdint.h>
#include <stdio.h>

enum { MAX_PATH = 4096 };

/* What messages begin with. To be defined by the program. */
extern const char *const program;

/* Writes "PROGRAM: MESSAGE" to stderr and ends with exit code 1. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

typedef struct {
    const char *name;
    double value, low, high;
    int whole; /* whether only whole numbers are allowed */
    const char *meaning;
} option;

/* A line an option: name, meaning, range and value. To stderr. */
void print_options(const option *options, int count);

/* Sets the option of this name; fails where there is none, or the text is no number in its range.
 */
void read_option(option *options, int count, const char *name, const char *text);

/* splitmix64: each stream depends on the seed and three numbers alone. */
typedef struct {
    uint64_t state;
} stream;

stream make_stream(uint64_t seed, uint64_t first, uint64_t second, uint64_t third);
uint64_t next(stream *s);
double uniform(stream *s, double low, double high);

/* Each of these fails, with path and reason, where the file system refuses. */
void make_directory(const char *path, int must_be_new);
FILE *open_file(const char *path);
void close_file(FILE *file, const char *path);

typedef struct {
    FILE *file;
    char path[MAX_PATH];
} list_file;

list_file open_list(const char *directory, const char *name);
void close_list(list_file list);

/* Fails unless OUT_DIR is a path of one line with room for the names of files. */
void check_out_directory(const char *directory);

#endif
