/* The message with which every check of a .cfg ends. */
#include "cfg_refusal.h"

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
