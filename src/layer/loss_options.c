/* The options of a section that ends a network with a loss. */
#include "loss_options.h"

#include "numbers.h"
#include "option_list.h"

#include <float.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *place_file; /* NULL: no file is being read */
static int place_line;

void set_loss_place(const char *filename, int line)
{
    place_file = filename;
    place_line = line;
}

void refuse_loss_option(const char *section, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "\n");
    if (place_file) fprintf(stderr, "%s, line %d: ", place_file, place_line);
    fprintf(stderr, "[%s] ", section);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

const char *loss_option_text(const loss_section *section, const char *name)
{
    for (node *n = section->options->front; n; n = n->next) {
        kvp *option = n->val;
        if (strcmp(option->key, name) != 0) continue;
        option->used = 1;
        return option->val ? option->val : "";
    }
    return NULL;
}

static void refuse_number(const loss_section *section, number_result result, const char *name,
                          const char *whole_text, const char *range)
{
    if (result == NUMBER_READ) return;
    refuse_loss_option(section->name, "%s=%s: %s; must be %s", name, whole_text,
                       result == NUMBER_MALFORMED ? "not a number" : "out of range", range);
}

/* The number that `text` begins with, up to a comma or the end. */
static double read_number(const loss_section *section, const char *text, const char *name,
                          const char *whole_text, const char *range)
{
    double value = 0;
    number_result result = read_real(text, strcspn(text, ","), -FLT_MAX, FLT_MAX, &value);
    refuse_number(section, result, name, whole_text, range);
    return value;
}

double loss_number_option(const loss_section *section, const char *name, double by_default,
                          const char *range)
{
    const char *text = loss_option_text(section, name);
    if (!text) return by_default;
    if (strchr(text, ','))
        refuse_loss_option(section->name, "%s=%s: not a number; must be %s", name, text, range);
    return read_number(section, text, name, text, range);
}

int read_loss_whole_number(const loss_section *section, const char *name, const char *text,
                           const char *whole_text, const char *range)
{
    long value = 0;
    number_result result = read_whole(text, strcspn(text, ","), INT_MIN, INT_MAX, &value);
    refuse_number(section, result, name, whole_text, range);
    return (int)value;
}

int loss_list_length(const char *text)
{
    int length = 1;
    while ((text = strchr(text, ','))) {
        ++length;
        ++text;
    }
    return length;
}

int loss_list_option(const loss_section *section, const char *name, int count, const char *range,
                     double *values)
{
    const char *text = loss_option_text(section, name), *part = text;
    if (!text) return 0;
    int length = loss_list_length(text);
    if (length != count && length != 1)
        refuse_loss_option(section->name,
                           "%s=%s: %d numbers for %d k; must be one, or one for each k: %s", name,
                           text, length, count, range);
    for (int j = 0; j < count; ++j) {
        values[j] = read_number(section, part, name, text, range);
        if (length > 1) part += strcspn(part, ",") + 1;
    }
    return 1;
}

static float positive_option(const loss_section *section, const char *name, float by_default,
                             const char *range)
{
    float value = (float)loss_number_option(section, name, (double)by_default, range);
    if (loss_option_text(section, name) && !(value > 0))
        refuse_loss_option(section->name, "%s=%s: out of range; must be %s", name,
                           loss_option_text(section, name), range);
    return value;
}

float loss_scale_option(const loss_section *section, float by_default)
{
    return positive_option(section, "scale", by_default, LOSS_SCALE_RANGE);
}

float loss_temperature_option(const loss_section *section, float by_default)
{
    return positive_option(section, "temperature", by_default, LOSS_TEMPERATURE_RANGE);
}

hardest_option loss_hardest_option(const loss_section *section)
{
    static const char range[] = "a whole number, hardest >= 1: how many samples of a batch count; "
                                "or a fraction of all, 0.001 <= hardest < 1";
    const char *text = loss_option_text(section, "hardest");
    long count = 0;
    double fraction = 0;
    if (!text) return (hardest_option){0, 0};
    if (read_whole(text, strlen(text), 1, INT_MAX, &count) == NUMBER_READ)
        return (hardest_option){(int)count, 0};
    number_result result = read_real(text, strlen(text), -FLT_MAX, FLT_MAX, &fraction);
    if (result == NUMBER_READ && !(fraction >= 0.001 && (float)fraction < 1))
        refuse_loss_option(section->name, "hardest=%s: out of range; must be %s", text, range);
    refuse_number(section, result, "hardest", text, range);
    return (hardest_option){0, (float)fraction};
}

void print_hardest_option(hardest_option hardest)
{
    if (hardest.count) fprintf(stderr, "  hardest = %d", hardest.count);
    if (hardest.fraction > 0) fprintf(stderr, "  hardest = %g of all", (double)hardest.fraction);
}
