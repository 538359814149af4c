/* The exponential of the loss in units in the last place, over every float from 2^-8 to 1/2 of
   either sign. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "support.h"
#include "smooth_topk_exp.h"

static float plain(float f)
{
    return SMOOTH_TOPK_EXP2(f);
}

/* gcc does not fuse what UBSan checks. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#define FUSED 1
/* Contracted to fused multiply-adds, as the vector loops are. */
__attribute__((target("fma"))) static float fused(float f)
{
    return SMOOTH_TOPK_EXP2(f);
}
#endif

static double worst_error(float (*power)(float))
{
    double worst = 0;
    for (unsigned magnitude = 0x3b800000; magnitude <= 0x3f000000; ++magnitude)
        for (int sign = 0; sign < 2; ++sign) {
            float f = from_bits(magnitude | (unsigned)sign << 31);
            double wanted = exp2(f), unit = wanted >= 1 ? 0x1p-23 : 0x1p-24;
            worst = fmax(worst, fabs(power(f) - wanted) / unit);
        }
    return worst;
}

static void test_exponential(void **unused)
{
    (void)unused;
    double worst = worst_error(plain);
    if (!(worst > 0.5 && worst <= 1.23)) fail_msg("%.4f ulp", worst);
}

static void test_exponential_fused(void **unused)
{
    (void)unused;
#ifdef FUSED
    if (__builtin_cpu_supports("fma")) {
        double worst = worst_error(fused);
        if (!(worst > 0.5 && worst <= 0.96)) fail_msg("%.4f ulp", worst);
        return;
    }
#endif
    skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exponential),
        cmocka_unit_test(test_exponential_fused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
