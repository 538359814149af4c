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

static image load_whole(char *filename, int c, const char **why)
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
    return im;
}

#ifdef OPENCV
/* An image of OpenCV's as bytes. */
static image_part to_bytes(image im)
{
    image_part part = {
        .width = im.w, .height = im.h, .channels = im.c, .window = {0, im.w, 0, im.h}};
    size_t plane = (size_t)im.w * im.h;
    if (!im.data) return part;
    part.pixels = allocate_unset(plane * im.c + 1);
    for (size_t i = 0; i < plane; ++i)
        for (int k = 0; k < im.c; ++k)
            part.pixels[i * im.c + k] = (unsigned char)(im.data[plane * k + i] * 255 + .5f);
    free_image(im);
    return part;
}
#endif

static image_part read_part(char *filename, int c, const view_choice *choice, view_map *map,
                            const char **why)
{
    size_t size;
    unsigned char *file = read_whole_file(filename, &size, why);
    image_part part = {.pixels = NULL};
    if (!file) return part;
#ifdef OPENCV
    if (!is_known_image(file, size)) {
        free(file);
        part = to_bytes(load_with_opencv(filename, c, why));
        if (part.pixels) *map = map_view(choice, part.width, part.height);
        return part;
    }
#endif
    part = read_image_part(file, size, c, choice, map, why);
    free(file);
    if (part.pixels) tell_once(filename, *why);
    return part;
}

int try_load_view(char *filename, int c, const view_choice *choice, float *planes, const char **why)
{
    allocation_purpose before = set_allocation_purpose(filename, NULL);
    view_map map;
    image_part part = read_part(filename, c, choice, &map, why);
    if (part.pixels) sample_view(&part, &map, choice->w, choice->h, planes);
    int good = part.pixels != NULL;
    free(part.pixels);
    set_allocation_purpose(before.subject, before.advice);
    return good;
}

static image load_stretched(char *filename, int w, int h, int c, const char **why)
{
    const view_choice all = {.kind = VIEW_STRETCHED, .w = w, .h = h};
    image im = make_empty_image(w, h, c);
    im.data = allocate((size_t)w * h * c, sizeof *im.data);
    if (try_load_view(filename, c, &all, im.data, why)) return im;
    free_image(im);
    return make_empty_image(0, 0, 0);
}

image try_load_image(char *filename, int w, int h, int c, const char **why)
{
    allocation_purpose before = set_allocation_purpose(filename, NULL);
    image im = w && h ? load_stretched(filename, w, h, c, why) : load_whole(filename, c, why);
    set_allocation_purpose(before.subject, before.advice);
    return im;
}

static void end_at_image(const char *filename, const char *why) __attribute__((noreturn));
static void end_at_image(const char *filename, const char *why)
{
    fprintf(stderr, "Cannot load image \"%s\": %s\n", filename, why);
    exit(1);
}

image load_image_or_name(char *filename, int c)
{
    const char *why;
    image im = try_load_image(filename, 0, 0, c, &why);
    if (!im.data) end_at_image(filename, why);
    return im;
}

void load_view_or_name(char *filename, int c, const view_choice *choice, float *planes)
{
    const char *why;
    if (!try_load_view(filename, c, choice, planes, &why)) end_at_image(filename, why);
}
