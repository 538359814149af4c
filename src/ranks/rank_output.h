/* What ranks write to stderr and stdout. */
#ifndef RANK_OUTPUT_H
#define RANK_OUTPUT_H

/* Until show_output the last line of stderr is remembered; what other ranks than 0 write there is
   not shown, nor, from here on, is their stdout. With another C library than glibc stderr stays as
   it is. */
void keep_output(int rank);

/* From here on stderr is shown: rank 0's as it is, others' with the rank before each line. */
void show_output(void);

/* The last line that was written to stderr, at most size - 1 bytes of it. */
void last_words(char *text, int size);

#endif
