/* A number for each class: read from a file, or computed from how many images each class has. */
#include "class_numbers.h"

#include "allocate.h"
#include "data.h"
#include "numbers.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGE "auto, or a file with a finite number >= 0 a line, one for each class"

static float read_line(const loss_section *section, const char *name, const char *file,
                       const char *line, int number)
{
    double value;
    if (read_real(line, strlen(line), 0, FLT_MAX, &value) != NUMBER_READ)
        refuse_loss_option(section->name, "%s=%s: line %d is %s; must be a finite number >= 0",
                           name, file, number, line);
    return (float)value;
}

class_numbers read_class_numbers(const loss_section *section, const char *name, int classes)
{
    class_numbers numbers = {0};
    const char *text = loss_option_text(section, name);
    if (!text) return numbers;
    numbers.is_auto = strcmp(text, "auto") == 0;
    numbers.values = allocate(classes, sizeof *numbers.values);
    if (numbers.is_auto) {
        for (int i = 0; i < classes; ++i) numbers.values[i] = 1;
        return numbers;
    }
    FILE *file = fopen(text, "r");
    if (!file)
        refuse_loss_option(section->name, "%s=%s: cannot be read: %s; must be " RANGE, name, text,
                           *text ? strerror(errno) : "no name");
    fclose(file);
    char *path = allocate(strlen(text) + 1, 1);
    strcpy(path, text);
    list *lines = get_paths(path);
    if (lines->size != classes)
        refuse_loss_option(section->name, "%s=%s: has %d lines for %d classes; must be " RANGE,
                           name, text, lines->size, classes);
    int i = 0;
    for (node *n = lines->front; n; n = n->next, ++i)
        numbers.values[i] = read_line(section, name, text, n->val, i + 1);
    free_list_contents(lines);
    free_list(lines);
    free(path);
    return numbers;
}

void set_margins_from_counts(float *margins, const int *counts, int classes)
{
    int rarest = 0;
    for (int i = 0; i < classes; ++i)
        if (counts[i] > 0 && (!rarest || counts[i] < rarest)) rarest = counts[i];
    for (int i = 0; i < classes; ++i)
        margins[i] = counts[i] > 0 ? (float)pow((double)rarest / counts[i], 0.25) : 1;
}

void set_weights_from_counts(float *weights, const int *counts, int classes)
{
    double images = 0, present = 0;
    for (int i = 0; i < classes; ++i) {
        images += counts[i];
        present += counts[i] > 0;
    }
    for (int i = 0; i < classes; ++i)
        weights[i] = counts[i] > 0 ? (float)(images / (present * counts[i])) : 0;
}
