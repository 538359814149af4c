#!/bin/sh
# The step's own files on aarch64: compiled for it, and tests/test_cpu.c run under qemu. Without a BLAS library for it.
. tests/tap.sh
for tool in aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu qemu-aarch64-static:qemu-user-static; do
    command -v "${tool%:*}" >/dev/null && continue
    echo "1..0 # SKIP ${tool%:*} is missing; install it with: apt-get install ${tool#*:}"
    exit 0
done
# Without recommended packages the compiler comes alone.
if ! echo '#include <stdio.h>' | aarch64-linux-gnu-gcc -E - >/dev/null 2>&1; then
    echo '1..0 # SKIP the C library for aarch64 is missing; install it with: apt-get install libc6-dev-arm64-cross'
    exit 0
fi
tree=$PWD/build/aarch64
mkdir -p "$tree"
# This machine's headers of the image libraries serve; the libraries themselves the test never calls.
cc="aarch64-linux-gnu-gcc -idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)"
build() {
    build_darknet "$tree" GPU=0 CUDNN=0 OPENCV=0 OPENMP=0 DEBUG=0 BLAS=0 CC="$cc" CPP="$cc -x c" \
        AR=aarch64-linux-gnu-ar libdarknet.a
}
check 'Darknet builds for aarch64' build
warnings() {
    # shellcheck disable=SC2086
    for file in src/cpu/*.c; do
        $cc -O2 -Wall -Wextra -Werror -isystem "$tree/include" -isystem "$tree/src" $rooms -c "$file" \
            -o "$scratch/object.o" || return 1
    done
}
check 'src/cpu without a warning' warnings
link() {
    # shellcheck disable=SC2086
    $cc -O2 -w -DEVERY=21 -static -Itests/cross $rooms -I"$tree/include" -I"$tree/src" tests/test_cpu.c \
        "$tree/libdarknet.a" \
        -Wl,--unresolved-symbols=ignore-all -lm -pthread -o "$scratch/test_cpu"
}
check 'test_cpu.c links' link
check 'and passes under qemu' qemu-aarch64-static "$scratch/test_cpu"
finish
