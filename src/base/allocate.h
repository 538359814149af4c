/* Memory that is there, or the end of the program. */
#ifndef ALLOCATE_H
#define ALLOCATE_H

#include <stddef.h>

/* count times size bytes of zeros, which the caller frees; where there is no such memory the
   program ends with exit code 1 and a message. */
void *allocate(size_t count, size_t size);

/* The same for arrays that vector loops run over. A long one begins at a cache line and lies in
   large pages where the system has them: loops read many of its rows side by side, and each row
   would need small pages of its own. Pages that nothing is written to take no memory. */
void *allocate_array(size_t count, size_t size);

/* `memory` (or NULL), made larger or smaller, as realloc does it; ends the program likewise. */
void *reallocate(void *memory, size_t count, size_t size);

/* `bytes` bytes whose values are not set, likewise. */
void *allocate_unset(size_t bytes);

/* What the calling thread takes memory for from now on, and what helps where there is none, for the
   message "out of memory: SUBJECT asks for N MB ADVICE"; NULL: nothing that has a name, no advice.
   The texts must last. Returns what was named before. */
typedef struct {
    const char *subject, *advice;
} allocation_purpose;
allocation_purpose set_allocation_purpose(const char *subject, const char *advice);

/* Ends the program by end_program (ending.h) with that message. */
void out_of_memory(size_t bytes) __attribute__((noreturn));

/* What printf would write, as text that the caller frees. */
__attribute__((format(printf, 1, 2))) char *print_text(const char *format, ...);

#endif
