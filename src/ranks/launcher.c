/* What a launcher tells its processes, by environment variables. */
#include "launcher.h"

#include <stdio.h>
#include <stdlib.h>

/* Open MPI's mpirun; MPICH's and others; Slurm's step. */
static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};

int has_launcher(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_FD"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
        if (getenv(names[i])) return 1;
    return 0;
}

int launched_processes(void)
{
    int most = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        const char *value = getenv(sizes[i]);
        if (value && atoi(value) > most) most = atoi(value);
    }
    return most;
}

void refuse_launcher(void)
{
    int count = launched_processes();
    if (count == 1) return;
    fprintf(stderr,
            "This is one of %d processes, but built without MPI: each would train the whole run; "
            "build with make MPI=1\n",
            count);
    exit(1);
}
