/* An image file as Darknet's image: planes of floats, scaled if asked. */
#include "image_files.h"

#include "allocate.h"
#include "image.h"
#include "image_reader.h"

#include <stdio.h>
#include <stdlib.h>

static image to_planes(const unsigned char *pixels, int w, int h, int c)
{
    image im = make_empty_image(w, h, c);
    size_t plane = (size_t)w * h;
    im.data = allocate_unset(plane * c * sizeof(float));
    for (int k = 0; k < c; ++k)
        for (size_t i = 0; i < plane; ++i) im.data[plane * k + i] = (float)pixels[i * c + k] / 255.;
    return im;
}

#ifdef OPENCV
/* load_image_cv gives a black picture of 10 x 10 for a file that it cannot read. */
static image load_with_opencv(char *filename, int c, const char **why)
{
    image im = load_image_cv(filename, c);
    int count = im.w * im.h * im.c, i = 0;
    while (i < count && !im.data[i]) ++i;
    if (im.w != 10 || im.h != 10 || i < count) return im;
    free_image(im);
    *why = "OpenCV cannot read it";
    return make_empty_image(0, 0, 0);
}
#endif

/* The first image that looks wrong is named, others are likely to be the same. */
static void tell_once(const char *filename, const char *remark)
{
    static int told;
    if (remark && !__atomic_exchange_n(&told, 1, __ATOMIC_RELAXED))
        fprintf(stderr, "%s: %s (other such images are not named)\n", filename, remark);
}

static image load_named(char *filename, int w, int h, int c, const char **why)
{
    image im = make_empty_image(0, 0, 0);
    size_t size;
    unsigned char *file = read_whole_file(filename, &size, why);
    if (!file) return im;
#ifdef OPENCV
    if (!is_known_image(file, size)) {
        free(file);
        im = load_with_opencv(filename, c, why);
    } else
#endif
    {
        int width, height, channels;
        unsigned char *pixels = read_image(file, size, c, &width, &height, &channels, why);
        free(file);
        if (!pixels) return im;
        tell_once(filename, *why);
        im = to_planes(pixels, width, height, channels);
        free(pixels);
    }
    if (im.data && h && w && (h != im.h || w != im.w)) {
        image resized = resize_image(im, w, h);
        free_image(im);
        im = resized;
    }
    return im;
}

image try_load_image(char *filename, int w, int h, int c, const char **why)
{
    allocation_purpose before = allocating_for(filename, NULL);
    image im = load_named(filename, w, h, c, why);
    allocating_for(before.subject, before.advice);
    return im;
}

image load_image_or_name(char *filename, int c)
{
    const char *why;
    image im = try_load_image(filename, 0, 0, c, &why);
    if (!im.data) {
        fprintf(stderr, "Cannot load image \"%s\": %s\n", filename, why);
        exit(1);
    }
    return im;
}
