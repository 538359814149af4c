/* Draws half of a list at random, always the same half. */
#ifndef LIST_HALF_H
#define LIST_HALF_H

/* For each of `count` lines 1 if it is in the half, of count/2 lines, else 0. What is drawn depends
   on count alone. The caller frees it. */
char *draw_half(int count);

#endif
