/* What a rank saves when a signal to stop comes while it waits for the others. */
#ifndef RANK_SAVE_H
#define RANK_SAVE_H

#if RANKS

/* The other ranks may never finish the batch, and mpirun soon kills the ranks that it asks to stop.
   So half a second after the signal N of stop_signal.h a rank that waits or trains calls
   `save`, which may save the weights of the last update, and ends all with exit code 128 + N. */
void save_when_alone(void (*save)(void *argument), void *argument);

/* Whether there is something to save. */
int has_save(void);

/* Saves it, once. */
void save_once(void);

#else

#define save_when_alone(save, argument) ((void)(save), (void)(argument))

#endif
#endif
