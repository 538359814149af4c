/* FNV-1a of bytes, files and texts. */
#include "digest.h"

#include <stdio.h>
#include <string.h>

unsigned long long add_to_digest(unsigned long long digest, const void *bytes, size_t size)
{
    const unsigned char *next = bytes;
    for (size_t i = 0; i < size; ++i) digest = (digest ^ next[i]) * 0x100000001b3ULL;
    return digest;
}

unsigned long long digest_file(const char *filename)
{
    char bytes[4096];
    unsigned long long digest = DIGEST_START;
    FILE *file = filename ? fopen(filename, "rb") : NULL;
    if (!file) return 0;
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, file)) > 0;)
        digest = add_to_digest(digest, bytes, size);
    fclose(file);
    return digest;
}

unsigned long long digest_texts(char **texts, int count)
{
    unsigned long long digest = DIGEST_START;
    for (int i = 0; texts && i < count; ++i)
        digest = add_to_digest(digest, texts[i], strlen(texts[i]) + 1);
    return digest;
}
