#!/bin/sh
# Runs one test program for prove: its TAP goes on, and what it wrote to stderr is shown only if it failed.
#
# usage: tests/run_one.sh PROGRAM     Exits as PROGRAM did.
log=$(mktemp)
trap 'rm -f "$log" "$log.code"' EXIT
{
    "$@" 2>"$log"
    echo $? >"$log.code"
} | sed 's/^not \(ok [0-9]* # SKIP\)/\1/' # cmocka 1.1 calls what it skips not ok
code=$(cat "$log.code")
[ $code = 0 ] || { echo "# exit code $code; the end of stderr:" && tail -n 30 "$log" | tr -d '\r' | sed 's/^/#   /'; }
exit $code
