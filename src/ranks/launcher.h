/* Whether mpirun or srun started this process, and others beside it. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

/* Whether a launcher started this process as one that may use MPI. */
int has_launcher(void);

/* Ends the program with exit code 1, saying why, if it is one of several that were started: where
   they do not know of each other each would train the whole run and write over the others' weights.
 */
void refuse_launcher(const char *why);

#endif
