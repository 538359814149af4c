/* Digests of a run's files. */
#include "rank_files.h"

#include <stdio.h>
#include <string.h>

/* Set by src/darknet.mk. */
#ifndef BUILD_DIGEST
#define BUILD_DIGEST 0
#endif

static const unsigned long long basis = 0xcbf29ce484222325ULL, prime = 0x100000001b3ULL;

static unsigned long long add_bytes(unsigned long long digest, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; ++i) digest = (digest ^ (unsigned char)bytes[i]) * prime;
    return digest;
}

static unsigned long long digest_file(const char *filename)
{
    char bytes[4096];
    unsigned long long digest = basis;
    FILE *file = filename ? fopen(filename, "rb") : NULL;
    if (!file) return 0;
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, file)) > 0;)
        digest = add_bytes(digest, bytes, size);
    fclose(file);
    return digest;
}

static unsigned long long digest_texts(char **texts, int count)
{
    unsigned long long digest = basis;
    for (int i = 0; texts && i < count; ++i)
        digest = add_bytes(digest, texts[i], strlen(texts[i]) + 1);
    return digest;
}

static unsigned long long digest_numbers(const void *numbers, int count)
{
    return numbers ? add_bytes(basis, numbers, (size_t)count * sizeof(float)) : 0;
}

void digest_files(const rank_files *files, unsigned long long digests[DIGESTS])
{
    digests[DIGEST_BUILD] = BUILD_DIGEST;
    digests[DIGEST_CFG] = digest_file(files->cfg);
    digests[DIGEST_TRAIN] = digest_texts(files->paths, files->images);
    digests[DIGEST_IMAGE_LABELS] = files->image_labels;
    digests[DIGEST_LABELS] = digest_texts(files->labels, files->classes);
    digests[DIGEST_MARGINS] = digest_numbers(files->class_margins, files->classes);
    digests[DIGEST_WEIGHTS] = digest_numbers(files->class_weights, files->classes);
    digests[DIGEST_TREE] = digest_numbers(files->parents, files->classes);
}

const char *find_difference(const rank_files *files, const unsigned long long *a,
                            const unsigned long long *b)
{
    const char *const names[DIGESTS] = {"its build of darknet",      files->cfg,
                                        files->train_list,           files->train_list,
                                        files->label_list,           "what class_margins= names",
                                        "what class_weights= names", "what tree= names"};
    for (int i = 0; i < DIGESTS; ++i)
        if (a[i] != b[i]) return names[i];
    return NULL;
}
