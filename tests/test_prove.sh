#!/bin/sh
# What `make test` says of its tests: how many passed, failed and were skipped, why, and whether it fails.
. tests/tap.sh

# program NAME LINE...: a program in $scratch that does LINE...
program() {
    file=$scratch/$1
    shift
    { echo '#!/bin/sh' && printf '%s\n' "$@"; } >"$file"
    chmod +x "$file"
}
program good 'echo "ok 1 - one"' 'echo "ok 2 - two # SKIP no second"' 'echo 1..2'
program bad 'echo 1..2' 'echo "not ok 1 - three"' 'echo "# because of this"' 'echo "ok 2 - four"' 'exit 1'
program none 'echo "1..0 # SKIP not here"'
program crash 'echo 1..2' 'echo "ok 1 - five"' 'echo "some words" >&2' 'kill -SEGV $$'
program early 'echo 1..3' 'echo "ok 1 - six"'
program code 'echo 1..1' 'echo "ok 1 - seven"' 'exit 7'
program silent 'exit 0'

# says CODE LAST PROGRAM...: make test's command on these programs exits with CODE, and its last line is LAST.
says() {
    expected=$1 last=$2
    shift 2
    (cd "$scratch" && PERL5LIB=$root/tests/prove prove --formatter Counts --timer --jobs 2 \
        --exec "$root/tests/run_one.sh" "$@") >"$scratch/said" 2>&1
    code=$?
    cat "$scratch/said"
    [ "$code" = "$expected" ] && [ "$(tail -n 1 "$scratch/said")" = "$last" ]
}
root=$PWD
check 'all is well' says 0 '1 passed, 0 failed, 1 skipped' ./good
check 'what was skipped is named, with the reason' grep -q 'good: ok 2 - two # SKIP no second' "$scratch/said"
check 'nothing skipped: nothing said of it' says 1 '1 passed, 1 failed' ./bad
check 'why a test failed is shown' grep -q 'because of this' "$scratch/said"
check 'a program may skip all it has' says 0 '1 passed, 0 failed, 2 skipped' ./good ./none
check 'with its reason' grep -q 'none: not here' "$scratch/said"
check 'a crash is a failure' says 1 '2 passed, 1 failed, 1 skipped' ./crash ./good
check 'and the end of stderr is shown' grep -q 'some words' "$scratch/said"
check 'so is an end before the plan' says 1 '1 passed, 1 failed' ./early
check 'and an exit code other than 0' says 1 '1 passed, 1 failed' ./code
check 'and a program that says nothing' says 1 '0 passed, 1 failed' ./silent
check 'and a program that is not there' says 1 '0 passed, 1 failed' ./nowhere
check 'all together' says 1 '5 passed, 5 failed, 2 skipped' ./good ./bad ./none ./crash ./early ./code ./silent

alone() { # the exit code of a script with a test of COMMAND, as it is run by hand
    printf '. tests/tap.sh\ncheck one %s\ncheck two true\nfinish\n' "$1" >"$scratch/alone.sh"
    sh "$scratch/alone.sh"
}
fails_alone() { ! alone false; }
check 'a shell test that is run alone exits with 0 where all is well' alone true
check 'and with 1 where a test failed, also where the last did not' fails_alone

# make's own targets: both use these, and fail with them.
check 'make test and make check run prove with this' sh -c "
    for target in test check; do make -n \$target MAKE=: |
        grep -q -- '--formatter Counts .*--exec tests/run_one.sh .*tests/test_prove.sh' || exit 1; done"
executable() { # prove runs them by their names
    for script in tests/test_*.sh; do [ -x "$script" ] || { echo "$script: chmod +x"; return 1; }; done
}
check 'every shell test can be run by its name' executable
finish
