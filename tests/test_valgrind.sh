#!/bin/sh
# The mathematics under valgrind: nothing is read that was not written, nothing beside its memory.
# Those tests that compare with numbers of 64 bits or with none: valgrind's long double has no more.
. tests/tap.sh
# valgrind 3.19 knows no AVX-512.
program=build/tests/loss_portable
[ -x build/tests/loss_avx2 ] && program=build/tests/loss_avx2

under_valgrind() {
    valgrind -q --error-exitcode=99 --leak-check=full "$program" "$1" 2>&1
}
for test in test_workspace test_refusals test_minus_infinity test_extreme_numbers test_hard_hinge \
    test_loss_alone test_cross_entropy; do
    if command -v valgrind >/dev/null; then
        check "$program $test" under_valgrind $test
    else
        count=$((count + 1))
        echo "ok $count - $program $test # SKIP valgrind is not installed"
    fi
done
finish
