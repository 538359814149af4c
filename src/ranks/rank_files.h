/* Digests that show whether all ranks train the same network, on the same images, with the same
 * program. */
#ifndef RANK_FILES_H
#define RANK_FILES_H

/* What all ranks must have alike. */
typedef struct {
    const char *cfg, *train_list, *label_list; /* names */
    char **paths, **labels;                    /* what the lists hold; NULL for no labels */
    int images, classes;
    const float *class_margins, *class_weights; /* of each class; NULL for none */
    unsigned long long image_labels;            /* a digest of those behind the paths, 0: none */
    const int *parents;                         /* of each class in a tree; NULL for none */
} rank_files;

enum {
    DIGEST_BUILD,
    DIGEST_CFG,
    DIGEST_TRAIN,
    DIGEST_IMAGE_LABELS,
    DIGEST_LABELS,
    DIGEST_MARGINS,
    DIGEST_WEIGHTS,
    DIGEST_TREE,
    DIGESTS
};

/* FNV-1a, 64 bits, of each; 0 for what is not there. That of the build is of sources and options.
 */
void digest_files(const rank_files *files, unsigned long long digests[DIGESTS]);

/* What differs, for a message; the first of them. NULL: nothing does. */
const char *find_difference(const rank_files *files, const unsigned long long *a,
                            const unsigned long long *b);

#endif
