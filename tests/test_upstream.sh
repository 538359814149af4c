#!/bin/sh
# With the layer unused, BLAS=0 and WINOGRAD=0, the patched Darknet is upstream's: the same weights and the same output, bit for bit.
# The exception, 1x1 convolutions with a stride or padding, is tests/test_one_by_one.c's.
. tests/tap.sh
images 4
network "$scratch/net.cfg" '[softmax]' 12

unset MAKEFLAGS MFLAGS MAKELEVEL
check 'upstream builds' make build/pristine/darknet
check 'the stopped clock builds' "${CC:-gcc}" -shared -fPIC -o "$scratch/serial.so" tests/serial.c

# run BINARY NAME: trains and validates; output without the times in $scratch/NAME.
run() {
    rm -f "$scratch"/backup/*
    for arguments in "train $scratch/x.data $scratch/net.cfg" \
        "valid $scratch/x.data $scratch/net.cfg $scratch/backup/net.weights -verbose"; do
        # shellcheck disable=SC2086
        BLAS=0 WINOGRAD=0 OPENBLAS_NUM_THREADS=1 LD_PRELOAD=$scratch/serial.so "$1" classifier $arguments 2>&1 || echo "exit $?"
    done | sed 's/[0-9.]* seconds/S seconds/g' | grep -v ' images: top-1 ' >"$scratch/$2"
    cp "$scratch/backup/net.weights" "$scratch/$2.weights"
}
check 'upstream trains and validates' run build/pristine/darknet upstream
check 'the patched one too' run "$darknet" patched
check 'the same weights' cmp "$scratch/upstream.weights" "$scratch/patched.weights"
check 'the same output' diff "$scratch/upstream" "$scratch/patched"
check 'something was trained and validated' grep -q '^12, .*avg' "$scratch/patched"
check 'top 2 is in the output' grep -q 'top 2: ' "$scratch/patched"
finish
