/* The lines of the text files that people write, whatever editor they have. */
#define _GNU_SOURCE /* readlink, fileno */
#include "text_lines.h"

#include "allocate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LONGEST_PATH 4096

static const char blanks[] = " \t\r\v\f";

/* The reader is called with a stream alone; the system knows its name. */
static void refuse_text(FILE *file, const char *what, const char *advice)
{
    char link[64], directory[LONGEST_PATH], name[LONGEST_PATH] = "a text file";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fileno(file));
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length > 0) name[length] = 0;
    size_t here = getcwd(directory, sizeof directory) ? strlen(directory) : 0;
    int below = here && strncmp(name, directory, here) == 0 && name[here] == '/';
    fprintf(stderr, "\n%s: %s%s\n", below ? name + here + 1 : name, what, advice);
    exit(1);
}

/* Finds what is no UTF-8 in the line's first bytes; returns how many are a byte order mark. */
static size_t check_start(FILE *file, const char *line, size_t length)
{
    if (length >= 2 && (memcmp(line, "\xff\xfe", 2) == 0 || memcmp(line, "\xfe\xff", 2) == 0))
        refuse_text(file, "the text is in UTF-16", "; save it as UTF-8");
    if (memchr(line, 0, length))
        refuse_text(file, "no text (a NUL byte), or in UTF-16", "; save it as UTF-8");
    return length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

char *read_text_line(FILE *file)
{
    size_t size = 512, length = 0;
    int c = getc(file);
    if (c == EOF && ferror(file)) refuse_text(file, "cannot be read: ", strerror(errno));
    if (c == EOF) return NULL;
    char *line = allocate_unset(size);
    for (; c != EOF && c != '\n' && c != '\r'; c = getc(file)) {
        line[length++] = (char)c;
        if (c == 0) break; /* no text, perhaps without an end */
        if (length < size) continue;
        line = reallocate(line, 1, size *= 2);
    }
    if (ferror(file)) refuse_text(file, "cannot be read: ", strerror(errno));
    if (c == '\r' && (c = getc(file)) != '\n' && c != EOF) ungetc(c, file);
    size_t mark = check_start(file, line, length);
    memmove(line, line + mark, length - mark);
    line[length - mark] = 0;
    return line;
}

void trim_text(char *text)
{
    size_t start = strspn(text, blanks), length = strlen(text + start);
    while (length > 0 && strchr(blanks, text[start + length - 1])) --length;
    memmove(text, text + start, length);
    text[length] = 0;
}

char *read_item(FILE *file)
{
    char *line;
    while ((line = read_text_line(file)) != NULL) {
        trim_text(line);
        if (*line) break;
        free(line);
    }
    return line;
}

/* Takes the blanks at the ends of a line and beside its "=". Returns the value behind that, NULL
   for a line without one and for a comment. */
static char *trim_option(char *line)
{
    char *equals;
    trim_text(line);
    if (*line == '#' || *line == ';' || !(equals = strchr(line, '='))) return NULL;
    trim_text(equals + 1);
    size_t name = equals - line;
    while (name > 0 && strchr(blanks, line[name - 1])) --name;
    memmove(line + name, equals, strlen(equals) + 1);
    return line + name + 1;
}

/* Takes the blanks of the text, or writes `instead` for each group of them, or takes only those
   beside a letter of `beside` (NULL: all). */
static void take_blanks(char *text, char instead, const char *beside)
{
    char *end = text;
    for (char *next = text; *next;) {
        size_t count = strspn(next, blanks);
        int beside_one = count && beside &&
                         ((end > text && strchr(beside, end[-1])) || strchr(beside, next[count]));
        if (!count || (beside && !beside_one)) {
            *end++ = *next++;
            continue;
        }
        if (instead) *end++ = instead;
        next += count;
    }
    *end = 0;
}

/* A number with a blank in it: two numbers without their comma, most often. The blanks beside the
   commas of a list go. */
static void refuse_split_number(const char *filename, int number, const char *line, char *value)
{
    size_t name = (size_t)(value - line), length = strcspn(value, "#;");
    if (strspn(value, "0123456789+-.eE, \t\r\v\f") < length || !strpbrk(value, "0123456789"))
        return;
    take_blanks(value, 0, ",");
    length = strcspn(value, "#;");
    if (strcspn(value, blanks) >= length) return;
    value[length] = 0;
    fprintf(stderr, "%s, line %d: %s: a blank within a number; ", filename, number, line);
    char list[64], one[64];
    snprintf(list, sizeof list, "%s", value);
    snprintf(one, sizeof one, "%s", value);
    take_blanks(list, ',', NULL);
    take_blanks(one, 0, NULL);
    fprintf(stderr, "write %.*s%s for several numbers, %.*s%s for one\n", (int)name, line, list,
            (int)name, line, one);
    exit(1);
}

void trim_data_line(const char *filename, int number, char *line)
{
    static const char *const numbers[] = {"classes=", "top=", "tag="};
    char *value = trim_option(line);
    if (*line && *line != '#' && *line != ';' && (!value || !*value)) {
        fprintf(stderr, "%s, line %d: %s: has no value; a line is option=value\n", filename, number,
                line);
        exit(1);
    }
    for (size_t i = 0; value && i < sizeof numbers / sizeof *numbers; ++i)
        if (strncmp(line, numbers[i], strlen(numbers[i])) == 0)
            refuse_split_number(filename, number, line, value);
}

void trim_cfg_line(const char *filename, int number, char *line)
{
    char *value = trim_option(line);
    if (*line == '[') take_blanks(line, 0, NULL);
    if (*line == '[' || !value) return;
    take_blanks(value, 0, "#;");
    refuse_split_number(filename, number, line, value);
}

void replace_text(const char *text, const char *old, const char *new, char *output)
{
    char result[LONGEST_PATH];
    const char *found = strstr(text, old);
    size_t before = found ? (size_t)(found - text) : strlen(text);
    const char *after = found ? found + strlen(old) : "";
    if (before + strlen(found ? new : "") + strlen(after) >= sizeof result) {
        fprintf(stderr, "%s: the path is too long; at most %d bytes\n", text, LONGEST_PATH - 1);
        exit(1);
    }
    snprintf(result, sizeof result, "%.*s%s%s", (int)before, text, found ? new : "", after);
    strcpy(output, result);
}
