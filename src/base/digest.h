/* Digests (64 bits, FNV-1a), which tell files and texts apart. They do not protect against someone
 * who makes two equal on purpose. */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>

/* The digest of nothing. */
#define DIGEST_START 0xcbf29ce484222325ULL

/* The digest of the bytes that `digest` is of, followed by these. */
unsigned long long add_to_digest(unsigned long long digest, const void *bytes, size_t size);

/* Of a file's bytes; 0 for a file that cannot be read, or NULL. */
unsigned long long digest_file(const char *filename);

/* Of texts and where they end; texts may be NULL. */
unsigned long long digest_texts(char **texts, int count);

#endif
