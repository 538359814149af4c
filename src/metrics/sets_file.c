/* Reads and writes files of prediction sets: a name, "=" and a value a line. */
#include "sets_file.h"

#include "allocate.h"
#include "file_replacement.h"
#include "numbers.h"
#include "text_lines.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum { FIELD_DIGEST, FIELD_WHOLE, FIELD_REAL, FIELD_OUTPUT, FIELD_SCORE } field_kind;

typedef struct {
    const char *name;
    field_kind kind;
    size_t offset; /* in a sets_file */
    double least, most;
} field;

#define FIELD(name, kind, member, least, most)               \
    {                                                        \
        name, kind, offsetof(sets_file, member), least, most \
    }

#define LARGEST_THRESHOLD 1e30

/* All are in every file, in this order. */
static const field fields[] = {
    FIELD("weights", FIELD_DIGEST, origin.weights, 0, 0),
    FIELD("labels", FIELD_DIGEST, origin.labels, 0, 0),
    FIELD("width", FIELD_WHOLE, origin.width, 1, INT_MAX),
    FIELD("height", FIELD_WHOLE, origin.height, 1, INT_MAX),
    FIELD("channels", FIELD_WHOLE, origin.channels, 1, INT_MAX),
    FIELD("output", FIELD_OUTPUT, origin.output, 0, 0),
    FIELD("temperature", FIELD_REAL, origin.temperature, 0, 1e30),
    FIELD("half_of_list", FIELD_DIGEST, half, 0, 0),
    FIELD("fitted_temperature", FIELD_REAL, fitted_temperature, 0, 1e30),
    FIELD("score", FIELD_SCORE, sets.score, 0, 0),
    FIELD("cover", FIELD_REAL, sets.cover, 1e-9, 1 - 1e-9),
    FIELD("classes", FIELD_WHOLE, origin.classes, 1, INT_MAX),
    FIELD("images", FIELD_WHOLE, sets.images, 1, INT_MAX),
    FIELD("threshold", FIELD_REAL, sets.threshold, -LARGEST_THRESHOLD, LARGEST_THRESHOLD),
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const char *const output_names[] = {"softmax", "membership", "other"};
static const char class_line[] = "class_threshold"; /* of class 0, 1, ...: all or none */

static void write_field(FILE *stream, const field *f, const sets_file *file)
{
    const void *value = (const char *)file + f->offset;
    fprintf(stream, "%s=", f->name);
    if (f->kind == FIELD_DIGEST) fprintf(stream, "%016llx\n", *(const unsigned long long *)value);
    if (f->kind == FIELD_WHOLE) fprintf(stream, "%d\n", *(const int *)value);
    if (f->kind == FIELD_REAL) fprintf(stream, "%.17g\n", *(const double *)value);
    if (f->kind == FIELD_OUTPUT) fprintf(stream, "%s\n", output_names[*(const int *)value]);
    if (f->kind == FIELD_SCORE) fprintf(stream, "%s\n", name_of_set_score(file->sets.score));
}

static const char first_line[] =
    "# Prediction sets for one network, written by classifier calibrate\n";

void refuse_other_sets(const char *flag, const char *filename)
{
    refuse_other_file(flag, filename, first_line, "", "a file of prediction sets");
}

int write_sets_file(const char *filename, const sets_file *file)
{
    file_replacement r;
    int error = begin_replacement(&r, filename);
    if (error) return error;
    fputs(first_line, r.file);
    for (int i = 0; i < FIELDS; ++i) write_field(r.file, fields + i, file);
    for (int i = 0; file->sets.class_thresholds && i < file->sets.classes; ++i)
        fprintf(r.file, "%s=%.17g\n", class_line, file->sets.class_thresholds[i]);
    return end_replacement(&r, 1);
}

static int read_digest(const char *text, unsigned long long *digest)
{
    if (strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16) return 0;
    *digest = strtoull(text, NULL, 16);
    return 1;
}

static int read_output(const char *text, int *output)
{
    for (int i = 0; i <= OUTPUT_OTHER; ++i)
        if (strcmp(text, output_names[i]) == 0) {
            *output = i;
            return 1;
        }
    return 0;
}

/* Returns whether the text is a value of the field. */
static int read_field(const field *f, const char *text, sets_file *file)
{
    void *value = (char *)file + f->offset;
    long whole;
    int score;
    switch (f->kind) {
    case FIELD_DIGEST:
        return read_digest(text, value);
    case FIELD_REAL:
        return read_real(text, strlen(text), f->least, f->most, value) == NUMBER_READ;
    case FIELD_OUTPUT:
        return read_output(text, value);
    case FIELD_SCORE:
        score = find_set_score(text);
        if (score >= 0) file->sets.score = (set_score)score;
        return score >= 0;
    default:
        if (read_whole(text, strlen(text), (long)f->least, (long)f->most, &whole) != NUMBER_READ)
            return 0;
        *(int *)value = (int)whole;
        return 1;
    }
}

/* What has been read of a file. */
typedef struct {
    const char *filename;
    sets_file *file;
    int number;           /* of the line */
    int seen;             /* fields */
    int class_thresholds; /* lines */
} sets_reading;

/* Returns NULL or what is wrong with the line. */
static char *read_line(sets_reading *r, char *line)
{
    prediction_sets *sets = &r->file->sets;
    char *equals = strchr(line, '=');
    const char *expected = r->seen < FIELDS ? fields[r->seen].name : class_line;
    if (equals) *equals = '\0';
    if (!equals || strcmp(line, expected) != 0)
        return print_text("%s:%d: no file of prediction sets: %s= is expected here", r->filename,
                          r->number, expected);
    int good;
    if (r->seen < FIELDS) {
        good = read_field(fields + r->seen++, equals + 1, r->file);
        sets->classes = r->file->origin.classes;
    } else {
        if (r->class_thresholds == sets->classes)
            return print_text("%s:%d: more lines %s= than classes", r->filename, r->number,
                              class_line);
        if (!sets->class_thresholds)
            sets->class_thresholds =
                allocate((size_t)sets->classes, sizeof *sets->class_thresholds);
        good = read_real(equals + 1, strlen(equals + 1), -LARGEST_THRESHOLD, LARGEST_THRESHOLD,
                         sets->class_thresholds + r->class_thresholds++) == NUMBER_READ;
    }
    return good ? NULL
                : print_text("%s:%d: %s=%s: out of range or no value of this", r->filename,
                             r->number, expected, equals + 1);
}

char *read_sets_file(const char *filename, sets_file *file)
{
    sets_reading r = {.filename = filename, .file = file};
    char *fault = NULL, *line;
    memset(file, 0, sizeof *file);
    FILE *stream = fopen(filename, "r");
    if (!stream) return print_text("%s: cannot be read: %s", filename, strerror(errno));
    while (!fault && (line = read_text_line(stream)) != NULL) {
        ++r.number;
        if (*line != '#' && *line) fault = read_line(&r, line);
        free(line);
    }
    fclose(stream);
    if (!fault && r.seen < FIELDS)
        fault =
            print_text("%s: no file of prediction sets: has no %s=", filename, fields[r.seen].name);
    if (!fault && r.class_thresholds && r.class_thresholds < file->sets.classes)
        fault = print_text("%s: has %d lines %s=, but %d classes", filename, r.class_thresholds,
                           class_line, file->sets.classes);
    if (!fault) return NULL;
    free(file->sets.class_thresholds);
    file->sets.class_thresholds = NULL;
    return fault;
}

const char *find_other_origin(const sets_origin *a, const sets_origin *b)
{
    if (a->classes != b->classes || a->labels != b->labels) return "other classes";
    if (a->weights != b->weights) return "other weights";
    if (a->width != b->width || a->height != b->height || a->channels != b->channels)
        return "another width, height or channels of the network";
    if (a->output != b->output || fabs(a->temperature - b->temperature) > 1e-6 * a->temperature)
        return "another output or temperature of the network";
    return NULL;
}
