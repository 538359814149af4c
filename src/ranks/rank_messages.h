/* Small messages between ranks: a number, a text, whether to stop; nothing is sent with one rank.
 */
#ifndef RANK_MESSAGES_H
#define RANK_MESSAGES_H

#include "darknet.h"

#if RANKS

/* Each of these waits for all ranks and gives all the same: the greatest of each of `count`
   numbers; the mean; rank 0's bytes; the texts of all ranks one after another, which the caller
   frees. */
void greatest_of_ranks(int *numbers, int count);
float mean_of_ranks(float number);
void copy_from_first_rank(void *bytes, size_t size);
char *texts_of_ranks(const char *text);

/* The rate of a batch: rank 0's, where the policy draws it at random. */
float rate_of_ranks(float rate, learning_rate_policy policy);

#else

#define greatest_of_ranks(numbers, count) ((void)(numbers))
#define mean_of_ranks(number) (number)
#define copy_from_first_rank(bytes, size) ((void)(bytes))
#define texts_of_ranks(text) ((char *)NULL)
#define rate_of_ranks(rate, policy) (rate)

#endif
#endif
