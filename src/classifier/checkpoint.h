/* The weights files of a training run: where they go, what they are called, which was the last. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include "darknet.h"

/* Ends the program with exit code 1 unless weights can be saved in `directory`, `backup=` of the
   file `datacfg`: a run must not find out at its first save. */
void check_backup_directory(const char *directory, const char *datacfg);

/* Saves DIRECTORY/BASE + suffix by replace_weights (weights_file.h) and returns what that does. */
int save_checkpoint(network *net, const char *directory, const char *base, const char *suffix);

/* The last file that save_checkpoint saved, NULL if there is none. */
const char *last_checkpoint(void);

#endif
