/* What the programs that make data sets share: options, random numbers, files. */
#include "data_sets.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

void print_options(const option *options, int count)
{
    for (int i = 0; i < count; ++i)
        fprintf(stderr, "  %-10s %s (%g to %.10g; %g)\n", options[i].name, options[i].meaning,
                options[i].low, options[i].high, options[i].value);
}

void read_option(option *options, int count, const char *name, const char *text)
{
    int i = 0;
    while (i < count && strcmp(name, options[i].name) != 0) ++i;
    if (i == count) fail("%s: no such option; run %s alone for the list", name, program);
    const option *o = &options[i];
    if (!text) fail("%s: needs a value, from %g to %.10g", name, o->low, o->high);
    char *end;
    double value = strtod(text, &end);
    /* The characters are looked at, so that nan, inf and hexadecimal are out. */
    int is_number = end != text && !*end &&
                    strspn(text, o->whole ? "0123456789" : ".0123456789e-") == strlen(text);
    if (!is_number || !(value >= o->low && value <= o->high))
        fail("%s %s: must be a %snumber from %g to %.10g", name, text, o->whole ? "whole " : "",
             o->low, o->high);
    options[i].value = value;
}

uint64_t next(stream *s)
{
    uint64_t z = s->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

double uniform(stream *s, double low, double high)
{
    return low + (high - low) * (double)(next(s) >> 11) / 9007199254740992.;
}

stream make_stream(uint64_t seed, uint64_t first, uint64_t second, uint64_t third)
{
    stream s = {seed};
    const uint64_t parts[] = {first, second, third};
    for (int i = 0; i < 3; ++i) s.state = next(&s) + parts[i];
    return s;
}

void make_directory(const char *path, int must_be_new)
{
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && !must_be_new)) return;
    fail("%s: cannot be made: %s%s", path, strerror(errno),
         errno == EEXIST ? "; remove the old data set first" : "");
}

FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file) fail("%s: cannot be written: %s", path, strerror(errno));
    return file;
}

void close_file(FILE *file, const char *path)
{
    int bad = ferror(file);
    if (fclose(file) != 0 || bad) fail("%s: cannot be written: %s", path, strerror(errno));
}

list_file open_list(const char *directory, const char *name)
{
    list_file list;
    snprintf(list.path, sizeof list.path, "%s/%s", directory, name);
    list.file = open_file(list.path);
    return list;
}

void close_list(list_file list)
{
    close_file(list.file, list.path);
}

void check_out_directory(const char *directory)
{
    if (!*directory || strlen(directory) > MAX_PATH - 96 || strpbrk(directory, "\n\t"))
        fail("OUT_DIR: must be a path of 1 to %d characters on one line, without a TAB",
             MAX_PATH - 96);
}
