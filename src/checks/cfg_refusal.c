/* The messages that refuse a section of a .cfg or a size of a network. */
#include "cfg_refusal.h"
#include "ending.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void refuse_section(char *filename, const section *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "\n%s, line %d: %s ", filename, s->line, s->type);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

void refuse_resizing(int number, const char *layer)
{
    char message[128];
    snprintf(message, sizeof message, "Layer %d, %s, cannot change its size", number, layer);
    end_program(message);
}
