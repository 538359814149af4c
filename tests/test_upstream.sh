#!/bin/sh
# With the layer unused, BLAS=0 and WINOGRAD=0, the patched Darknet is upstream's: the same weights and the same output,
# bit for bit. The exception, 1x1 convolutions with a stride or padding, is tests/test_one_by_one.c's. Images are gray
# and of the network's size, so that no pixel lies between others: there the loader's roundings are its own
# (tests/test_views.c), and the weights of scaled images nearly the same.
. tests/tap.sh
images 4
network "$scratch/scaled.cfg" '[softmax]' 12
sed 's/^max_crop=.*/max_crop=16/' "$scratch/scaled.cfg" >"$scratch/net.cfg"
mkdir "$scratch/data/exact"
python3 - "$scratch" <<'PYTHON'
import random, sys
random.seed(1)
for line in open(sys.argv[1] + "/train.txt"):
    name = line.strip().replace("/data/", "/data/exact/").replace(".png", ".pgm")
    open(name, "wb").write(b"P5 16 16 255\n" + bytes(random.randrange(256) for _ in range(256)))
PYTHON
ls "$scratch"/data/exact/* >"$scratch/exact.txt"
sed "s,train.txt,exact.txt," "$scratch/x.data" >"$scratch/exact.data"

unset MAKEFLAGS MFLAGS MAKELEVEL
check 'upstream builds' make build/pristine/darknet
check 'the stopped clock builds' "${CC:-gcc}" -shared -fPIC -o "$scratch/serial.so" tests/serial.c

# run BINARY NAME DATA CFG: trains and validates; output without the times in $scratch/NAME.
run() {
    rm -f "$scratch"/backup/*
    for arguments in "train $scratch/$3.data $scratch/$4.cfg" \
        "valid $scratch/$3.data $scratch/$4.cfg $scratch/backup/$4.weights -verbose"; do
        # shellcheck disable=SC2086
        BLAS=0 WINOGRAD=0 OPENBLAS_NUM_THREADS=1 LD_PRELOAD=$scratch/serial.so "$1" classifier $arguments 2>&1 ||
            echo "exit $?"
    done | sed 's/[0-9.]* seconds/S seconds/g' | grep -v ' images: top-1 ' >"$scratch/$2"
    cp "$scratch/backup/$4.weights" "$scratch/$2.weights"
}
check 'upstream trains and validates' run build/pristine/darknet upstream exact net
check 'the patched one too' run "$darknet" patched exact net
check 'the same weights' cmp "$scratch/upstream.weights" "$scratch/patched.weights"
check 'the same output' diff "$scratch/upstream" "$scratch/patched"
check 'something was trained and validated' grep -q '^12, .*avg' "$scratch/patched"
check 'top 2 is in the output' grep -q 'top 2: ' "$scratch/patched"
check 'upstream on scaled images' run build/pristine/darknet upstream_scaled x scaled
check 'the patched one too' run "$darknet" patched_scaled x scaled
near() { # within a hundred thousandth of the largest weight
    python3 - "$scratch/upstream_scaled.weights" "$scratch/patched_scaled.weights" <<'PYTHON'
import array, sys
a, b = (array.array("f", open(name, "rb").read()[20:]) for name in sys.argv[1:])
worst = max(abs(x - y) for x, y in zip(a, b)) / max(map(abs, a))
print("of the largest weight:", worst)
sys.exit(len(a) != len(b) or worst > 1e-5)
PYTHON
}
check 'nearly the same weights' near
finish
