/* Digests of a run's files. */
#include "rank_files.h"

#include "digest.h"

/* Set by src/darknet.mk. */
#ifndef BUILD_DIGEST
#define BUILD_DIGEST 0
#endif

static unsigned long long digest_numbers(const void *numbers, int count)
{
    return numbers ? add_to_digest(DIGEST_START, numbers, (size_t)count * sizeof(float)) : 0;
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
