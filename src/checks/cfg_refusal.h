/* A section of a .cfg, and the message that refuses it. */
#ifndef CFG_REFUSAL_H
#define CFG_REFUSAL_H

#include "darknet.h"

/* A section as Darknet's reader leaves it: its name with brackets, its options (kvp), its line. */
typedef struct {
    char *type;
    list *options;
    int line;
} section;

/* Says "FILE, line N: [section] ..." and ends the program. */
void refuse_section(char *filename, const section *s, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/* Says that this layer of a network cannot be made for images of another size, and ends the
 * program.
 */
void refuse_resizing(int number, const char *layer) __attribute__((noreturn));

/* Upstream's: what kind of layer a name in brackets is. */
LAYER_TYPE string_to_layer_type(char *type);

#endif
