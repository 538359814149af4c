/* Keeps the function with which a rank saves when a signal to stop comes. */
#include "rank_save.h"

#include <stddef.h>

static void (*save_last)(void *argument);
static void *save_argument;

void save_when_alone(void (*save)(void *argument), void *argument)
{
    save_argument = argument;
    save_last = save;
}

int has_save(void)
{
    return save_last != NULL;
}

void save_once(void)
{
    void (*save)(void *) = save_last;
    save_last = NULL;
    if (save) save(save_argument);
}
