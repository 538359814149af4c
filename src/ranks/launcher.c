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

/* At least 1; as far as the launcher says so. */
static int launched_processes(void)
{
    int most = 1;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
        const char *value = getenv(sizes[i]);
        if (value && atoi(value) > most) most = atoi(value);
    }
    return most;
}

void refuse_launcher(const char *why)
{
    int count = launched_processes();
    if (count == 1) return;
    fprintf(stderr, "%d processes were started, but %s\n", count, why);
    exit(1);
}
