/* Upstream's allocations, none of which it looks at, as ours: compiled before each of its C files
   (darknet.mk). */
#ifndef CHECKED_MEMORY_H
#define CHECKED_MEMORY_H

#include <stdlib.h>

#include "allocate.h"

#define malloc(size) allocate_unset(size)
#ifdef LAYER_ARRAYS /* a layer's file: what it allocates are its arrays */
#define calloc(count, size) allocate_array(count, size)
#else
#define calloc(count, size) allocate(count, size)
#endif
#define realloc(memory, size) reallocate(memory, 1, size)

#endif
