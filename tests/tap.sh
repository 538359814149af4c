# What the shell tests share: TAP output, a scratch directory, tiny data sets and networks.
#
# A test script sources this from the root of the repository and calls `check NAME COMMAND...` for each
# test; it ends with `finish`. $darknet is the binary, $scratch is removed at the end.
set -u
count=0 failures=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
darknet=${DARKNET:-$PWD/build/darknet}
export LC_ALL=C
# Where the headers of src/ are.
rooms=$(printf -- '-I%s ' src/*/ src/*/*/)

# check NAME COMMAND...: one test, passed if the command succeeds; its output is shown where it does not.
check() {
    name=$1
    shift
    count=$((count + 1))
    if "$@" >"$scratch/output" 2>&1; then
        echo "ok $count - $name"
    else
        failures=$((failures + 1))
        echo "not ok $count - $name"
        sed 's/^/#   /' "$scratch/output" | tail -n 20
    fi
}

# skip NAME REASON: a test that cannot be made here, and says so.
skip() {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

# The end of a script: exit code 1 where a test has failed.
finish() {
    echo "1..$count"
    [ $failures = 0 ] || exit 1
}

# build_darknet DIRECTORY ARGUMENT...: Darknet, patched, made in a directory of its own by make ARGUMENT...
build_darknet() {
    directory=$1
    shift
    tools/patch_darknet.sh build/upstream "$directory" &&
        env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -j2 -C "$directory" "$@"
}

# make_value TEXT MAKEFILE... [VARIABLE=VALUE...]: TEXT as make has it after these.
make_value() (
    text=$1
    shift
    unset MAKEFLAGS MFLAGS MAKELEVEL
    for word; do
        case $word in *.mk | Makefile) echo "include $word" && shift ;; *) break ;; esac
    done >"$scratch/make_value"
    printf 'make_value:\n\t@echo %s\n' "$text" >>"$scratch/make_value"
    make -s -f "$scratch/make_value" make_value "$@"
)

# darknet_libraries ARGUMENT...: what a program of a Darknet made by make ARGUMENT... is linked with.
darknet_libraries() {
    make_value '$(DARKNET_LIBRARIES)' src/libraries.mk "$@"
}

# nccl_headers: the flags with which a compiler finds nccl.h and CUDA's headers; fails where one of them is missing.
nccl_headers() {
    toolkit=$(make_value '$(TOOLKIT) $(NCCL_FLAGS)' src/cuda.mk src/nccl.mk CC="${CC:-gcc}" | tr -d '"' |
        sed 's/-L[^ ]*//g; s/-I/-isystem /g')
    # shellcheck disable=SC2086
    echo '#include <nccl.h>' | "${CC:-gcc}" $toolkit -E - >/dev/null 2>&1 && echo "$toolkit"
}

# python_with PACKAGE...: sets python to one that has them: PYTHON= or the system's; fails where there is none.
python_with() {
    for python in "${PYTHON:-python3}" /usr/bin/python3; do
        "$python" -c "import $(echo "$*" | tr ' ' ,)" 2>/dev/null && return
    done
    return 1
}

# images NUMBER: a data set of 6 characters under $scratch/data, NUMBER images a class, and its .data file.
images() {
    mkdir -p "$scratch/data" "$scratch/backup"
    rm -f "$scratch"/data/*
    for code in 65 66 67 68 69 70; do
        echo "char_${code}_" >>"$scratch/labels.txt.new"
        for size in $(seq 0 $(($1 - 1))); do
            cp "build/source/data/labels/${code}_$((size % 8)).png" "$scratch/data/char_${code}_$size.png"
        done
    done
    mv "$scratch/labels.txt.new" "$scratch/labels.txt"
    ls "$scratch"/data/*.png >"$scratch/train.txt"
    cat >"$scratch/x.data" <<DATA
classes=6
train=$scratch/train.txt
valid=$scratch/train.txt
labels=$scratch/labels.txt
names=$scratch/labels.txt
backup=$scratch/backup
top=2
DATA
}

# small_net OPTION...: the [net] section of a small network for these images.
small_net() { printf '%s\n' '[net]' batch=12 subdivisions=2 height=16 width=16 channels=3 momentum=0.9 "$@"; }

# network FILE SECTION BATCHES: a small network that ends in SECTION.
network() {
    cat >"$1" <<CFG
$(small_net)
max_crop=18
min_crop=16
learning_rate=0.05
decay=0.0005
policy=constant
max_batches=$3
[convolutional]
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=6
size=1
stride=1
activation=linear
[avgpool]
$2
CFG
}
