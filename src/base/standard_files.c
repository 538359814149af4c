/* Opens the descriptors 0 to 2 where the program was started without them. */
#include "standard_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

void open_standard_files(void)
{
    for (int i = 0; i < 3; ++i) {
        if (fcntl(i, F_GETFD) != -1) continue;
        /* The lowest free number, i, is what open takes. */
        open("/dev/null", i == 0 ? O_WRONLY : O_RDONLY);
    }
}

static int prints_no_results;

void print_no_results(void)
{
    prints_no_results = 1;
}

int is_output_written(void)
{
    errno = 0;
    if (prints_no_results || (!fflush(stdout) && !ferror(stdout))) return 1;
    fprintf(stderr, "Not all results could be written to standard output%s%s\n", errno ? ": " : "",
            errno ? strerror(errno) : "");
    return 0;
}
