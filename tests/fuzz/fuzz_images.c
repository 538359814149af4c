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

/* A view of the bytes, at random but for its size: as good or bad as the whole image. */
static void look_at_view(const uint8_t *data, size_t size, int channels, int good)
{
    static const int shapes[][2] = {{8, 8}, {7, 4}, {3, 6}, {1, 1}};
    unsigned mix = (unsigned)size * 2654435761u + data[size / 2] * 40503u + data[size - 1];
    const int *shape = shapes[mix % 4];
    const view_choice choice = {.kind = (int)(mix / 4 % 4),
                                .w = shape[0],
                                .h = shape[1],
                                .flip = mix & 16,
                                .width = 1 + (int)(mix / 32 % 20),
                                .aspect = .5f + (float)(mix / 64 % 8) / 4,
                                .radians = (float)(mix / 512 % 16) / 2,
                                .right = (float)(mix / 8192 % 8) / 7,
                                .down = (float)(mix / 65536 % 8) / 7};
    float planes[3 * 8 * 8];
    view_map map;
    const char *why = NULL;
    image_part part = read_image_part(data, size, channels, &choice, &map, &why);
    if ((part.pixels != NULL) != good) {
        fprintf(stderr, "finding: a view of %d channels is %s, the image is not: %s\n", channels,
                good ? "bad" : "good", why ? why : "no reason");
        abort();
    }
    if (!part.pixels) return;
    sample_view(&part, &map, shape[0], shape[1], planes);
    for (int i = 0; i < channels * shape[0] * shape[1]; ++i)
        if (!(planes[i] >= 0 && planes[i] <= 1.000001f)) {
            fprintf(stderr, "finding: %g in a view\n", planes[i]);
            abort();
        }
    free(part.pixels);
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
        if (channels[i] == 1 || channels[i] == 3)
            look_at_view(data, size, channels[i], pixels != NULL);
    }
    return 0;
}
