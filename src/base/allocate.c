/* Memory and texts, or the end of the program. */
#include "allocate.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void end_without_memory(size_t count, size_t size)
{
    fprintf(stderr, "out of memory: %zu times %zu bytes\n", count, size);
    exit(1);
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);
    if (memory) return memory;
    end_without_memory(count, size);
}

void *reallocate(void *memory, size_t count, size_t size)
{
    void *larger = NULL;
    if (!count) count = 1;
    if (size <= SIZE_MAX / count) larger = realloc(memory, count * size);
    if (larger) return larger;
    end_without_memory(count, size);
}

char *print_text(const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = allocate((size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}
