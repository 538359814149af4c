#!/bin/sh
# The kernels without one of their barriers, each in turn: the tests of the kernels must notice.
. tests/tap.sh
source=src/loss/smooth_topk_kernels.cu
unnoticed() { # LINE
    SKIP_BARRIER=$1 timeout 60 build/tests/kernels
}
noticed() {
    ! unnoticed "$1"
}
lines=$(grep -nE '__sync(threads|warp)\(\)' "$source" | cut -d: -f1)
check 'with all barriers all is well' unnoticed 0
for line in $lines; do
    function=$(sed -n "1,${line}{s/ __launch_bounds__([^)]*)//;s/^static .*__\(device\|global\)__ [^(]*[ *]\([a-z_0-9]*\)(.*/\2/p}" "$source" | tail -n 1)
    check "line $line, in $function: its absence is noticed" noticed "$line"
done
finish
