#!/bin/sh
# Options, the binary, its faults, and what it says of a network from the shell once more, in a Darknet under
# AddressSanitizer and UBSan.
. tests/tap.sh
# Upstream releases next to nothing at its end.
export DARKNET="$PWD/build/sanitized/darknet"
# verify_asan_link_order: some tests preload a library before it.
export ASAN_OPTIONS="detect_leaks=0:verify_asan_link_order=0:log_path=$scratch/report" \
    UBSAN_OPTIONS="print_stacktrace=1:log_path=$scratch/report"

# A finding counts even where the test does not look at the exit code.
sanitized() {
    "$1" >"$scratch/tap" 2>&1
    grep -v '^ok ' "$scratch/tap"
    cat "$scratch"/report.* 2>/dev/null && return 1
    grep -q '^1\.\.[1-9]' "$scratch/tap" && ! grep -q '^not ok' "$scratch/tap"
}
for name in options binary hardening predict versus sets; do
    script=tests/test_$name.sh
    check "$script under sanitizers" sanitized "$script"
done
finish
