/* What a fuzz target is: one function of libFuzzer's shape, and the words its inputs are made of.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Tries one input; aborts on a finding. Returns 0, or -1 for an input that is not worth keeping. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Pieces that mutations insert; ends with NULL. */
extern const char *const fuzz_words[];

/* What became of the inputs so far, in one line. */
const char *fuzz_outcomes(void);

#endif
