/* The image reader: every kind of file in tests/fuzz/corpus_images as its pixels; bad files as a
   reason; and what it makes of colors, gray and opacity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "image_files.h"
#include "image_orientation.h"
#include "image_reader.h"
#include "image_rows.h"

#define CORPUS "tests/fuzz/corpus_images/"

typedef struct {
    unsigned char *pixels;
    int w, h, c;
} picture;

static picture read_or_fail(const char *path, int channels)
{
    picture p;
    size_t size;
    const char *why = NULL;
    unsigned char *file = read_whole_file(path, &size, &why);
    if (!file) fail_msg("%s: %s", path, why);
    p.pixels = read_image(file, size, channels, &p.w, &p.h, &p.c, &why);
    if (!p.pixels) fail_msg("%s: %s", path, why);
    free(file);
    return p;
}

/* Every sample of the two within `most`. */
static void assert_near(const char *a, const char *b, int channels, int most)
{
    picture p = read_or_fail(a, channels), q = read_or_fail(b, channels);
    assert_int_equal(p.w, q.w);
    assert_int_equal(p.h, q.h);
    assert_int_equal(p.c, channels);
    assert_int_equal(q.c, channels);
    for (int i = 0; i < p.w * p.h * p.c; ++i)
        if (abs(p.pixels[i] - q.pixels[i]) > most)
            fail_msg("%s and %s differ at %d: %d and %d", a, b, i, p.pixels[i], q.pixels[i]);
    free(p.pixels);
    free(q.pixels);
}

/* The same picture, 9 x 7 pixels, in each format. */
static void same_picture(void **state)
{
    static const struct {
        const char *name;
        int most;
    } files[] = {{CORPUS "color.png", 0},         {CORPUS "16_bit.png", 0},
                 {CORPUS "interlaced.png", 0},    {CORPUS "opacity.png", 0},
                 {CORPUS "color.bmp", 0},         {CORPUS "color.jpg", 60},
                 {CORPUS "progressive.jpg", 130}, {CORPUS "cmyk.jpg", 130}};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; ++i)
        assert_near(files[i].name, CORPUS "color.ppm", 3, files[i].most);
    assert_near(CORPUS "gray.png", CORPUS "gray.pgm", 1, 0);
    assert_near(CORPUS "gray.png", CORPUS "gray.pgm", 3, 0);
    assert_near(CORPUS "gray.jpg", CORPUS "gray.pgm", 1, 60);
    assert_near(CORPUS "palette.png", CORPUS "palette.bmp", 3, 0);
}

static void channels_of_a_file(void **state)
{
    static const struct {
        const char *name;
        int channels;
    } files[] = {{CORPUS "color.png", 3}, {CORPUS "gray.png", 1}, {CORPUS "opacity.png", 4},
                 {CORPUS "color.jpg", 3}, {CORPUS "gray.jpg", 1}, {CORPUS "cmyk.jpg", 3},
                 {CORPUS "bits.bmp", 3},  {CORPUS "gray.pgm", 1}, {CORPUS "color.ppm", 3}};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
        picture p = read_or_fail(files[i].name, 0);
        assert_int_equal(p.c, files[i].channels);
        free(p.pixels);
    }
}

/* Gray by 77, 150 and 29 of 256; opacity is full where a file has none, 128 in opacity.png. */
static void conversions(void **state)
{
    (void)state;
    picture color = read_or_fail(CORPUS "color.ppm", 3), gray = read_or_fail(CORPUS "color.ppm", 1);
    picture full = read_or_fail(CORPUS "color.ppm", 4),
            half = read_or_fail(CORPUS "opacity.png", 4);
    picture from_gray = read_or_fail(CORPUS "gray.pgm", 4);
    for (int i = 0; i < color.w * color.h; ++i) {
        const unsigned char *rgb = color.pixels + 3 * i;
        assert_int_equal(gray.pixels[i], (77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2]) >> 8);
        assert_memory_equal(full.pixels + 4 * i, rgb, 3);
        assert_int_equal(full.pixels[4 * i + 3], 255);
        assert_in_range(half.pixels[4 * i + 3], 127, 128);
        assert_int_equal(from_gray.pixels[4 * i], from_gray.pixels[4 * i + 2]);
        assert_int_equal(from_gray.pixels[4 * i + 3], 255);
    }
    free(color.pixels);
    free(gray.pixels);
    free(full.pixels);
    free(half.pixels);
    free(from_gray.pixels);
}

/* Reads the bytes; NULL if they are an image, else the reason. */
static const char *reason(const void *bytes, size_t size)
{
    int w, h, c;
    const char *why = NULL;
    unsigned char *file = malloc(size ? size : 1); /* of this size, for the sanitizer */
    memcpy(file, bytes, size);
    unsigned char *pixels = read_image(file, size, 3, &w, &h, &c, &why);
    free(file);
    free(pixels);
    return pixels ? NULL : why;
}

static void assert_reason(const void *bytes, size_t size, const char *words)
{
    const char *why = reason(bytes, size);
    if (!why || !strstr(why, words)) fail_msg("\"%s\", not \"%s\"", why ? why : "an image", words);
}
#define ASSERT_REASON(text, words) assert_reason(text, sizeof text - 1, words)

static void bad_files(void **state)
{
    (void)state;
    ASSERT_REASON("GIF89a", "a GIF image; JPEG, PNG, BMP and PNM are read");
    ASSERT_REASON("RIFF1234WEBP", "a WebP image");
    ASSERT_REASON("1234ftypheic", "a HEIC image or a video");
    ASSERT_REASON("1234ftypavif", "an AVIF image");
    ASSERT_REASON("version https://git-lfs.github.com/spec/v1", "a pointer of Git LFS");
    ASSERT_REASON("II*\0", "a TIFF image");
    ASSERT_REASON("hello", "JPEG, PNG, BMP and PNM are read");
    ASSERT_REASON("", "JPEG, PNG, BMP and PNM are read");
    ASSERT_REASON("P6 0 3 255\n", "without pixels");
    ASSERT_REASON("P6 3 3 255\n12345", "cut short");
    ASSERT_REASON("P6 3 3 65535\n12345678", "above 255");
    ASSERT_REASON("P6 x", "broken header");
    ASSERT_REASON("P5 99999999999 99999999999 255\n", "size");
    ASSERT_REASON("P5 2147483647 2147483647 255\n", "cut short");
    ASSERT_REASON("P4 9 2\n\1\2\3", "cut short");
    ASSERT_REASON("P3 3 3 255\n1 2 3 4 5 6 7 8 9 10", "cut short");
    ASSERT_REASON("P2 2 1 9\n1        ", "cut short");
    ASSERT_REASON("P2 2 1 9\n1 10", "out of range");
    ASSERT_REASON("P2 2 1 9\n1 -1", "out of range");
    ASSERT_REASON("P2 2 1 9\n1 x", "out of range");
    ASSERT_REASON("P1 2 1\n12", "out of range");
    ASSERT_REASON("P2 2 1 0\n1 1", "broken header");
    ASSERT_REASON("P2 2 1 65536\n1 1", "broken header");
    ASSERT_REASON("P3 2147483647 2147483647 255\n1", "cut short");
    ASSERT_REASON("P1 0 1\n", "without pixels");
    ASSERT_REASON("P7\n", "JPEG, PNG, BMP and PNM are read");
    ASSERT_REASON("BM", "cut short");
}

/* The pixels of the bytes, which are an image of w x h with `channels`. */
static unsigned char *read_pixels(const void *bytes, size_t size, int w, int h, int channels)
{
    picture p;
    const char *why = NULL;
    p.pixels = read_image(bytes, size, channels, &p.w, &p.h, &p.c, &why);
    if (!p.pixels) fail_msg("%s", why);
    assert_int_equal(p.w, w);
    assert_int_equal(p.h, h);
    return p.pixels;
}

/* The header of a BMP of 2 x 1 pixels, 54 bytes, and `extra` before the pixels. */
static void bmp_header(unsigned char *file, int bits, int compression, int extra)
{
    memset(file, 0, 54);
    memcpy(file, "BM", 2);
    file[10] = (unsigned char)(54 + extra);
    file[14] = 40;
    file[18] = 2;
    file[22] = 1;
    file[28] = (unsigned char)bits;
    file[30] = (unsigned char)compression;
}

static void bitmaps_of_other_depths(void **state)
{
    unsigned char file[128] = {0};
    (void)state;
    bmp_header(file, 16, 0, 0);
    memcpy(file + 54, "\x00\x7c\xff\x03", 4); /* red; green and blue: 5 bits each */
    unsigned char *pixels = read_pixels(file, 58, 2, 1, 3);
    assert_memory_equal(pixels, "\xff\0\0\0\xff\xff", 6);
    free(pixels);
    bmp_header(file, 32, 3, 12);
    memcpy(file + 54, "\0\0\xff\0\0\xff\0\0\xff\0\0\0\1\2\3\0\4\5\6\0", 20);
    pixels = read_pixels(file, 74, 2, 1, 3);
    assert_memory_equal(pixels, "\3\2\1\6\5\4", 6);
    free(pixels);
    file[54] = 1; /* unusual masks */
    assert_reason(file, 74, "unusual colors");
    bmp_header(file, 4, 0, 64); /* a palette of 0 colors is one of all 16; the second is 1 2 3 */
    memset(file + 54, 0, 68);
    memcpy(file + 58, "\3\2\1", 3);
    file[118] = 0x10;
    pixels = read_pixels(file, 122, 2, 1, 3);
    assert_memory_equal(pixels, "\1\2\3\0\0\0", 6);
    free(pixels);
    bmp_header(file, 7, 0, 0);
    assert_reason(file, 122, "unknown number of bits");
}

/* A comment in the header, and values to 100 instead of 255; one of them above that. */
static void scaled_pnm(void **state)
{
    static const char file[] = "P5 # of 100\n3 1 100\n\x32\x64\xc8";
    (void)state;
    unsigned char *pixels = read_pixels(file, sizeof file - 1, 3, 1, 1);
    assert_memory_equal(pixels, "\x80\xff\xff", 3);
    free(pixels);
}

/* Bitmaps (1 is black) and numbers as text. */
static void other_pnm(void **state)
{
    static const struct {
        const char *file;
        size_t size;
        int w, h, channels;
        const char *pixels;
    } files[] = {
        {"P1 # bits\n3 2\n101\n0 1\t0\n", 23, 3, 2, 1, "\0\xff\0\xff\0\xff"},
        {"P4 9 2\n\x80\x7f\x01\x80", 11, 9, 2, 1,
         "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0"},
        {"P2 3 1 4\n0 2 #half\n4", 20, 3, 1, 1, "\0\x80\xff"},
        {"P2\n2 1\n65535\n65535\n257\n", 23, 2, 1, 1, "\xff\1"},
        {"P3\n2 1\n255\n1 2 3 4 5 255\n", 25, 2, 1, 3, "\1\2\3\4\5\xff"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
        unsigned char *pixels =
            read_pixels(files[i].file, files[i].size, files[i].w, files[i].h, files[i].channels);
        assert_memory_equal(pixels, files[i].pixels,
                            (size_t)(files[i].w * files[i].h * files[i].channels));
        free(pixels);
    }
}

/* What a PNG says of itself may be broken, the pixels may not. */
/* EXIF of one orientation, in either order of bytes, behind `before` other entries; returns its
   length. */
static size_t make_tiff(unsigned char *tiff, int orientation, int little, int before)
{
    static const unsigned char big[] = {'M', 'M', 0, '*', 0, 0, 0, 8, 0, 0},
                               entry[] = {1, 0x12, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0},
                               other[] = {1, 0x0f, 0, 2, 0, 0, 0, 1, 'x', 0, 0, 0};
    unsigned char *end = tiff;
    memcpy(end, big, 10), end += 10;
    tiff[9] = (unsigned char)(before + 1);
    for (int i = 0; i < before; ++i) memcpy(end, other, 12), end += 12;
    memcpy(end, entry, 12);
    end[9] = (unsigned char)orientation;
    end += 12;
    memset(end, 0, 4), end += 4;
    if (!little) return (size_t)(end - tiff);
    memcpy(tiff, "II*\0\10\0\0", 8);
    for (unsigned char *number = tiff + 8; number < end - 4;
         number += number == tiff + 8 ? 2 : 12) {
        unsigned char e[12];
        memcpy(e, number, 12);
        number[0] = e[1], number[1] = e[0];
        if (number == tiff + 8) continue;
        number[2] = e[3], number[3] = e[2];
        number[4] = e[7], number[7] = e[4];
        if (e[3] == 3) number[8] = e[9], number[9] = e[8];
    }
    return (size_t)(end - tiff);
}

static unsigned png_crc(const unsigned char *bytes, size_t count)
{
    unsigned crc = ~0u;
    while (count--) {
        crc ^= *bytes++;
        for (int k = 0; k < 8; ++k) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static void put_big(unsigned char *bytes, unsigned value)
{
    for (int i = 0; i < 4; ++i) bytes[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* The corpus' file with EXIF in it: behind a JPEG's first bytes or a PNG's header, or, `late`,
   before a PNG's end. Returns the new file, which the caller frees. */
static unsigned char *with_exif(const char *path, const unsigned char *tiff, size_t length,
                                int late, size_t *size)
{
    const char *why;
    unsigned char *file = read_whole_file(path, size, &why), *changed = malloc(*size + length + 64);
    int jpeg = file[0] == 0xff;
    size_t place = jpeg ? 2 : late ? *size - 12 : 33, added = 0;
    unsigned char *end = changed + place;
    memcpy(changed, file, place);
    if (jpeg) {
        memcpy(end, "\xff\xff\xe1", 3); /* with a byte that fills */
        end[3] = (unsigned char)((length + 8) >> 8), end[4] = (unsigned char)(length + 8);
        memcpy(end + 5, "Exif\0\0", 6);
        memcpy(end + 11, tiff, length);
        added = 11 + length;
    } else {
        put_big(end, (unsigned)length);
        memcpy(end + 4, "eXIf", 4);
        memcpy(end + 8, tiff, length);
        put_big(end + 8 + length, png_crc(end + 4, length + 4));
        added = 12 + length;
    }
    memcpy(end + added, file + place, *size - place);
    *size += added;
    free(file);
    return changed;
}

/* EXIF 2.3: what side of the picture row 0 and column 0 of the file are. */
typedef enum { TOP, BOTTOM, LEFT, RIGHT } side;
static const side row_0[] = {TOP, TOP, BOTTOM, BOTTOM, LEFT, RIGHT, RIGHT, LEFT},
                  column_0[] = {LEFT, RIGHT, RIGHT, LEFT, TOP, TOP, BOTTOM, BOTTOM};

/* Where the file's row or column `i` of `all` is in the picture, counted from the top or the left.
 */
static int seen_place(side first, int i, int all)
{
    return first == TOP || first == LEFT ? i : all - 1 - i;
}

static void assert_turned(const picture *file, const unsigned char *bytes, size_t size,
                          int orientation)
{
    picture p;
    const char *why = NULL;
    side row = row_0[orientation - 1], column = column_0[orientation - 1];
    int turned = row == LEFT || row == RIGHT;
    p.pixels = read_image(bytes, size, file->c, &p.w, &p.h, &p.c, &why);
    if (!p.pixels) fail_msg("orientation %d: %s", orientation, why);
    assert_int_equal(p.w, turned ? file->h : file->w);
    assert_int_equal(p.h, turned ? file->w : file->h);
    for (int y = 0; y < file->h; ++y)
        for (int x = 0; x < file->w; ++x) {
            int of_row = seen_place(row, y, file->h), of_column = seen_place(column, x, file->w);
            int px = turned ? of_row : of_column, py = turned ? of_column : of_row;
            assert_memory_equal(p.pixels + (py * p.w + px) * p.c,
                                file->pixels + (y * file->w + x) * file->c, p.c);
        }
    free(p.pixels);
}

static void orientations(void **state)
{
    static const char *const files[] = {CORPUS "color.jpg", CORPUS "progressive.jpg",
                                        CORPUS "color.png", CORPUS "gray.png", CORPUS "cmyk.jpg"};
    (void)state;
    for (size_t f = 0; f < sizeof files / sizeof *files; ++f)
        for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
            picture file = read_or_fail(files[f], channels);
            for (int o = 1; o <= 8; ++o)
                for (int way = 0; way < 8; ++way) {
                    unsigned char tiff[128];
                    size_t size, length = make_tiff(tiff, o, way & 1, way & 2 ? 3 : 0);
                    unsigned char *bytes = with_exif(files[f], tiff, length, way & 4, &size);
                    assert_turned(&file, bytes, size, o);
                    free(bytes);
                }
            free(file.pixels);
        }
}

/* A large image, so that there are several tiles, not all of them full. */
static void large_orientations(void **state)
{
    enum { W = 101, H = 67 };
    (void)state;
    for (int o = 1; o <= 8; ++o) {
        picture file = {malloc(W * H * 3), W, H, 3}, copy = file;
        for (int i = 0; i < W * H * 3; ++i) file.pixels[i] = (unsigned char)(i * 7 + i / 256);
        copy.pixels = memcpy(malloc(W * H * 3), file.pixels, W * H * 3);
        turn_upright(&copy.pixels, &copy.w, &copy.h, 3, o);
        int turned = row_0[o - 1] == LEFT || row_0[o - 1] == RIGHT;
        for (int y = 0; y < H; ++y)
            for (int x = 0; x < W; ++x) {
                int r = seen_place(row_0[o - 1], y, H), c = seen_place(column_0[o - 1], x, W);
                int px = turned ? r : c, py = turned ? c : r;
                assert_memory_equal(copy.pixels + (py * copy.w + px) * 3,
                                    file.pixels + (y * W + x) * 3, 3);
            }
        free(file.pixels);
        free(copy.pixels);
    }
}

/* EXIF that is not as it should be: the image is upright, and read. Each byte of it is set to each
   value, and it is cut everywhere. */
static void broken_orientations(void **state)
{
    static const char *const files[] = {CORPUS "color.jpg", CORPUS "color.png"};
    unsigned char tiff[128];
    size_t size;
    (void)state;
    for (int f = 0; f < 2; ++f) {
        picture file = read_or_fail(files[f], 3);
        size_t length = make_tiff(tiff, 6, f, 1);
        for (size_t n = 0; n < length - 4; ++n) {
            unsigned char *bytes = with_exif(files[f], tiff, n, 0, &size);
            assert_turned(&file, bytes, size, n < length - 4 ? 1 : 6);
            free(bytes);
        }
        for (int o = 0; o < 256; ++o)
            if (o < 1 || o > 8) {
                make_tiff(tiff, o, f, 1);
                unsigned char *bytes = with_exif(files[f], tiff, length, 0, &size);
                assert_turned(&file, bytes, size, 1);
                free(bytes);
            }
        make_tiff(tiff, 6, f, 1);
        static const int exact[] = {0, 1, 2, 3, 24, 25, 26, 27, 28, 29};
        for (size_t e = 0; e < sizeof exact / sizeof *exact; ++e) {
            unsigned char was = tiff[exact[e]];
            tiff[exact[e]] = 0x77;
            unsigned char *bytes = with_exif(files[f], tiff, length, 0, &size);
            assert_turned(&file, bytes, size, 1);
            free(bytes);
            tiff[exact[e]] = was;
        }
        for (size_t i = 0; i < length; ++i)
            for (int value = 0; value < 256; ++value) {
                unsigned char was = tiff[i];
                tiff[i] = (unsigned char)value;
                unsigned char *bytes = with_exif(files[f], tiff, length, 0, &size);
                assert_null(reason(bytes, size));
                free(bytes);
                tiff[i] = was;
            }
        free(file.pixels);
    }
    /* A PNG's chunk whose check sum is wrong. */
    picture file = read_or_fail(CORPUS "color.png", 3);
    unsigned char *bytes = with_exif(CORPUS "color.png", tiff, make_tiff(tiff, 6, 0, 0), 0, &size);
    bytes[33 + 8 + 20] ^= 1;
    assert_turned(&file, bytes, size, 1);
    free(bytes);
    free(file.pixels);
}

static void broken_words_of_a_png(void **state)
{
    size_t size;
    const char *why;
    (void)state;
    unsigned char *file = read_whole_file(CORPUS "color.png", &size, &why);
    unsigned char *longer = malloc(size + 15);
    memcpy(longer, file, 33);
    memcpy(longer + 33, "\0\0\0\3tEXta\0b\1\2\3\4", 15); /* not its checksum */
    memcpy(longer + 48, file + 33, size - 33);
    assert_null(reason(longer, size + 15));
    assert_true(is_known_image(longer, size));
    assert_false(is_known_image((const unsigned char *)"GIF89a", 6));
    free(file);
    free(longer);
}

/* Every file cut anywhere before its end is named, but for the end of a BMP or PNM that nobody
 * reads. */
static void cut_files(void **state)
{
    static const char *const names[] = {CORPUS "color.png",       CORPUS "interlaced.png",
                                        CORPUS "palette.png",     CORPUS "color.jpg",
                                        CORPUS "progressive.jpg", CORPUS "cmyk.jpg",
                                        CORPUS "palette.bmp",     CORPUS "color.ppm"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        size_t size;
        const char *why;
        unsigned char *file = read_whole_file(names[i], &size, &why);
        assert_non_null(file);
        assert_null(reason(file, size));
        for (size_t cut = 0; cut < size - 2; ++cut)
            if (!reason(file, cut)) fail_msg("%s cut to %zu bytes is read", names[i], cut);
        free(file);
    }
}

/* The most memory that was in use so far, in kilobytes. */
static long peak_memory(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* A header of a few bytes claims any size: no memory of that size is taken. */
static void huge_sizes(void **state)
{
    size_t size;
    const char *why;
    (void)state;
    unsigned char *png = read_whole_file(CORPUS "color.png", &size, &why);
    memcpy(png + 16, "\0\1\0\0\0\1\0\0", 8); /* 65536 x 65536; the checksum no longer fits */
    assert_non_null(reason(png, size));
    free(png);
    png = read_whole_file(CORPUS "color.png", &size, &why);
    long before = peak_memory();
    memcpy(png + 33, "\x3f\xff\xff\xfftEXt", 8); /* a word of 1 GB */
    assert_non_null(reason(png, size));
    assert_true(peak_memory() - before < 100000);
    free(png);
    unsigned char *jpeg = read_whole_file(CORPUS "color.jpg", &size, &why);
    for (size_t i = 0; i + 9 < size; ++i)
        if (jpeg[i] == 0xff && jpeg[i + 1] == 0xc0) memset(jpeg + i + 5, 0xf0, 4);
    assert_reason(jpeg, size, "pixels; at least 1 and at most 100000000 are read");
    free(jpeg);
}

static void whole_files(void **state)
{
    size_t size;
    const char *why = NULL;
    (void)state;
    assert_null(read_whole_file("tests/no_such_file", &size, &why));
    assert_string_equal(why, "No such file or directory");
    assert_null(read_whole_file("tests", &size, &why));
    assert_string_equal(why, "Is a directory");
    assert_null(read_whole_file("/dev/null", &size, &why));
    assert_string_equal(why, "the file is empty");
    unsigned char *file = read_whole_file("build/upstream/data/dog.jpg", &size, &why);
    assert_non_null(file);
    assert_int_equal(size, 163759);
    free(file);
}

static void as_an_image_of_darknet(void **state)
{
    const char *why = NULL;
    (void)state;
    picture p = read_or_fail(CORPUS "color.png", 3);
    image im = try_load_image(CORPUS "color.png", 0, 0, 3, &why);
    assert_non_null(im.data);
    assert_int_equal(im.w, p.w);
    assert_int_equal(im.h, p.h);
    for (int k = 0; k < 3; ++k)
        for (int i = 0; i < p.w * p.h; ++i)
            assert_true(im.data[k * p.w * p.h + i] == (float)(p.pixels[3 * i + k] / 255.));
    free_image(im);
    free(p.pixels);
    im = try_load_image(CORPUS "color.png", 5, 4, 1, &why);
    assert_int_equal(im.w, 5);
    assert_int_equal(im.h, 4);
    assert_int_equal(im.c, 1);
    free_image(im);
    im = try_load_image(CORPUS "cut.jpg", 0, 0, 3, &why);
    assert_null(im.data);
    assert_string_equal(why, "Premature end of JPEG file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_picture),
        cmocka_unit_test(channels_of_a_file),
        cmocka_unit_test(conversions),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(bitmaps_of_other_depths),
        cmocka_unit_test(scaled_pnm),
        cmocka_unit_test(other_pnm),
        cmocka_unit_test(orientations),
        cmocka_unit_test(large_orientations),
        cmocka_unit_test(broken_orientations),
        cmocka_unit_test(broken_words_of_a_png),
        cmocka_unit_test(cut_files),
        cmocka_unit_test(huge_sizes),
        cmocka_unit_test(whole_files),
        cmocka_unit_test(as_an_image_of_darknet),
    };
    return cmocka_run_group_tests_name("image_reader", tests, NULL, NULL);
}
