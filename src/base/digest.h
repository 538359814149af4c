/* Digests: numbers by which two files or texts are told apart (64 bits, FNV-1a). They do not guard
 * against someone who wants two to be equal. */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>

/* What a digest begins with. */
#define DIGEST_START 0xcbf29ce484222325ULL

/* The digest of what `digest` is of, and these bytes behind it. */
unsigned long long add_to_digest(unsigned long long digest, const void *bytes, size_t size);

/* Of a file's bytes; 0 for a file that cannot be read, or NULL. */
unsigned long long digest_file(const char *filename);

/* Of texts and where they end; texts may be NULL. */
unsigned long long digest_texts(char **texts, int count);

#endif
