/* Replays a corpus and a number of deterministic random mutations of it: the short run, without
   libFuzzer.

   usage: fuzz_TARGET MUTATIONS SEED FILE...
          fuzz_TARGET words       prints the target's words as libFuzzer's dictionary

   Prints TAP. What crashes is in the file $FUZZ_FINDING (finding.bin) before it is tried. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support.h"

#define LARGEST_INPUT 4096

static uint64_t state;
static size_t below(size_t limit)
{
    return limit ? (size_t)(next_random(&state) % limit) : 0;
}

typedef struct {
    uint8_t data[LARGEST_INPUT];
    size_t size;
} fuzz_input;

/* Puts `count` bytes where `removed` bytes at `place` were; too large a result is cut. */
static void replace(fuzz_input *input, size_t place, size_t removed, const uint8_t *bytes,
                    size_t count)
{
    fuzz_input old = *input;
    if (count > LARGEST_INPUT - place) count = LARGEST_INPUT - place;
    size_t rest = old.size - place - removed, room = LARGEST_INPUT - place - count;
    if (rest > room) rest = room;
    memcpy(input->data + place, bytes, count);
    memcpy(input->data + place + count, old.data + place + removed, rest);
    input->size = place + count + rest;
}

/* Where the value of an option, the line's text after '=', or the line itself begins and ends. */
static size_t find_piece(const fuzz_input *input, size_t place, int value, size_t *begin)
{
    size_t end = place;
    while (end < input->size && input->data[end] != '\n') ++end;
    *begin = place;
    while (*begin > 0 && input->data[*begin - 1] != '\n') --*begin;
    const uint8_t *equals =
        value && end > *begin ? memchr(input->data + *begin, '=', end - *begin) : NULL;
    if (equals) *begin = equals - input->data + 1;
    return end - *begin;
}

static void mutate(fuzz_input *input, const fuzz_input *other)
{
    size_t words = 0, begin, place = below(input->size + 1);
    while (fuzz_words[words]) ++words;
    const char *word = fuzz_words[below(words)];
    size_t start = below(other->size + 1), length = find_piece(input, place, below(3) > 0, &begin);
    uint8_t byte = (uint8_t)below(256);
    switch (below(8)) {
    case 0:
        if (place < input->size) input->data[place] ^= 1u << below(8);
        break;
    case 1:
        if (place < input->size) input->data[place] = byte;
        break;
    case 2:
        replace(input, place, below(input->size - place + 1), &byte, 0);
        break;
    case 3:
        replace(input, place, 0, other->data + start, below(other->size - start + 1));
        break;
    case 4: {
        fuzz_input line;
        line.size = find_piece(other, start, 0, &begin);
        memcpy(line.data, other->data + begin, line.size);
        if (line.size < LARGEST_INPUT) line.data[line.size++] = '\n';
        length = find_piece(input, place, 0, &begin);
        replace(input, begin, 0, line.data, line.size);
        break;
    }
    case 5:
        replace(input, begin, length, &byte, 0);
        break;
    default:
        replace(input, begin, length, (const uint8_t *)word, strlen(word));
    }
}

/* In memory of its own, so that a sanitizer sees a read past its end. */
static void try(const fuzz_input *input)
{
    const char *name = getenv("FUZZ_FINDING");
    FILE *file = fopen(name ? name : "finding.bin", "wb");
    if (!file || fwrite(input->data, 1, input->size, file) != input->size || fclose(file) != 0) {
        perror(name ? name : "finding.bin");
        exit(2);
    }
    uint8_t *copy = malloc(input->size ? input->size : 1);
    memcpy(copy, input->data, input->size);
    LLVMFuzzerTestOneInput(copy, input->size);
    free(copy);
}

static void print_words(void)
{
    for (const char *const *word = fuzz_words; *word; ++word) {
        if (!**word) continue;
        putchar('"');
        for (const char *c = *word; *c; ++c) printf("\\x%02x", (unsigned char)*c);
        puts("\"");
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "words") == 0) {
        print_words();
        return 0;
    }
    if (argc < 4) {
        fprintf(stderr, "usage: %s MUTATIONS SEED FILE...\n", argv[0]);
        return 2;
    }
    int files = argc - 3;
    long mutations = atol(argv[1]);
    state = strtoull(argv[2], NULL, 10);
    fuzz_input *corpus = calloc(files, sizeof *corpus), input;
    for (int i = 0; i < files; ++i) {
        FILE *file = fopen(argv[3 + i], "rb");
        if (!file) {
            perror(argv[3 + i]);
            return 2;
        }
        corpus[i].size = fread(corpus[i].data, 1, LARGEST_INPUT, file);
        fclose(file);
        try(corpus + i);
    }
    printf("ok 1 - %d inputs of the corpus: %s\n", files, fuzz_outcomes());
    fflush(stdout);
    for (long round = 0; round < mutations; ++round) {
        input = corpus[below(files)];
        for (size_t steps = 1 + below(3); steps > 0; --steps) mutate(&input, corpus + below(files));
        try(&input);
    }
    printf("ok 2 - and %ld mutations of them: %s\n1..2\n", mutations, fuzz_outcomes());
    free(corpus);
    return 0;
}
