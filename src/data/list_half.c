/* Draws one half of a list at random. */
#include "list_half.h"

#include "allocate.h"
#include "seed.h"

#include <stdlib.h>

typedef struct {
    unsigned long long key;
    int line;
} drawn_line;

static int by_key(const void *left, const void *right)
{
    const drawn_line *a = left, *b = right;
    int keys = (a->key > b->key) - (a->key < b->key);
    return keys ? keys : a->line - b->line;
}

char *draw_half(int count)
{
    enum { SEED = 24 };
    drawn_line *drawn = allocate((size_t)count, sizeof *drawn);
    char *is_drawn = allocate((size_t)count, 1);
    for (int i = 0; i < count; ++i)
        drawn[i] = (drawn_line){mix_seed(SEED, (unsigned long long)i), i};
    qsort(drawn, (size_t)count, sizeof *drawn, by_key);
    for (int i = 0; i < count / 2; ++i) is_drawn[drawn[i].line] = 1;
    free(drawn);
    return is_drawn;
}
