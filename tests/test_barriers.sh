#!/bin/sh
# The kernels without one of their barriers, each in turn: the tests of the kernels must notice. A barrier that the
# emulation cannot miss says so beside it, and is skipped with that reason.
. tests/tap.sh
unnoticed() { # FILE:LINE
    (ulimit -t 600 && SKIP_BARRIER=$1 build/tests/kernels)
}
noticed() { # not merely out of time: SIGXCPU
    unnoticed "$1"
    code=$?
    [ $code != 0 ] && [ $code != 152 ]
}
# Their lines, but for those of a macro, which stand for the lines where it is used.
barrier_lines() { # FILE
    awk '/^#define/ { macro = 1 }
        !macro && /__sync(threads|warp)(_or)?\(|TEAM_BARRIER\(/ { print FNR }
        !/\\$/ { macro = 0 }' "$1"
}
check 'with all barriers all is well' unnoticed none
for source in src/loss/cuda/*.cuh; do
    for line in $(barrier_lines "$source"); do
        function=$(sed -n "1,${line}{s/ __launch_bounds__([^)]*)//
            s/^static .*__\(device\|global\)__ [^(]*[ *]\([a-z_0-9]*\)(.*/\2/p}" "$source" | tail -n 1)
        place=${source##*/}:$line
        reason=$(sed -n "${line}s,.*/\* not emulated: \(.*\) \*/.*,\1,p" "$source")
        [ -z "$reason" ] || { skip "$place, in $function" "not emulated: $reason" && continue; }
        check "$place, in $function: its absence is noticed" noticed "$place"
    done
done
finish
