#!/bin/sh
# The threads of a step under ThreadSanitizer: tests/test_cpu.c with three of them, and a short training.
. tests/tap.sh
tree=$PWD/build/threads
mkdir -p "$tree"
sanitized='-O1 -g -fsanitize=thread'
build() {
    build_darknet "$tree" GPU=0 CUDNN=0 OPENCV=0 OPENMP=0 DEBUG=0 CC=gcc CPP='gcc -x c' OPTS="$sanitized" darknet
}
check 'Darknet builds with ThreadSanitizer' build
libraries=$(darknet_libraries)

# under COMMAND..: passes, and no race was reported. A fixed layout of addresses: the sanitizer knows no other.
under() {
    rm -f "$scratch"/race.*
    OMP_NUM_THREADS=3 TSAN_OPTIONS="log_path=$scratch/race" setarch -R "$@" || return 1
    ! cat "$scratch"/race.* 2>/dev/null
}
# The reference's own loops are left uninstrumented: they are most of the time.
unit() {
    # shellcheck disable=SC2086
    gcc -O2 -w -DEVERY=21 $rooms -I"$tree/include" -I"$tree/src" -c tests/test_cpu.c -o "$scratch/test_cpu.o" &&
        gcc $sanitized "$scratch/test_cpu.o" "$tree/libdarknet.a" $libraries \
            -lcmocka -lm -pthread -o "$scratch/test_cpu" &&
        under "$scratch/test_cpu"
}
check 'test_cpu.c with three threads' unit

images 4
network "$scratch/net.cfg" '[softmax]' 12
check 'a training with three threads' under "$tree/darknet" classifier train "$scratch/x.data" "$scratch/net.cfg"

# The sanitizer sees what it is asked to see.
cat >"$scratch/race.c" <<'RACE'
#include "cpu_threads.h"
static int sum;
static void add(void *argument, int task, int slot) { sum += task; for (volatile int i = 0; i < 100000; ++i); }
int main(void) { parallel_for(1000, add, 0); return !sum; }
RACE
race() {
    # shellcheck disable=SC2086
    gcc $sanitized -w $rooms "$scratch/race.c" "$tree/libdarknet.a" $libraries -lm -pthread -o "$scratch/race" &&
        ! under "$scratch/race"
}
check 'a race is reported' race
finish
