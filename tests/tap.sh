# What the shell tests share: TAP output, a scratch directory, tiny data sets and networks.
#
# A test script sources this from the root of the repository and calls `check NAME COMMAND...` for each
# test; it ends with `finish`. $darknet is the binary, $scratch is removed at the end.
set -u
count=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
darknet=${DARKNET:-$PWD/build/darknet}
export LC_ALL=C

# check NAME COMMAND...: one test, passed if the command succeeds; its output is shown where it does not.
check() {
    name=$1
    shift
    count=$((count + 1))
    if "$@" >"$scratch/output" 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        sed 's/^/#   /' "$scratch/output" | tail -n 20
    fi
}

finish() {
    echo "1..$count"
}
