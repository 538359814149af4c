/* Whether mpirun or srun started this process, and how many beside it. */
#ifndef LAUNCHER_H
#define LAUNCHER_H

/* Whether a launcher started this process as one that may use MPI. */
int has_launcher(void);

/* How many processes the launcher started, as far as it says so; at least 1. */
int launched_processes(void);

/* For a build without MPI: ends the program with exit code 1 if it is one of several, since each
   would train the whole run and write over the others' weights. */
void refuse_launcher(void);

#endif
