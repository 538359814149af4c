/* Reads lines from a descriptor, each as soon as it is complete. */
#include "line_stream.h"

#include "allocate.h"
#include "text_lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads once. */
static void read_more(line_stream *s, int *error)
{
    enum { PIECE = 65536 };
    if (s->room - s->length < PIECE) {
        size_t room = 2 * s->room + PIECE;
        char *bytes = allocate(room, 1);
        if (s->length) memcpy(bytes, s->bytes, s->length);
        free(s->bytes);
        s->bytes = bytes;
        s->room = room;
    }
    ssize_t count = read(s->file, s->bytes + s->length, PIECE);
    if (count > 0) s->length += (size_t)count;
    if (count < 0 && errno != EINTR) *error = errno;
    s->has_ended = count == 0 || *error;
}

static int is_ready(const line_stream *s)
{
    struct pollfd wait = {.fd = s->file, .events = POLLIN};
    return !s->has_ended && poll(&wait, 1, 0) > 0;
}

/* The next whole line, which the caller frees; NULL where there is none. */
static char *take_line(line_stream *s)
{
    if (!s->length) return NULL;
    char *end = memchr(s->bytes, '\n', s->length);
    if (!end && !s->has_ended) return NULL;
    size_t length = end ? (size_t)(end - s->bytes) : s->length, taken = length + (end != NULL);
    char *line = allocate(length + 1, 1);
    size_t mark = length >= 3 && memcmp(s->bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    memcpy(line, s->bytes + mark, length - mark);
    memmove(s->bytes, s->bytes + taken, s->length - taken);
    s->length -= taken;
    trim_text(line);
    return line;
}

int read_coming_lines(line_stream *s, char **lines, int most, int *error)
{
    int count = 0;
    *error = 0;
    while (count < most) {
        char *line = take_line(s);
        if (line && *line) {
            lines[count++] = line;
            continue;
        }
        free(line);
        if (line) continue; /* blank */
        if (s->has_ended || (count > 0 && !is_ready(s))) break;
        read_more(s, error);
    }
    return count;
}

void free_line_stream(line_stream *s)
{
    free(s->bytes);
    s->bytes = NULL;
    s->length = s->room = 0;
}
