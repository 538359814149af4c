/* PNM as text (P1, P2, P3): every number of the image is written in decimal digits. */
#include "pnm_text.h"

#include "image_rows.h"

#include <limits.h>

const char *find_pnm_text(const unsigned char *file, size_t size, pnm_text *text)
{
    size_t place = 2;
    *text = (pnm_text){.is_bitmap = file[1] == '1', .channels = file[1] == '3' ? 3 : 1};
    text->width = read_pnm_number(file, size, &place);
    text->height = read_pnm_number(file, size, &place);
    if (!text->width || !text->height || text->width > INT_MAX || text->height > INT_MAX)
        return "an image without pixels, or of an impossible size";
    text->scale = text->is_bitmap ? 1 : read_pnm_number(file, size, &place);
    if (text->scale < 1 || text->scale > 65535) return "a PNM with a broken header";
    text->numbers = file + place;
    text->end = file + size;
    /* A number has a digit at least. */
    if (text->height * (size_t)text->channels > (size - place) / text->width)
        return "the file is cut short";
    return NULL;
}

const char *read_pnm_text(const pnm_text *text, unsigned char *pixels)
{
    size_t count = text->width * text->height * (size_t)text->channels;
    size_t size = (size_t)(text->end - text->numbers), place = 0;
    for (size_t i = 0; i < count; ++i) {
        size_t value;
        /* The digits of a bitmap may stand side by side; 1 is black. */
        size_t before = skip_pnm_blanks(text->numbers, size, place);
        place = before;
        if (text->is_bitmap) {
            value = before < size ? (size_t)(text->numbers[place++] - '0') : 2;
            if (value <= 1) value = 1 - value;
        } else {
            value = read_pnm_number(text->numbers, size, &place);
        }
        if (before == size) return "the file is cut short";
        if (place == before || value > text->scale) return "a PNM with a number out of range";
        pixels[i] = (unsigned char)((value * 255 + text->scale / 2) / text->scale);
    }
    return NULL;
}
