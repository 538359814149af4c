/* Renames the files of an earlier run of the same name before a new run saves. */
#ifndef EARLIER_RUN_H
#define EARLIER_RUN_H

#include <stddef.h>

/* Renames the weights of `base` in `directory` (.backup, .weights, _best.weights) to FILE.N, all
   with the least N that is free for them. A line says their new names, the batch they are from, and
   the command that resumes from them with `datacfg` and `cfg`. Ends the program with exit code 1
   where a file cannot be renamed. Does nothing where there are none. */
void keep_earlier_weights(const char *directory, const char *base, size_t images_a_batch,
                          const char *datacfg, const char *cfg);

/* Renames a file to FILE.N, N the least that is free, and returns that name, which the caller
   frees. Ends the program with exit code 1 where it cannot be renamed. */
char *keep_earlier_file(const char *filename);

#endif
