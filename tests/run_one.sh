#!/bin/sh
# Runs one test program for prove: its TAP goes on, and what it wrote to stderr is shown only if it failed.
#
# usage: tests/run_one.sh PROGRAM     Exits as PROGRAM did.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>"$log"
code=$?
[ $code = 0 ] || { echo "# exit code $code; the end of stderr:" && tail -n 30 "$log" | tr -d '\r' | sed 's/^/#   /'; }
exit $code
