/* The lines of text files: ends of every system, marks, blanks, long lines; and paths with a part
 * replaced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text_lines.h"

static FILE *text_file(const void *bytes, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    rewind(file);
    return file;
}

/* The next line or item is `wanted`, or there is none if that is NULL. */
static void assert_next(char *(*read)(FILE *), FILE *file, const char *wanted)
{
    char *line = read(file);
    if (wanted)
        assert_string_equal(line ? line : "(none)", wanted);
    else
        assert_null(line);
    free(line);
}

static void ends_of_lines(void **state)
{
    static const char text[] = "\xef\xbb\xbfunix\ndos\r\nmac\r\n\n last ";
    (void)state;
    FILE *file = text_file(text, sizeof text - 1);
    const char *const lines[] = {"unix", "dos", "mac", "", " last ", NULL};
    for (int i = 0; i < 6; ++i) assert_next(read_text_line, file, lines[i]);
    fclose(file);
    file = text_file("a\rb", 3);
    assert_next(read_text_line, file, "a");
    assert_next(read_text_line, file, "b");
    assert_next(read_text_line, file, NULL);
    fclose(file);
}

static void items(void **state)
{
    static const char text[] = "\n \t\r\n  two words \t\n\v\f\nlast";
    (void)state;
    FILE *file = text_file(text, sizeof text - 1);
    assert_next(read_item, file, "two words");
    assert_next(read_item, file, "last");
    assert_next(read_item, file, NULL);
    fclose(file);
}

static void long_lines(void **state)
{
    enum { LENGTH = 5000 };
    char text[LENGTH + 3];
    (void)state;
    memset(text, 'x', LENGTH);
    strcpy(text + LENGTH, "\ny");
    FILE *file = text_file(text, LENGTH + 2);
    text[LENGTH] = 0;
    assert_next(read_text_line, file, text);
    assert_next(read_text_line, file, "y");
    fclose(file);
}

static void data_lines(void **state)
{
    static const char *const lines[][2] = {{"  names = a file.txt \t", "names=a file.txt"},
                                           {"top=5", "top=5"},
                                           {"# a = b", "# a = b"},
                                           {"; a = b", "; a = b"},
                                           {" = 5", "=5"}};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; ++i) {
        char line[64];
        strcpy(line, lines[i][0]);
        trim_data_line("x.data", 1, line);
        assert_string_equal(line, lines[i][1]);
    }
}

static void cfg_lines(void **state)
{
    static const char *const lines[][2] = {
        {" batch = 5 \t", "batch=5"},
        {"[ net ]", "[net]"},
        {"steps = 100 , 200,\t300 # twice", "steps=100,200,300#twice"},
        {"k=5 ; best", "k=5;best"},
        {"tree=my own, tree.txt", "tree=my own, tree.txt"},
        {"# k=1 5", "# k=1 5"},
        {"activation = leaky", "activation=leaky"}};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; ++i) {
        char line[64];
        strcpy(line, lines[i][0]);
        trim_cfg_line("x.cfg", 1, line);
        assert_string_equal(line, lines[i][1]);
    }
}

static void replaced_text(void **state)
{
    char output[4096] = "images/a.jpg";
    (void)state;
    replace_text(output, "images", "labels", output); /* in place, as Darknet calls it */
    assert_string_equal(output, "labels/a.jpg");
    replace_text(output, ".jpg", ".txt", output);
    assert_string_equal(output, "labels/a.txt");
    replace_text(output, "nowhere", "x", output);
    assert_string_equal(output, "labels/a.txt");
}

/* What ends the program is tried in another, which writes to stderr; *said is what it wrote. */
static int exit_code(void (*run)(void *), void *argument, char *said, size_t size)
{
    FILE *words = tmpfile();
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(fileno(words), 2);
        run(argument);
        exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    rewind(words);
    said[fread(said, 1, size - 1, words)] = 0;
    fclose(words);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void read_it(void *file)
{
    free(read_text_line(file));
}

static void replace_it(void *text)
{
    char output[4096];
    replace_text(text, "images", "labels", output);
}

static void trim_it(void *line)
{
    trim_data_line("x.data", 1, line);
}

static void refusals(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } files[] = {{"\xff\xfe"
                  "a\0\n\0",
                  6, "the text is in UTF-16; save it as UTF-8"},
                 {"\xfe\xff"
                  "\0a\0\n",
                  6, "the text is in UTF-16; save it as UTF-8"},
                 {"a\0b\n", 4, "no text (a NUL byte), or in UTF-16"}};
    char said[8192], path[5000];
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
        FILE *file = text_file(files[i].bytes, files[i].size);
        assert_int_equal(exit_code(read_it, file, said, sizeof said), 1);
        if (!strstr(said, files[i].words)) fail_msg("\"%s\", not \"%s\"", said, files[i].words);
        fclose(file);
    }
    char word[] = "  word  ";
    assert_int_equal(exit_code(trim_it, word, said, sizeof said), 1);
    assert_non_null(strstr(said, "x.data, line 1: word: has no value; a line is option=value"));
    FILE *directory = fopen("tests", "r"), *endless = fopen("/dev/zero", "r");
    assert_int_equal(exit_code(read_it, directory, said, sizeof said), 1);
    assert_non_null(strstr(said, "tests: cannot be read: Is a directory"));
    assert_int_equal(exit_code(read_it, endless, said, sizeof said), 1);
    assert_non_null(strstr(said, "/dev/zero: no text"));
    fclose(directory);
    fclose(endless);
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = 0;
    assert_int_equal(exit_code(replace_it, path, said, sizeof said), 1);
    assert_non_null(strstr(said, "the path is too long; at most 4095 bytes"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_of_lines), cmocka_unit_test(items),
        cmocka_unit_test(long_lines),    cmocka_unit_test(data_lines),
        cmocka_unit_test(cfg_lines),     cmocka_unit_test(replaced_text),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests_name("text_lines", tests, NULL, NULL);
}
