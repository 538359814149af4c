/* Memory that is there, or the end of the program. */
#ifndef ALLOCATE_H
#define ALLOCATE_H

#include <stddef.h>

/* count times size bytes of zeros, which the caller frees; where there is no such memory the
   program ends with exit code 1 and a message. */
void *allocate(size_t count, size_t size);

/* `memory` (or NULL), made larger or smaller, as realloc does it; ends the program likewise. */
void *reallocate(void *memory, size_t count, size_t size);

/* What printf would write, as text that the caller frees. */
__attribute__((format(printf, 1, 2))) char *print_text(const char *format, ...);

#endif
