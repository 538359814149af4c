/* Memory and texts, or the end of the program. */
#define _DEFAULT_SOURCE /* madvise */
#include "allocate.h"

#include "ending.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CACHE_LINE 64
/* Bytes of a long array, more than a page; a shorter one lies as it comes. */
#define LONG_ARRAY 131072

static __thread allocation_purpose purpose;

allocation_purpose set_allocation_purpose(const char *subject, const char *advice)
{
    allocation_purpose before = purpose;
    purpose = (allocation_purpose){subject, advice};
    return before;
}

void out_of_memory(size_t bytes)
{
    char words[512];
    double megabytes = (double)bytes / 1e6;
    snprintf(words, sizeof words, "\nout of memory: %.300s asks for %.*f MB%s%s",
             purpose.subject ? purpose.subject : "the program", megabytes < 10, megabytes,
             purpose.advice ? " " : "", purpose.advice ? purpose.advice : "");
    end_program(words);
}

static void *there(void *memory, size_t bytes)
{
    if (!memory) out_of_memory(bytes);
    return memory;
}

/* SIZE_MAX where the product is larger than that. */
static size_t product(size_t count, size_t size)
{
    return size && count > SIZE_MAX / size ? SIZE_MAX : count * size;
}

void *allocate(size_t count, size_t size)
{
    if (!count || !size) count = size = 1;
    return there(calloc(count, size), product(count, size));
}

/* Zeros without touching whole pages. */
static void clear(char *block, size_t bytes)
{
#if defined MADV_DONTNEED && defined MADV_HUGEPAGE
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = -(uintptr_t)block % page;
    size_t after = ((uintptr_t)block + bytes) % page, whole = bytes - before - after;
    /* Pages at both ends are included, so that neighboring arrays can share a large page. */
    size_t begun = before ? page - before : 0, left = after ? page - after : 0;
    madvise(block - begun, begun + bytes + left, MADV_HUGEPAGE);
    if (madvise(block + before, whole, MADV_DONTNEED) == 0) {
        memset(block, 0, before);
        memset(block + before + whole, 0, after);
        return;
    }
#endif
    memset(block, 0, bytes);
}

void *allocate_array(size_t count, size_t size)
{
    size_t bytes = product(count, size);
    void *block;
    if (bytes < LONG_ARRAY) return allocate(count, size);
    if (posix_memalign(&block, CACHE_LINE, bytes)) out_of_memory(bytes);
    clear(block, bytes);
    return block;
}

void *allocate_unset(size_t bytes)
{
    return there(malloc(bytes ? bytes : 1), bytes);
}

void *reallocate(void *memory, size_t count, size_t size)
{
    size_t bytes = product(count, size);
    return there(bytes < SIZE_MAX ? realloc(memory, bytes ? bytes : 1) : NULL, bytes);
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
