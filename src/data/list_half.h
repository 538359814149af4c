/* Two halves of a list, always the same two. */
#ifndef LIST_HALF_H
#define LIST_HALF_H

/* Draws count/2 of the lines for the first half, the rest is the second; both keep their order.
   What is drawn depends on count alone. first has room for count/2 lines, second for the others. */
void split_list(char **lines, int count, char **first, char **second);

#endif
