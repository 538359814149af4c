/* Lines from a pipe: those that are there, without waiting for the next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "line_stream.h"

static void write_text(int file, const char *text)
{
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
}

/* Reads, and compares the lines with texts up to NULL. */
static void check_lines(line_stream *s, int most, const char *const *texts)
{
    char *lines[8];
    int error, count = read_coming_lines(s, lines, most, &error);
    assert_int_equal(error, 0);
    for (int i = 0; i < count; ++i) {
        assert_non_null(texts[i]);
        assert_string_equal(lines[i], texts[i]);
        free(lines[i]);
    }
    assert_null(texts[count]);
}

static void test_lines(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    line_stream s = {.file = ends[0]};
    write_text(ends[1], "\xef\xbb\xbf one\r\n\n \t\ntwo \nthr");
    check_lines(&s, 8, (const char *const[]){"one", "two", NULL});
    write_text(ends[1], "ee\nfour\nfive\n");
    check_lines(&s, 2, (const char *const[]){"three", "four", NULL});
    check_lines(&s, 2, (const char *const[]){"five", NULL});
    write_text(ends[1], "\nlast");
    close(ends[1]);
    check_lines(&s, 8, (const char *const[]){"last", NULL});
    check_lines(&s, 8, (const char *const[]){NULL});
    free_line_stream(&s);
    close(ends[0]);
}

static void test_long_line(void **state)
{
    (void)state;
    enum { PARTS = 20, PART = 50000 };
    static char part[PART + 1];
    int ends[2], error;
    char *line;
    memset(part, 'x', PART);
    assert_int_equal(pipe(ends), 0);
    line_stream s = {.file = ends[0]};
    if (fork() == 0) {
        for (int i = 0; i < PARTS; ++i) write_text(ends[1], part);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read_coming_lines(&s, &line, 1, &error), 1);
    assert_int_equal(strlen(line), PARTS * PART);
    free(line);
    free_line_stream(&s);
    close(ends[0]);
}

static void test_error(void **state)
{
    (void)state;
    line_stream s = {.file = -1};
    char *line;
    int error;
    assert_int_equal(read_coming_lines(&s, &line, 1, &error), 0);
    assert_int_not_equal(error, 0);
    free_line_stream(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
