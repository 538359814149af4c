/* Names and order of a run's weights files. */
#include "checkpoint.h"

#include "allocate.h"
#include "weights_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *last_saved;

void check_backup_directory(const char *directory, const char *datacfg)
{
    struct stat s;
    errno = 0;
    if (!stat(directory, &s) && S_ISDIR(s.st_mode) && !access(directory, W_OK | X_OK)) return;
    fprintf(stderr, "Cannot save weights in the directory %s (backup= in %s): %s\n", directory,
            datacfg, errno ? strerror(errno) : "not a directory");
    exit(1);
}

int save_checkpoint(network *net, const char *directory, const char *base, const char *suffix)
{
    char *filename = print_text("%s/%s%s", directory, base, suffix);
    int result = replace_weights(net, filename, net->n);
    if (result == WEIGHTS_SAVED) {
        free(last_saved);
        last_saved = filename;
    } else {
        free(filename);
    }
    return result;
}

const char *last_checkpoint(void)
{
    return last_saved;
}
