/* Quotes texts for CSV and JSON. */
#include "quoted_text.h"

void print_csv_text(FILE *file, const char *text)
{
    putc('"', file);
    for (; *text; ++text) {
        if (*text == '"') putc('"', file);
        putc(*text, file);
    }
    putc('"', file);
}

/* How many bytes the UTF-8 character has that the text begins with; 0 if it begins with none. */
static int length_of_character(const unsigned char *text)
{
    int first = text[0];
    int length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first > 0xf4) return 0;
    for (int i = 1; i < length; ++i)
        if ((text[i] & 0xc0) != 0x80) return 0; /* the end of the text too */
    if (length == 3 && (first == 0xe0 ? text[1] < 0xa0 : first == 0xed && text[1] > 0x9f)) return 0;
    if (length == 4 && (first == 0xf0 ? text[1] < 0x90 : first == 0xf4 && text[1] > 0x8f)) return 0;
    return length;
}

void print_json_text(FILE *file, const char *text)
{
    const unsigned char *next = (const unsigned char *)text;
    putc('"', file);
    while (*next) {
        int length = length_of_character(next);
        if (length == 0)
            fprintf(file, "\\udc%02x", *next++);
        else if (*next == '"' || *next == '\\')
            fprintf(file, "\\%c", *next++);
        else if (*next < ' ')
            fprintf(file, "\\u%04x", *next++);
        else
            for (; length > 0; --length) putc(*next++, file);
    }
    putc('"', file);
}
