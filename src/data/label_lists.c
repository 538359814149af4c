/* Lists of images whose lines may have the images' labels behind a TAB. */
#include "label_lists.h"

#include "allocate.h"
#include "data_checks.h"
#include "seed.h"
#include "text_lines.h"
#include "utils.h"

#include <stdlib.h>
#include <string.h>

/* Behind the path, in the same memory: how many classes, then each class, in groups of seven bits,
   the lowest first; all but the last of a number's bytes have the eighth bit set. So a line costs
   one to four bytes a label, less than its text. */
enum { MOST_BYTES = 5, SHOWN = 10 };

static char *put_number(char *end, unsigned number)
{
    for (; number >= 0x80; number >>= 7) *end++ = (char)(number | 0x80);
    *end++ = (char)number;
    return end;
}

static const char *take_number(const char *text, int *number)
{
    unsigned sum = 0;
    int shift = 0;
    for (; *text & 0x80; shift += 7) sum |= (unsigned)(*text++ & 0x7f) << shift;
    *number = (int)(sum | (unsigned)*text << shift);
    return text + 1;
}

listed_classes begin_listed(const char *path)
{
    listed_classes classes;
    classes.next = take_number(path + strlen(path) + 1, &classes.left);
    return classes;
}

int next_listed(listed_classes *classes)
{
    int class = -1;
    if (classes->left > 0) {
        --classes->left;
        classes->next = take_number(classes->next, &class);
    }
    return class;
}

int fill_listed_truth(const char *path, int classes, float *truth)
{
    listed_classes own = begin_listed(path);
    int count = own.left;
    memset(truth, 0, (size_t)classes * sizeof *truth);
    for (int class; (class = next_listed(&own)) >= 0;) truth[class] = 1;
    return count;
}

int class_of_image(const labeled_images *set, int i)
{
    if (!set->listed) return class_of_path(set->paths[i], set->labels, set->classes);
    listed_classes own = begin_listed(set->paths[i]);
    return next_listed(&own);
}

unsigned long long digest_of_labels(const labeled_images *set)
{
    unsigned long long digest = 0;
    for (int i = 0; set->listed && i < set->count; ++i) {
        listed_classes own = begin_listed(set->paths[i]);
        digest = mix_seed(digest, (unsigned long long)own.left);
        for (int class; (class = next_listed(&own)) >= 0;)
            digest = mix_seed(digest, (unsigned long long)class);
    }
    return digest;
}

typedef struct {
    const char *name;
    int class;
} named_class;

/* What is known while a list is read. */
typedef struct {
    const char *filename;
    labeled_images set;
    named_class *names; /* in the order of their names */
    int *classes;       /* of the line; room for all */
    int line, wrong;
    int first_listed; /* the first line with labels, 0 for none */
    int first_plain;  /* the first without a TAB, 0 for none */
} list_reader;

static int by_name(const void *left, const void *right)
{
    const named_class *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : a->class - b->class;
}

static void sort_names(list_reader *reader)
{
    int classes = reader->set.classes;
    reader->names = allocate((size_t)classes, sizeof *reader->names);
    reader->classes = allocate((size_t)classes, sizeof *reader->classes);
    for (int i = 0; i < classes; ++i) reader->names[i] = (named_class){reader->set.labels[i], i};
    qsort(reader->names, (size_t)classes, sizeof *reader->names, by_name);
}

/* Of two classes of one name a list cannot say which it means. */
static void check_names(const list_reader *reader)
{
    const named_class *names = reader->names;
    for (int i = 1; names && i < reader->set.classes; ++i) {
        if (strcmp(names[i - 1].name, names[i].name) != 0) continue;
        fprintf(stderr,
                "%s has labels behind a TAB, but classes %d and %d (from 0) have the same label, "
                "%s\n",
                reader->filename, names[i - 1].class, names[i].class, names[i].name);
        exit(1);
    }
}

/* The class of this name, the first of several; -1 for none. */
static int find_class(const list_reader *reader, const char *name)
{
    int low = 0, high = reader->set.classes;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (strcmp(reader->names[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == reader->set.classes || strcmp(reader->names[low].name, name) != 0) return -1;
    return reader->names[low].class;
}

/* Whether this wrong line is one of the first, which are named; begins its message. */
static int begin_message(list_reader *reader)
{
    if (++reader->wrong > SHOWN) return 0;
    fprintf(stderr, "%s, line %d: ", reader->filename, reader->line);
    return 1;
}

/* The classes that the text names; -1 after a message where it is wrong. Cuts the text up. */
static int read_classes(list_reader *reader, char *text)
{
    int count = 0;
    if (!*text) return 0;
    for (char *name = text, *end; name; name = end) {
        end = strchr(name, ',');
        if (end) *end++ = '\0';
        trim_text(name);
        int class = find_class(reader, name), i = 0;
        while (i < count && reader->classes[i] != class) ++i;
        if (class < 0 || i < count) {
            if (begin_message(reader))
                fprintf(stderr, "the label \"%s\" is %s\n", name,
                        class < 0 ? "none of the classes'" : "there twice");
            return -1;
        }
        reader->classes[count++] = class;
    }
    return count;
}

static int by_class(const void *left, const void *right)
{
    return *(const int *)left - *(const int *)right;
}

/* The line, its labels, from `text` on, replaced by their classes' numbers. */
static char *pack_line(list_reader *reader, char *line, char *text)
{
    int count = read_classes(reader, text);
    if (count < 0) return line;
    reader->set.several |= count != 1;
    qsort(reader->classes, (size_t)count, sizeof *reader->classes, by_class);
    size_t path_size = strlen(line) + 1;
    char *packed = reallocate(line, path_size + (size_t)(count + 1) * MOST_BYTES, 1), *end;
    end = put_number(packed + path_size, (unsigned)count);
    for (int i = 0; i < count; ++i) end = put_number(end, (unsigned)reader->classes[i]);
    return reallocate(packed, (size_t)(end - packed), 1);
}

static char *read_line(list_reader *reader, char *line)
{
    char *tab = strchr(line, '\t');
    if (tab) {
        *tab = '\0';
        trim_text(tab + 1);
    }
    trim_text(line);
    if (tab && tab[1] && !reader->first_listed) {
        reader->first_listed = reader->line;
        check_names(reader);
    }
    if (!tab && !reader->first_plain) reader->first_plain = reader->line;
    if (tab && reader->set.labels) return pack_line(reader, line, tab + 1);
    return reallocate(line, strlen(line) + 1, 1);
}

static void check_list(const list_reader *reader, int least)
{
    if (reader->first_listed && reader->first_plain)
        fprintf(stderr,
                "%s: line %d has labels behind a TAB, line %d has none; all lines must, or none "
                "(nothing behind the TAB is an image of no class)\n",
                reader->filename, reader->first_listed, reader->first_plain);
    if (reader->wrong > SHOWN)
        fprintf(stderr, "%s: %d lines are wrong\n", reader->filename, reader->wrong);
    if (reader->wrong || (reader->first_listed && reader->first_plain)) exit(1);
    if (reader->set.count >= least) return;
    fprintf(stderr, "%s has %d images, at least %d needed\n", reader->filename, reader->set.count,
            least);
    exit(1);
}

labeled_images read_image_list(char *filename, int least, char **labels, int classes)
{
    list_reader reader = {.filename = filename, .set = {.labels = labels, .classes = classes}};
    labeled_images *set = &reader.set;
    size_t room = 0;
    FILE *file = fopen(filename, "r");
    if (!file) file_error(filename);
    if (labels) sort_names(&reader);
    for (char *line; (line = read_text_line(file)) != NULL;) {
        ++reader.line;
        size_t blanks = strspn(line, " \t\r\v\f");
        memmove(line, line + blanks, strlen(line + blanks) + 1);
        if (!*line) {
            free(line);
            continue;
        }
        if ((size_t)set->count == room) {
            room = room ? 2 * room : 1024;
            set->paths = reallocate(set->paths, room, sizeof *set->paths);
        }
        set->paths[set->count++] = read_line(&reader, line);
    }
    fclose(file);
    check_list(&reader, least);
    set->listed = set->checked = reader.first_listed > 0;
    set->several &= set->listed;
    free(reader.names);
    free(reader.classes);
    return *set;
}

labeled_images read_labeled_images(char *filename, char **labels, int classes,
                                   const char *labels_name)
{
    labeled_images set = read_image_list(filename, 1, labels, classes);
    if (!set.listed)
        set.checked = check_labels(set.paths, set.count, filename, labels, classes, labels_name);
    return set;
}
