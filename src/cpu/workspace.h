#ifndef WORKSPACE_H
#define WORKSPACE_H

#include "darknet.h"

#include <stddef.h>

/* `bytes` bytes of zeros that all layers of the network work in. They, and the layers' outputs, are
   in large pages where the system has them: the planes of an image, and Winograd's 36 matrices, are
   read side by side, and each would be on small pages of its own. Freed by free; where there is no
   such memory the program ends (allocate.h). */
float *allocate_workspace(const network *net, size_t bytes);

#endif
