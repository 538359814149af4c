/* What tests/test_cpu.c uses of cmocka, for machines that it is not installed for
   (tests/test_cpu_aarch64.sh): each test's result as TAP, the first failure ends the program. */
#ifndef CROSS_CMOCKA_H
#define CROSS_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    int (*set_up)(void **state);
};

#define fail_msg(...)                                   \
    do {                                                \
        printf("not ok - %s:%d: ", __FILE__, __LINE__); \
        printf(__VA_ARGS__);                            \
        puts("");                                       \
        exit(1);                                        \
    } while (0)
#define assert_true(condition)                  \
    do {                                        \
        if (!(condition)) fail_msg(#condition); \
    } while (0)
#define assert_int_equal(a, b) assert_true((a) == (b))
#define assert_memory_equal(a, b, size) assert_true(!memcmp(a, b, size))

#define cmocka_unit_test_setup(test, set_up) \
    {                                        \
#test, test, set_up                  \
    }
#define cmocka_run_group_tests(tests, set_up, tear_down) \
    run_tests(tests, sizeof(tests) / sizeof *(tests))

static int run_tests(const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; ++i) {
        if (tests[i].set_up(0)) fail_msg("%s is not set up", tests[i].name);
        tests[i].test(0);
        printf("ok %d - %s\n", (int)i + 1, tests[i].name);
        fflush(stdout);
    }
    return 0;
}

#endif
