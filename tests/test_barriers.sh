#!/bin/sh
# The kernels without one of their barriers, each in turn: the tests of the kernels must notice.
. tests/tap.sh
unnoticed() { # FILE:LINE
    SKIP_BARRIER=$1 timeout 300 build/tests/kernels
}
noticed() { # not merely out of time
    unnoticed "$1"
    code=$?
    [ $code != 0 ] && [ $code != 124 ]
}
check 'with all barriers all is well' unnoticed none
for source in src/loss/cuda/*.cuh; do
    for line in $(grep -nE '__sync(threads|warp)\(\)|TEAM_BARRIER\(' "$source" | cut -d: -f1); do
        function=$(sed -n "1,${line}{s/ __launch_bounds__([^)]*)//
            s/^static .*__\(device\|global\)__ [^(]*[ *]\([a-z_0-9]*\)(.*/\2/p}" "$source" | tail -n 1)
        place=${source##*/}:$line
        check "$place, in $function: its absence is noticed" noticed "$place"
    done
done
finish
