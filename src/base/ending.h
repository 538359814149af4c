/* Ends the program after a fault in the middle of a run, with what can be saved. */
#ifndef ENDING_H
#define ENDING_H

/* From now on end_program calls save(argument) before it ends the program; NULL: no longer. */
void save_before_end(void (*save)(void *argument), void *argument);

/* Writes the message and a line end to stderr, saves, and ends the program with exit code 1. Any
   thread may call it; others that do so at the same time wait for the end. A second fault while it
   saves ends the program at once. */
void end_program(const char *words) __attribute__((noreturn));

#endif
