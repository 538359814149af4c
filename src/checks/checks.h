/* All checks of what people bring, for upstream's utils.h. */
#include "cfg_checks.h"
#include "text_lines.h"
