/* The strict reader of numbers: what it takes, and what it does not. */
#include "numbers.h"

#include <float.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static number_result real(const char *text, double *value)
{
    return read_real(text, strlen(text), -FLT_MAX, FLT_MAX, value);
}

static void test_reals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0}, {"-1.5", -1.5}, {"+2", 2}, {".5", .5}, {"1e3", 1000}, {"1e-400", 0}};
    static const char *const malformed[] = {"",    " 1", "1 ",  "1 5", "1x", "nan", "inf",
                                            "0x1", "1e", "--1", ".",   "e5", "1,5", "1.2.3"};
    double value;
    for (size_t i = 0; i < sizeof good / sizeof *good; ++i) {
        assert_int_equal(real(good[i].text, &value), NUMBER_READ);
        assert_true(value == good[i].value);
    }
    value = 7;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; ++i)
        assert_int_equal(real(malformed[i], &value), NUMBER_MALFORMED);
    assert_int_equal(real("1e39", &value), NUMBER_OUT_OF_RANGE);
    assert_int_equal(real("1e400", &value), NUMBER_OUT_OF_RANGE);
    assert_int_equal(real("-1e39", &value), NUMBER_OUT_OF_RANGE);
    assert_true(value == 7);
}

static void test_wholes(void **state)
{
    (void)state;
    long value = 7;
    assert_int_equal(read_whole("15,3", 2, 1, 20, &value), NUMBER_READ);
    assert_int_equal(value, 15);
    assert_int_equal(read_whole("-3", 2, -3, 3, &value), NUMBER_READ);
    assert_int_equal(value, -3);
    static const char *const malformed[] = {"", "1.0", "1e2", " 3", "3 ", "1 5", "0x3", "-", "3k"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; ++i)
        assert_int_equal(read_whole(malformed[i], strlen(malformed[i]), 0, 99, &value),
                         NUMBER_MALFORMED);
    assert_int_equal(read_whole("21", 2, 1, 20, &value), NUMBER_OUT_OF_RANGE);
    assert_int_equal(read_whole("0", 1, 1, 20, &value), NUMBER_OUT_OF_RANGE);
    assert_int_equal(read_whole("99999999999999999999", 20, LONG_MIN, LONG_MAX, &value),
                     NUMBER_OUT_OF_RANGE);
    assert_int_equal(value, -3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reals), cmocka_unit_test(test_wholes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
