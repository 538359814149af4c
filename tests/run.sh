#!/bin/sh
# Runs the test programs and scripts named on the command line, shows their TAP, and sums them up.
#
# usage: tests/run.sh PROGRAM...     Ends with "N passed, N failed"; exits 1 if anything failed: a test,
# a program that crashed, or one that ended before its plan.
export CMOCKA_MESSAGE_OUTPUT=TAP
log=$(mktemp)
trap 'rm -f "$log"' EXIT
start=$(date +%s)
number=0
for program in "$@"; do
    number=$((number + 1))
    echo "# [$number/$#] $program ($(($(date +%s) - start)) s)"
    {
        "$program" 2>"$log.err"
        echo "exit $?"
    } | tee -a "$log.part" | grep -v '^exit '
    # A plan, as many results as planned and exit code 0 (cmocka: the number of failures), or a failure more.
    awk -v name="$program" '
        /^1\.\.[0-9]+/ { plan = substr($0, 4) + 0; planned = 1 }
        /^ok /  { passed++ }
        /^not ok / { failed++ }
        /^exit / { code = $2 }
        END {
            if (!planned || passed + failed != plan || (code != 0 && !failed)) {
                printf "not ok - %s ended early (exit code %d, %d of %d tests done)\n", name, code, passed + failed, plan
                failed++
                early = 1
            }
            printf "%d %d\n", passed, failed >"/dev/stderr"
            exit early
        }' "$log.part" 2>>"$log" || tail -n 30 "$log.err" | sed 's/^/#   /'
    rm -f "$log.part" "$log.err"
done
awk '{ passed += $1; failed += $2 } END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$log"
