/* Fuzzes the image reader: every file becomes pixels, all of them there to be read, or a reason. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "image_reader.h"

const char *const fuzz_words[] = {"\xff\xd8\xff",
                                  "\xff\xd9",
                                  "\xff\xda",
                                  "\xff\xc2",
                                  "\xff\xc4",
                                  "\xff\xdb",
                                  "\xff\xee",
                                  "\xff\xdd",
                                  "Adobe",
                                  "IHDR",
                                  "PLTE",
                                  "tRNS",
                                  "IDAT",
                                  "IEND",
                                  "\x89PNG\r\n\x1a\n",
                                  "BM",
                                  "P5 3 3 255\n",
                                  "P6 2 2 7\n",
                                  "P4 9 2\n",
                                  "P1 2 2 1 0 0 1\n",
                                  "P2 2 1 9 3 9\n",
                                  "P3 1 1 99 10 20 30\n",
                                  "#\n",
                                  "99999999999",
                                  "\xff\xff\xff\xff",
                                  "\x80\x80\x80\x80",
                                  "\x7f\xff",
                                  "\xff\xe1",
                                  "Exif",
                                  "eXIf",
                                  "II*",
                                  "MM",
                                  "\x12\x01\x03",
                                  "\x01\x12",
                                  NULL};

static long images, bad;
static volatile unsigned sum;

const char *fuzz_outcomes(void)
{
    static char line[100];
    snprintf(line, sizeof line, "%ld images, %ld bad files", images, bad);
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int channels[] = {0, 1, 3, 4};
    if (!size) return -1;
    for (int i = 0; i < 4; ++i) {
        int w = -1, h = -1, c = -1;
        const char *why = NULL;
        unsigned char *pixels = read_image(data, size, channels[i], &w, &h, &c, &why);
        if (pixels ? w < 1 || h < 1 || c < 1 || c > 4 || (channels[i] && c != channels[i])
                   : !why || !*why) {
            fprintf(stderr, "finding: %d channels asked: %d x %d x %d, %s\n", channels[i], w, h, c,
                    why ? why : "no reason");
            abort();
        }
        for (size_t j = 0; pixels && j < (size_t)w * h * c; ++j) sum += pixels[j];
        images += pixels != NULL;
        bad += pixels == NULL;
        free(pixels);
    }
    return 0;
}
