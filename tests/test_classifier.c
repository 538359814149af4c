/* The parts of src/classifier by themselves: what their headers promise. Ends of the program are
 * seen in a child. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "allocate.h"
#include "arguments.h"
#include "checkpoint.h"
#include "class_tree.h"
#include "data_checks.h"
#include "file_replacement.h"
#include "finite.h"
#include "image.h"
#include "layer_weights.h"
#include "loading.h"
#include "memory_limit.h"
#include "seed.h"
#include "stop_signal.h"
#include "training_log.h"
#include "weights_file.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

/* Built with AddressSanitizer: no memory is NULL as without it, and what a child that ends the
 * program leaves behind is no leak. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1:detect_leaks=0";
}

static char directory[64];

static const char *in(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next = (next + 1) % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

static int make_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/test_classifier.XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static const char *read_file_text(const char *path)
{
    static char text[4096];
    FILE *file = fopen(path, "rb");
    if (!file) return "(no file)";
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static int files_in_directory(void)
{
    int count = 0;
    DIR *entries = opendir(directory);
    for (struct dirent *e; (e = readdir(entries));) count += e->d_name[0] != '.';
    closedir(entries);
    return count;
}

/* Runs what may end the program in a child; returns its exit code and what it wrote to stderr. */
static int said(char *text, size_t size, void (*function)(void *), void *argument)
{
    int channel[2], status;
    size_t length = 0;
    ssize_t n;
    assert_int_equal(pipe(channel), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(channel[1], STDERR_FILENO);
        close(channel[0]);
        function(argument);
        exit(0);
    }
    close(channel[1]);
    while ((n = read(channel[0], text + length, size - 1 - length)) > 0) length += (size_t)n;
    close(channel[0]);
    text[length] = '\0';
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void refused(void (*function)(void *), void *argument, const char *part)
{
    char text[4096];
    assert_int_equal(said(text, sizeof text, function, argument), 1);
    if (!strstr(text, part)) fail_msg("'%s' is not in: %s", part, text);
}

static void test_finite(void **state)
{
    (void)state;
    volatile float zero = 0;
    float values[] = {0, -1, 3e38f, 1e-45f};
    uint32_t bits[] = {0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001};
    assert_true(all_finite(values, 4));
    assert_true(all_finite(NULL, 0));
    for (int i = 0; i < 4; ++i) {
        memcpy(values + 2, bits + i, sizeof *bits);
        assert_false(is_finite(values[2]));
        assert_false(all_finite(values, 4));
    }
    assert_true(is_finite(zero));
}

static void too_much(void *unused)
{
    (void)unused;
    allocate(SIZE_MAX / 4, 2);
}

static void too_long(void *unused)
{
    (void)unused;
    allocate_array(SIZE_MAX / 4, 4);
}

/* Also where the memory was in use before: from the second turn on. */
static void test_arrays(void **state)
{
    const size_t sizes[] = {0, 100, 131071, 131072, 131073, 196608, 200000, 1000003, 5000000};
    (void)state;
    for (int i = 0; i < 4 * (int)(sizeof sizes / sizeof *sizes); ++i) {
        size_t bytes = sizes[i / 4];
        char *array = allocate_array(bytes, 1);
        if (bytes > 131072) assert_int_equal((uintptr_t)array % 64, 0);
        for (size_t n = 0; n < bytes; ++n)
            if (array[n]) fail_msg("%zu bytes: %zu is %d", bytes, n, array[n]);
        memset(array, 1, bytes);
        free(array);
    }
    refused(too_long, NULL, "out of memory: ");
}

static void test_memory(void **state)
{
    (void)state;
    int *zeros = allocate(0, sizeof *zeros);
    assert_non_null(zeros);
    free(zeros);
    char *text = print_text("%s %d", "a", 12);
    assert_string_equal(text, "a 12");
    free(text);
    refused(too_much, NULL, "out of memory: ");
}

static void *draw_other_stream(void *result)
{
    seed_thread(6);
    *(int *)result = thread_rand();
    return NULL;
}

static void test_seeds(void **state)
{
    (void)state;
    int first[5], other;
    pthread_t thread;
    assert_true(mix_seed(0, 0) != 0);
    assert_true(mix_seed(1, 2) != mix_seed(2, 1));
    seed_thread(5);
    for (int i = 0; i < 5; ++i) {
        first[i] = thread_rand();
        assert_true(first[i] >= 0);
    }
    seed_thread(5);
    assert_int_equal(pthread_create(&thread, NULL, draw_other_stream, &other), 0);
    pthread_join(thread, NULL);
    for (int i = 0; i < 5; ++i) assert_int_equal(thread_rand(), first[i]);
    assert_int_not_equal(other, first[0]);
    seed_thread(0);
    srand(3);
    int expected = rand();
    srand(3);
    assert_int_equal(thread_rand(), expected);
}

static void replace(const char *name, const char *text)
{
    file_replacement r;
    assert_int_equal(begin_replacement(&r, name), 0);
    fputs(text, r.file);
    assert_int_equal(end_replacement(&r, 1), 0);
}

static void test_replacement(void **state)
{
    (void)state;
    file_replacement r;
    struct stat s;
    mode_t mask = umask(027);
    replace(in("a"), "one");
    umask(mask);
    assert_string_equal(read_file_text(in("a")), "one");
    assert_int_equal(stat(in("a"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0640);
    chmod(in("a"), 0604);
    replace(in("a"), "two");
    assert_string_equal(read_file_text(in("a")), "two");
    assert_int_equal(stat(in("a"), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0604);
    /* Until the end the old file stays, and for good where the new one is not wanted. */
    assert_int_equal(begin_replacement(&r, in("a")), 0);
    fputs("three", r.file);
    fflush(r.file);
    assert_string_equal(read_file_text(in("a")), "two");
    assert_int_equal(end_replacement(&r, 0), 0);
    assert_string_equal(read_file_text(in("a")), "two");
    assert_int_equal(files_in_directory(), 1);
    assert_int_equal(begin_replacement(&r, in("nowhere/a")), ENOENT);
    if (geteuid() != 0) {
        chmod(in("a"), 0444);
        assert_int_equal(begin_replacement(&r, in("a")), EACCES);
    }
}

static void test_replacement_full(void **state)
{
    (void)state;
    file_replacement r;
    if (access("/dev/full", W_OK)) skip();
    assert_int_equal(begin_replacement(&r, "/dev/full"), 0);
    fputs("text", r.file);
    assert_int_equal(end_replacement(&r, 1), ENOSPC);
}

static void test_replacement_of_owner(void **state)
{
    (void)state;
    struct stat s;
    if (geteuid() != 0) skip();
    write_file(in("a"), "old");
    assert_int_equal(chown(in("a"), 65534, 65533), 0);
    replace(in("a"), "new");
    assert_int_equal(stat(in("a"), &s), 0);
    assert_int_equal(s.st_uid, 65534);
    assert_int_equal(s.st_gid, 65533);
}

static void test_replacement_of_links(void **state)
{
    (void)state;
    file_replacement r;
    struct stat s;
    mkdir(in("elsewhere"), 0755);
    assert_int_equal(symlink("elsewhere/file", in("link")), 0);
    assert_int_equal(symlink(in("link"), in("second")), 0);
    replace(in("second"), "through a link to nothing yet");
    assert_string_equal(read_file_text(in("elsewhere/file")), "through a link to nothing yet");
    replace(in("link"), "again");
    assert_string_equal(read_file_text(in("elsewhere/file")), "again");
    assert_int_equal(lstat(in("link"), &s), 0);
    assert_true(S_ISLNK(s.st_mode));
    assert_int_equal(symlink("b", in("a")), 0);
    assert_int_equal(symlink("a", in("b")), 0);
    assert_int_equal(begin_replacement(&r, in("a")), ELOOP);
    /* What is planted beside a file is neither followed nor written to. */
    write_file(in("victim"), "mine");
    assert_int_equal(symlink(in("victim"), in("w.tmp")), 0);
    assert_int_equal(mkfifo(in("v.tmp"), 0666), 0);
    replace(in("w"), "text");
    replace(in("v"), "text");
    assert_string_equal(read_file_text(in("victim")), "mine");
}

static void test_abandoned(void **state)
{
    (void)state;
    pid_t gone = fork();
    if (gone == 0) _exit(0);
    waitpid(gone, NULL, 0);
    struct utimbuf old = {time(NULL) - 3600, time(NULL) - 3600};
    const char *const stay[] = {"a.1.abcdef.tmp", "a.999999999999.abcdef", "a.x.abcdef.tmp",
                                "b.2.abcdef.tmp", "a.2.abcdefg.tmp"};
    char name[64], fresh[64], linked[64];
    for (size_t i = 0; i < 5; ++i) {
        write_file(in(stay[i]), "");
        utime(in(stay[i]), &old);
    }
    snprintf(name, sizeof name, "a.%d.abcdef.tmp", (int)gone);
    snprintf(fresh, sizeof fresh, "a.%d.ghijkl.tmp", (int)gone);
    snprintf(linked, sizeof linked, "a.%d.mnopqr.tmp", (int)gone);
    write_file(in(name), "");
    utime(in(name), &old);
    write_file(in(fresh), "");
    assert_int_equal(symlink("nothing", in(linked)), 0);
    replace(in("a"), "new");
    assert_int_not_equal(access(in(name), F_OK), 0);
    assert_int_equal(files_in_directory(), 5 + 3);
}

static void test_two_replacements(void **state)
{
    (void)state;
    file_replacement one, two;
    assert_int_equal(begin_replacement(&one, in("a")), 0);
    assert_int_equal(begin_replacement(&two, in("a")), 0);
    fputs("of one", one.file);
    fputs("of the other", two.file);
    assert_int_equal(end_replacement(&two, 1), 0);
    assert_string_equal(read_file_text(in("a")), "of the other");
    assert_int_equal(end_replacement(&one, 1), 0);
    assert_string_equal(read_file_text(in("a")), "of one");
    assert_int_equal(files_in_directory(), 1);
}

static void open_other_log(void *name)
{
    open_training_log(name, 5, 0, 10);
}
static void open_new_log(void *name)
{
    open_training_log(name, 5, 0, 0);
}

static const char header[] = "batch,epoch,loss,rate,top1,top2,seconds\n";

static void test_log(void **state)
{
    (void)state;
    char name[128];
    log_row row = {.batch = 10,
                   .epoch = 1.5,
                   .loss = .25,
                   .rate = .01,
                   .top1 = .5,
                   .topk = .75,
                   .seconds = 12};
    strcpy(name, in("log"));
    training_log *log = open_training_log(name, 2, 0, 0);
    assert_string_equal(read_file_text(name), header);
    assert_true(seconds_in_log(log) == 0 && topk_in_log(log, 10) == -1);
    write_log_row(log, &row);
    row.batch = 20;
    row.top1 = row.topk = -1;
    row.seconds = 20;
    write_log_row(log, &row);
    assert_string_equal(
        read_file_text(name),
        "batch,epoch,loss,rate,top1,top2,seconds\n"
        "10,1.500,0.250000,0.01,0.500000,0.750000,12.0\n20,1.500,0.250000,0.01,,,20.0\n");
    /* Its directory is gone for a while, then it is itself; a row is not lost. */
    assert_int_equal(rename(name, in("away")), 0);
    mkdir(name, 0755);
    row.batch = 30;
    write_log_row(log, &row);
    assert_int_equal(rmdir(name), 0);
    row.batch = 40;
    write_log_row(log, &row);
    assert_non_null(strstr(read_file_text(name), "\n30,1.500,"));
    assert_non_null(strstr(read_file_text(name), "\n40,1.500,"));
    assert_memory_equal(read_file_text(name), header, sizeof header - 1);
    /* A run that goes on from batch 20. The last row is cut within its seconds. */
    FILE *file = fopen(name, "a");
    fputs("15,1.0,1,0.1,0.5,0.5,13", file);
    fclose(file);
    log = open_training_log(name, 2, 0, 20);
    assert_null(strstr(read_file_text(name), "\n15"));
    assert_true(seconds_in_log(log) == 20 && topk_in_log(log, 10) == .75);
    assert_true(topk_in_log(log, 20) == -1 && topk_in_log(log, 40) == -1);
    assert_null(strstr(read_file_text(name), "\n30"));
    refused(open_other_log, name, "not the log of such a run");
    refused(open_new_log, (void *)in("nowhere/log"),
            "nowhere/log: cannot be written: No such file");
    assert_non_null(open_training_log(in("none yet"), 2, 0, 20));
}

static void test_log_full(void **state)
{
    (void)state;
    if (access("/dev/full", W_OK)) skip();
    refused(open_new_log, "/dev/full", "No space left");
    /* A pipe takes rows too. */
    char name[128];
    strcpy(name, in("pipe"));
    assert_int_equal(mkfifo(name, 0600), 0);
    fflush(NULL);
    pid_t reader = fork();
    if (reader == 0) {
        const char *text = read_file_text(name);
        _exit(memcmp(text, header, sizeof header - 1) != 0);
    }
    training_log *log = open_training_log(name, 2, 0, 0);
    int status;
    waitpid(reader, &status, 0);
    assert_int_equal(status, 0);
    assert_true(seconds_in_log(log) == 0);
}

static void check_tree_text(void *text)
{
    write_file(in("tree"), text);
    check_tree_file(in("tree"));
}

static void check_named_tree(void *name)
{
    check_tree_file(name);
}

/* The limits of containers, as their kernels tell them: files of ours in their place. */
static void test_memory_limit(void **state)
{
    (void)state;
    char root[200], memory[220], group[220], inner[240];
    snprintf(root, sizeof root, "%s", in("cgroup"));
    snprintf(memory, sizeof memory, "%s/memory", root);
    snprintf(group, sizeof group, "%s/a", root);
    snprintf(inner, sizeof inner, "%s/b", group);
    const char *meminfo = in("meminfo"), *groups = in("groups");
    assert_int_equal(
        mkdir(root, 0700) | mkdir(memory, 0700) | mkdir(group, 0700) | mkdir(inner, 0700), 0);
    char file[300];
#define LIMIT(directory, name, text) \
    (snprintf(file, sizeof file, "%s/" name, directory), write_file(file, text))
#define ASSERT_LIMIT(bytes) assert_int_equal(find_memory_limit(meminfo, groups, root), bytes)
    assert_true(find_memory_limit(meminfo, groups, root) == SIZE_MAX);
    write_file(meminfo, "MemTotal:       1000 kB\nMemFree: 10 kB\nSwapTotal:        500 kB\n");
    write_file(groups, "9:pids:/\n0::/a/b\n");
    ASSERT_LIMIT(1500 * 1024);
    LIMIT(inner, "memory.max", "max\n");
    ASSERT_LIMIT(1500 * 1024);
    LIMIT(group, "memory.max", "300000\n");
    ASSERT_LIMIT(300000 + 500 * 1024);
    LIMIT(group, "memory.swap.max", "0\n");
    ASSERT_LIMIT(300000);
    LIMIT(inner, "memory.max", "200000\n");
    LIMIT(inner, "memory.swap.max", "1000\n");
    ASSERT_LIMIT(201000);
    LIMIT(root, "memory.max", "100000\n");
    LIMIT(root, "memory.swap.max", "0\n");
    ASSERT_LIMIT(100000);
    write_file(groups, "4:memory:/docker/x\n");
    LIMIT(memory, "memory.limit_in_bytes", "9223372036854771712\n");
    ASSERT_LIMIT(100000);
    LIMIT(memory, "memory.limit_in_bytes", "50000\n");
    ASSERT_LIMIT(50000 + 500 * 1024 < 100000 ? 50000 + 500 * 1024 : 100000);
    write_file(meminfo, "MemTotal:       1000 kB\nSwapTotal:        0 kB\n");
    ASSERT_LIMIT(50000);
    assert_true(memory_limit() > 1 << 20);
}

static void test_tree_files(void **state)
{
    (void)state;
    char text[4096], name[400];
    assert_int_equal(said(text, sizeof text, check_tree_text, "a -1\r\nb -1\nc 0\nd 2"), 0);
    refused(check_tree_text, "a -1\nb 1\n", "line 2: a tree of classes: the parent must be -1");
    refused(check_tree_text, "a -2\n", "line 1: a tree of classes: the parent must be -1");
    refused(check_tree_text, "a\n", "must be a name and the number of its parent");
    refused(check_tree_text, "a -1 x\n", "nothing else");
    refused(check_tree_text, "a -1\n\n", "line 2: a tree of classes: must begin with a name");
    refused(check_tree_text, "", "it has no lines");
    memset(name, 'n', 300);
    strcpy(name + 300, " -1\n");
    refused(check_tree_text, name, "1 to 255 characters");
    refused(check_named_tree, "/nowhere/tree", "No such file");
}

static tree *read_tree_text(const char *text)
{
    write_file(in("tree"), text);
    return read_tree((char *)in("tree"));
}
static network with_tree(int outputs)
{
    network net = {.outputs = outputs};
    net.hierarchy = read_tree_text("a -1\nb -1\nc 0\nd 0\n");
    return net;
}
static void tree_without(void *file)
{
    network net = {.outputs = 4};
    get_label_tree(&net, file, "x.data");
}
static void tree_of_others(void *file)
{
    network net = with_tree(5);
    get_label_tree(&net, file, "x.data");
}
static void leaves_without(void *file)
{
    network net = {.outputs = 4};
    choose_leaves(&net, file, "x.data");
}
static void leaves_of_others(void *file)
{
    network net = with_tree(4);
    write_file(file, "x\ny\n");
    choose_leaves(&net, file, "x.data");
}

static void test_trees(void **state)
{
    (void)state;
    char file[128], text[1024];
    strcpy(file, in("tree"));
    network net = with_tree(4), none = {.outputs = 4};
    assert_null(get_label_tree(&none, NULL, "x.data"));
    assert_ptr_equal(get_label_tree(&net, NULL, "x.data"), net.hierarchy);
    assert_int_equal(get_label_tree(&net, file, "x.data")->n, 4);
    refused(tree_without, file, "needs a network whose [softmax] has a tree=");
    refused(tree_of_others, file, "has 4 classes, but the network has 5 outputs");
    choose_leaves(&none, NULL, "x.data");
    write_file(in("leaves"), "c\n");
    choose_leaves(&net, (char *)in("leaves"), "x.data");
    assert_true(net.hierarchy->leaf[2] && !net.hierarchy->leaf[3]);
    refused(leaves_without, file, "x.data: leaves=");
    refused(leaves_of_others, file, "names none of the tree's classes");
    assert_int_equal(said(text, sizeof text, check_named_tree, file), 1);
}

static char *paths[] = {"img/cat_1.png", "img/dog_1.png", "img/cat_2.png", "img/cow_1.png"};
static char *labels[] = {"cat", "dog", "cow", "og_"};

static void check_list_labels(void *k)
{
    check_labels(paths, 4, "list", labels, *(int *)k, "labels");
}
static void check_class_count(void *hierarchy)
{
    network net = {.outputs = 5, .hierarchy = hierarchy};
    check_classes(&net, 6, 0, "x.data", "x.cfg");
}
static void fewer_classes(void *exact)
{
    tree t = {0};
    network net = {.outputs = 5, .hierarchy = &t};
    check_classes(&net, 4, *(int *)exact, "x.data", "x.cfg");
}
static void channels(void *c)
{
    network net = {.c = *(int *)c, .w = 2, .h = 2};
    check_image_network(&net, "x.cfg");
}
static void no_image(void *unused)
{
    (void)unused;
    network net = {.c = 3};
    check_image_network(&net, "x.cfg");
}
static void top(void *k)
{
    check_top(*(int *)k, 5, "x.data");
}
static void lines(void *least)
{
    write_file(in("list"), "a\nb\n");
    get_lines((char *)in("list"), *(int *)least, "images");
}

static void test_data_checks(void **state)
{
    (void)state;
    char text[1024];
    int numbers[] = {0, 1, 2, 3, 4, 5, 6};
    tree t = {0};
    assert_int_equal(check_labels(paths, 4, "list", labels, 3, "labels"), 1);
    assert_int_equal(check_labels(paths + 1, 1, "list", labels, 1, "labels"), 1);
    refused(check_list_labels, numbers + 2, "the path img/cow_1.png holds the label of no class");
    refused(check_list_labels, numbers + 2,
            "list: 1 of 4 paths do not hold exactly one of the 2 labels");
    refused(check_list_labels, numbers + 4,
            "img/dog_1.png holds the label of several classes: dog og_");
    assert_int_equal(class_of_path(paths[3], labels, 3), 2);
    assert_int_equal(class_of_path("x", labels, 3), -1);
    refused(check_class_count, NULL, "classes=6 in x.data, but the network of x.cfg has 5 outputs");
    refused(check_class_count, &t, "classes=6 in x.data");
    assert_int_equal(said(text, sizeof text, fewer_classes, numbers), 0);
    refused(fewer_classes, numbers + 1, "classes=4 in x.data");
    assert_int_equal(said(text, sizeof text, channels, numbers + 1), 0);
    assert_int_equal(said(text, sizeof text, channels, numbers + 3), 0);
    refused(channels, numbers + 2, "channels=2: images have 3");
    refused(channels, numbers + 4, "channels=4: images have 3");
    refused(no_image, NULL, "width=0, height=0");
    assert_int_equal(said(text, sizeof text, top, numbers + 5), 0);
    refused(top, numbers, "x.data: top=0: must be from 1 to 5");
    refused(top, numbers + 6, "x.data: top=6: must be from 1 to 5");
    assert_int_equal(said(text, sizeof text, lines, numbers + 2), 0);
    refused(lines, numbers + 3, "list has 2 images, at least 3 needed");
}

static arguments parsed_arguments(const char *line)
{
    static char text[512], *words[40];
    int count = 0;
    snprintf(text, sizeof text, "%s", line);
    memset(words, 0, sizeof words);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) words[count++] = word;
    return read_arguments(count, words);
}
static void bad_arguments(void *line)
{
    parsed_arguments(line);
}

static void test_arguments(void **state)
{
    (void)state;
    arguments a = parsed_arguments(
        "darknet classifier train x.data x.cfg x.weights -topk 5 -every 20 -log l.csv "
        "-progress -seed 7 -clear");
    assert_string_equal(a.command, "train");
    assert_string_equal(a.train.data, "x.data");
    assert_string_equal(a.train.cfg, "x.cfg");
    assert_string_equal(a.train.weights, "x.weights");
    assert_null(a.image);
    assert_int_equal(a.train.tracking.topk, 5);
    assert_int_equal(a.train.tracking.every, 20);
    assert_string_equal(a.train.tracking.log, "l.csv");
    assert_true(a.train.tracking.progress && a.train.clear && a.top == 0 && a.camera == 0);
    assert_true(a.train.seed == mix_seed(0, 7));
    assert_int_equal(parsed_arguments("darknet classifier predict a b c -t 3 d").top, 3);
    assert_int_equal(parsed_arguments("darknet classifier demo a b c -c 2").camera, 2);
    a = parsed_arguments("darknet classifier try x.data x.cfg x.weights a.png 4");
    assert_string_equal(a.image, "a.png");
    assert_string_equal(a.layer, "4");
    assert_true(a.train.seed == 0 && !a.train.tracking.topk && !a.train.clear);
    refused(bad_arguments, "darknet classifier", "usage: darknet classifier COMMAND");
    refused(bad_arguments, "darknet classifier train x.data", "usage: darknet classifier train");
    refused(bad_arguments, "darknet classifier train a b -seed -1",
            "-seed -1: must be a whole number");
    refused(bad_arguments, "darknet classifier train a b -seed 4294967296", "from 0 to 4294967295");
    refused(bad_arguments, "darknet classifier train a b -topk 1e3", "-topk 1e3: must be a whole");
    refused(bad_arguments, "darknet classifier train a b -every 4",
            "-every 4: needs -topk, -log or -chart");
    refused(bad_arguments, "darknet classifier train a b -evry", "train: -evry: no such option");
}

static void stop_and_wait(void *second)
{
    signal(SIGHUP, SIG_DFL); /* nohup make test ignores it */
    catch_stop_signals(0);
    if (stop_signal()) exit(1);
    raise(SIGHUP);
    if (stop_signal() != SIGHUP) exit(2);
    if (second) raise(SIGTERM);
    exit(77);
}
static void ignored_stays(void *unused)
{
    (void)unused;
    signal(SIGINT, SIG_IGN);
    catch_stop_signals(0);
    raise(SIGINT);
    exit(stop_signal() ? 1 : 77);
}

static void test_signals(void **state)
{
    (void)state;
    char text[1024];
    assert_int_equal(said(text, sizeof text, stop_and_wait, NULL), 77);
    assert_non_null(strstr(text, "Stopping after this batch; a second signal stops at once"));
    assert_int_equal(said(text, sizeof text, stop_and_wait, text), 128 + SIGTERM);
    assert_int_equal(said(text, sizeof text, ignored_stays, NULL), 77);
    assert_int_equal(stop_signal(), 0);
}

static const char small_cfg[] =
    "[net]\nbatch=2\nheight=4\nwidth=4\nchannels=1\nmax_batches=10\n"
    "learning_rate=0.1\n"
    "[convolutional]\nbatch_normalize=1\nfilters=2\nsize=3\nstride=1\npad=1\n"
    "activation=leaky\n[connected]\noutput=3\nactivation=linear\n[softmax]\n";

static network *small_network(void)
{
    write_file(in("small.cfg"), small_cfg);
    return parse_network_cfg((char *)in("small.cfg"));
}

static void test_weights(void **state)
{
    (void)state;
    char name[128];
    network *net = small_network();
    /* filters, biases and three numbers of normalization; outputs x inputs, and biases */
    assert_int_equal(count_weights(net->layers[0]), 2 * 9 + 2 + 6);
    assert_int_equal(count_weights(net->layers[1]), 3 * 32 + 3);
    assert_int_equal(count_weights(net->layers[2]), 0);
    *net->seen = 42;
    strcpy(name, in("w"));
    assert_int_equal(replace_weights(net, name, net->n), WEIGHTS_SAVED);
    assert_int_equal(seen_by_weights(name), 42);
    assert_int_equal(seen_by_weights(in("none")), 0);
    assert_int_equal(seen_by_weights(in("small.cfg")), 0);
    assert_null(find_weights_fault(net, name));
    network *other = small_network();
    assert_null(try_load_weights(other, name));
    assert_memory_equal(other->layers[1].weights, net->layers[1].weights, 96 * sizeof(float));
    assert_int_equal(*other->seen, 42);
    /* One number that is none: in the network, and in a file. */
    uint32_t bits = 0x7fc00000;
    struct stat before, after;
    memcpy(net->layers[1].biases + 1, &bits, sizeof bits);
    assert_int_equal(stat(name, &before), 0);
    assert_int_equal(replace_weights(net, name, net->n), WEIGHTS_NOT_FINITE);
    assert_int_equal(last_save(), WEIGHTS_NOT_FINITE);
    assert_int_equal(stat(name, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_int_equal(files_in_directory(), 2);
    net->layers[1].dontsave = 1;
    assert_int_equal(replace_weights(net, (char *)in("part"), net->n), WEIGHTS_SAVED);
    char *fault = find_weights_fault(other, in("part"));
    assert_non_null(strstr(fault, "it ends before layer 1 (connected); only training"));
    free(fault);
    FILE *file = fopen(name, "r+b");
    fseek(file, 20 + 4 * 26, SEEK_SET);
    fwrite(&bits, sizeof bits, 1, file);
    fclose(file);
    fault = try_load_weights(other, name);
    assert_non_null(strstr(fault, "the weights of layer 1 (connected) are not finite"));
    free(fault);
    fault = try_load_weights(other, directory);
    assert_non_null(strstr(fault, "cannot be read: Is a directory"));
    free(fault);
    fault = try_load_weights(other, (char *)in("nothing"));
    assert_non_null(strstr(fault, "No such file"));
    free(fault);
    assert_int_equal(replace_weights(other, (char *)in("nowhere/w"), other->n),
                     WEIGHTS_NOT_WRITTEN);
    if (!access("/dev/full", W_OK))
        assert_int_equal(replace_weights(other, "/dev/full", other->n), WEIGHTS_NOT_WRITTEN);
}

static void bad_backup(void *name)
{
    check_backup_directory(name, "x.data");
}

static void test_checkpoints(void **state)
{
    (void)state;
    network *net = small_network();
    check_backup_directory(directory, "x.data");
    assert_null(last_checkpoint());
    assert_int_equal(save_checkpoint(net, directory, "x", "_1.weights"), WEIGHTS_SAVED);
    assert_string_equal(last_checkpoint(), in("x_1.weights"));
    assert_int_equal(save_checkpoint(net, in("nowhere"), "x", ".weights"), WEIGHTS_NOT_WRITTEN);
    assert_string_equal(last_checkpoint(), in("x_1.weights"));
    refused(bad_backup, (void *)in("nowhere"), "backup= in x.data): No such file");
    refused(bad_backup, (void *)in("small.cfg"), "not a directory");
}

/* A gray picture of 8 x 4 whose left half is black and whose right half is white, as PGM. */
static char *half_white(const char *name)
{
    char *path = (char *)in(name);
    FILE *file = fopen(path, "wb");
    fprintf(file, "P5\n8 4\n255\n");
    for (int i = 0; i < 32; ++i) putc(i % 8 < 4 ? 0 : 255, file);
    fclose(file);
    return path;
}

static image load_for(load_args *args, char **path)
{
    begin_loading(args);
    image im = load_training_image(path, args->w, args->w, args->w, 0, 1, 0, 1, 1, args->center);
    end_loading();
    return im;
}

static void test_views(void **state)
{
    (void)state;
    char *list[1];
    char name[128];
    strcpy(name, half_white("cat.pgm"));
    list[0] = name;
    load_args args = {.paths = list,
                      .m = 1,
                      .w = 8,
                      .h = 4,
                      .channels = 1,
                      .labels_checked = 1,
                      .type = CLASSIFICATION_DATA,
                      .seed = 9,
                      .center = 1};
    set_flip("0");
    image im = load_for(&args, list);
    assert_true(im.w == 8 && im.h == 4 && im.c == 1);
    assert_true(im.data[0] == 0 && im.data[7] == 1);
    free_image(im);
    /* All of the image, in gray, at every place that a crop can have. */
    args.w = 4;
    args.h = 8;
    args.center = 0;
    for (int i = 0; i < 20; ++i) {
        args.thread = i;
        im = load_for(&args, list);
        assert_true(im.w == 4 && im.h == 8);
        float white = 0;
        for (int j = 0; j < 32; ++j) white += im.data[j];
        assert_true(white > 10 && white < 22);
        free_image(im);
    }
    /* Square: as Darknet; mirrored by every second draw. */
    int mirrored = 0;
    args.w = args.h = 4;
    args.center = 1;
    set_flip(NULL);
    for (int i = 0; i < 100; ++i) {
        args.thread = i;
        im = load_for(&args, list);
        mirrored += im.data[0] > .5;
        free_image(im);
    }
    assert_true(mirrored > 30 && mirrored < 70);
    args.exposure = 1;
    args.channels = 3;
    im = load_for(&args, list);
    assert_int_equal(im.c, 3);
    free_image(im);
}

/* An image of one pixel under aspect=0.5: some of it is in every view. */
static void test_view_of_one_pixel(void **state)
{
    (void)state;
    char name[128], *list[1] = {name};
    strcpy(name, in("cat.pgm"));
    write_file(name, "P5\n1 1\n255\n\377");
    load_args args = {.paths = list,
                      .m = 1,
                      .w = 4,
                      .h = 4,
                      .channels = 1,
                      .labels_checked = 1,
                      .type = CLASSIFICATION_DATA,
                      .seed = 9};
    for (int i = 0; i < 20; ++i) {
        float light = 0;
        args.thread = i;
        begin_loading(&args);
        image im = load_training_image(list, 4, 4, 4, 0, .5f, 0, 1, 1, 0);
        end_loading();
        for (int j = 0; j < 16; ++j) light += im.data[j];
        assert_true(light > .5);
        free_image(im);
    }
}

static void test_rejected(void **state)
{
    (void)state;
    char good[128], missing[128];
    strcpy(good, half_white("cat.pgm"));
    strcpy(missing, in("cat_missing.pgm"));
    char *names[] = {"cat", "dog"}, *list[] = {good, good, good, good, missing, missing};
    load_args args = {.paths = list,
                      .m = 6,
                      .w = 4,
                      .h = 4,
                      .channels = 1,
                      .labels = names,
                      .classes = 2,
                      .type = CLASSIFICATION_DATA,
                      .seed = 1};
    char *path = missing;
    image im = load_for(&args, &path);
    assert_string_equal(path, good);
    free_image(im);
    assert_false(too_many_rejected(6));
    /* A path counts as often as the list has it: 2 of 6, then 4 of 6. */
    char *both[] = {"dog_cat.pgm", "dog_cat.pgm", good, good, missing, missing};
    args.paths = both;
    path = both[0];
    im = load_for(&args, &path);
    free_image(im);
    assert_true(too_many_rejected(6));
    assert_false(too_many_rejected(1000));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        TEST(test_memory),
        TEST(test_arrays),
        TEST(test_finite),
        TEST(test_seeds),
        TEST(test_replacement),
        TEST(test_replacement_full),
        TEST(test_replacement_of_owner),
        TEST(test_replacement_of_links),
        TEST(test_abandoned),
        TEST(test_two_replacements),
        TEST(test_log),
        TEST(test_log_full),
        TEST(test_memory_limit),
        TEST(test_tree_files),
        TEST(test_trees),
        TEST(test_data_checks),
        TEST(test_arguments),
        TEST(test_signals),
        TEST(test_weights),
        TEST(test_checkpoints),
        TEST(test_views),
        TEST(test_view_of_one_pixel),
        TEST(test_rejected),
    };
    gpu_index = -1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
