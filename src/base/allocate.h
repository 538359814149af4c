/* Memory that is there, or the end of the program. */
#ifndef ALLOCATE_H
#define ALLOCATE_H

#include <stddef.h>

/* count times size bytes of zeros, which the caller frees; ends the program with exit code 1 and a
   message where they cannot be had. */
void *allocate(size_t count, size_t size);

/* What printf would write, as text that the caller frees. */
__attribute__((format(printf, 1, 2))) char *print_text(const char *format, ...);

#endif
