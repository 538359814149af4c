/* Files that are replaced whole or not at all, whenever the program or the machine stops. */
#ifndef FILE_REPLACEMENT_H
#define FILE_REPLACEMENT_H

#include <stdio.h>
#include <sys/stat.h>

typedef struct {
    FILE *file;      /* to write to */
    char *target;    /* the file that is replaced: not a link to it */
    char *temporary; /* NULL where the target is written to directly */
    int exists;      /* whether there is an old file, */
    struct stat old; /* and what it is */
} file_replacement;

/* Opens a new temporary file, NAME.PROCESS.XXXXXX.tmp, in the directory of `filename`, with the
   owner and permissions of the old file. Temporary files that killed processes left are removed.
   A device or a pipe is opened itself. Where `filename` is a link, the file that it names is
   replaced, not the link. Returns 0 or an errno; a write-protected file gives EACCES. */
int begin_replacement(file_replacement *r, const char *filename);

/* Writes to disk, closes, and puts the new file in the old one's place, if `keep`; else, or if that
   fails, removes it, and the old file stays. Returns 0 or the error's number. Call it once. */
int end_replacement(file_replacement *r, int keep);

/* Ends the program with exit code 1 where `filename`, the value of `flag`, is a file that is not
   empty and does not begin with `beginning` or has `word` nowhere in its first 1024 bytes: then it
   is something else than `kind`, by which it would be replaced. Returns 1 if there is a file that
   may be replaced, 0 for none, an empty one, a device or a pipe. */
int refuse_other_file(const char *flag, const char *filename, const char *beginning,
                      const char *word, const char *kind);

#endif
