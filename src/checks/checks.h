/* The headers of the checks that upstream's files call, included by upstream's utils.h. */
#include "cfg_checks.h"
#include "ending.h"
#include "text_lines.h"
