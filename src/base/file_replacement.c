/* A new file beside the old one, renamed when it is whole and on disk. */
#define _GNU_SOURCE /* mkostemps, O_CLOEXEC */
#include "file_replacement.h"

#include "allocate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ABANDONED_SECONDS = 600, LINKS = 40 };

/* The file that a link stands for, which need not exist; NULL and errno for a circle of links. */
static char *follow_links(const char *filename)
{
    char *name = print_text("%s", filename);
    for (int i = 0; i < LINKS; ++i) {
        struct stat s;
        if (lstat(name, &s) || !S_ISLNK(s.st_mode)) return name;
        char *place = allocate((size_t)s.st_size + 4097, 1), *next;
        if (readlink(name, place, (size_t)s.st_size + 4096) < 0) *place = '\0';
        next = *place == '/' ? print_text("%s", place) : print_text("%s/%s", dirname(name), place);
        free(place);
        free(name);
        name = next;
    }
    free(name);
    errno = ELOOP;
    return NULL;
}

/* Whether `name` is BASE.PROCESS.XXXXXX.tmp of a process that is gone. */
static int is_abandoned(const char *name, const char *base)
{
    size_t length = strlen(base);
    if (strncmp(name, base, length) != 0 || name[length] != '.') return 0;
    char *end;
    long process = strtol(name + length + 1, &end, 10);
    if (process <= 0 || *end != '.' || strlen(end) != sizeof ".XXXXXX.tmp" - 1) return 0;
    if (strcmp(end + sizeof ".XXXXXX" - 1, ".tmp") != 0) return 0;
    return kill((pid_t)process, 0) && errno == ESRCH;
}

/* Another machine's processes look gone too: what was written to a short while ago stays. */
static void remove_abandoned(const char *target)
{
    char *for_directory = print_text("%s", target), *for_base = print_text("%s", target);
    const char *directory = dirname(for_directory), *base = basename(for_base);
    DIR *entries = opendir(directory);
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        struct stat s;
        if (!is_abandoned(entry->d_name, base)) continue;
        char *path = print_text("%s/%s", directory, entry->d_name);
        if (!lstat(path, &s) && S_ISREG(s.st_mode) && time(NULL) - s.st_mtime > ABANDONED_SECONDS)
            unlink(path);
        free(path);
    }
    if (entries) closedir(entries);
    free(for_directory);
    free(for_base);
}

/* Makes a rename in the file's directory last; file systems that cannot do that do not need it. */
static void sync_directory(const char *filename)
{
    char *copy = print_text("%s", filename);
    int directory = open(dirname(copy), O_RDONLY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
    free(copy);
}

static int open_temporary(file_replacement *r)
{
    r->temporary = print_text("%s.%ld.XXXXXX.tmp", r->target, (long)getpid());
    int file = mkostemps(r->temporary, sizeof ".tmp" - 1, O_CLOEXEC);
    if (file < 0) return file;
    if (r->exists) {
        /* When root saves, the file keeps its owner. Other users may not change an owner; the
           save goes on without. */
        if (fchown(file, r->old.st_uid, r->old.st_gid) && fchown(file, (uid_t)-1, r->old.st_gid))
            errno = 0;
        fchmod(file, r->old.st_mode & 07777);
    } else {
        mode_t mask = umask(0);
        umask(mask);
        fchmod(file, 0666 & ~mask);
    }
    return file;
}

static int release(file_replacement *r, int error)
{
    free(r->target);
    free(r->temporary);
    r->target = r->temporary = NULL;
    r->file = NULL;
    return error;
}

int begin_replacement(file_replacement *r, const char *filename)
{
    memset(r, 0, sizeof *r);
    r->exists = !stat(filename, &r->old);
    /* What /dev/stdout stands for need not have a name. */
    r->target =
        r->exists && !S_ISREG(r->old.st_mode) ? print_text("%s", filename) : follow_links(filename);
    if (!r->target) return errno;
    if (r->exists && access(r->target, W_OK)) return release(r, errno);
    int file;
    if (r->exists && !S_ISREG(r->old.st_mode)) {
        file = open(r->target, O_WRONLY | O_CLOEXEC);
    } else {
        remove_abandoned(r->target);
        file = open_temporary(r);
    }
    r->file = file < 0 ? NULL : fdopen(file, "wb");
    if (r->file) return 0;
    int error = errno;
    if (file >= 0) close(file);
    if (file >= 0 && r->temporary) unlink(r->temporary);
    return release(r, error);
}

int end_replacement(file_replacement *r, int keep)
{
    int error = 0;
    errno = 0;
    if (ferror(r->file) || fflush(r->file) || (r->temporary && keep && fsync(fileno(r->file))))
        error = errno ? errno : EIO;
    if (fclose(r->file) && !error) error = errno;
    if (r->temporary) {
        if (keep && !error && rename(r->temporary, r->target)) error = errno;
        if (keep && !error)
            sync_directory(r->target);
        else
            unlink(r->temporary);
    }
    return release(r, error);
}

int refuse_other_file(const char *flag, const char *filename, const char *beginning,
                      const char *word, const char *kind)
{
    enum { LOOKED_AT = 1024 };
    struct stat s;
    char start[LOOKED_AT + 1];
    if (stat(filename, &s) || !S_ISREG(s.st_mode)) return 0;
    FILE *file = fopen(filename, "rb");
    size_t length = file ? fread(start, 1, LOOKED_AT, file) : 0;
    if (file) fclose(file);
    start[length] = '\0';
    if (!length) return 0;
    if (strncmp(start, beginning, strlen(beginning)) == 0 && strstr(start, word)) return 1;
    fprintf(stderr,
            "%s %s: that file is not %s, and would be replaced; give another name or remove it\n",
            flag, filename, kind);
    exit(1);
}
