#ifndef WORKSPACE_H
#define WORKSPACE_H

#include <stddef.h>

/* `bytes` bytes of zeros that all layers of a network work in, in large pages where the system has
   them: Winograd's method writes to 36 places at a time, each on a page of its own. Freed by free;
   where there is no such memory the program ends (allocate.h). */
float *allocate_workspace(size_t bytes);

#endif
