#!/bin/sh
# All that is to be seen on a machine with a GPU, in steps, the most telling first. A step leaves RESULTS/NN-NAME.txt
# as soon as it ends, so that a run that is cut off is not lost; RESULTS/summary.txt says which passed.
#
# usage: tools/gpu_check.sh [RESULTS]     (run from the root of the repository; make gpu-check)
#
# Environment: LIMIT   seconds for everything, 1500 if not given; a step that would begin later is not begun
#              PEER    a checkout of the authors' smooth-topk, timed as well with PYTHON
#              ARCH    as for make; the GPU of this machine if not given
# Exits 1 if a step failed. What was skipped is counted.
set -u
results=${1:-build/gpu} limit=${LIMIT:-1500} begin=$(date +%s)
nvcc=${CUDA_HOME:+$CUDA_HOME/bin/}nvcc
arch=${ARCH:--arch=native}
export CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C

# ---- the steps; each runs as a process of its own, `gpu_check.sh RESULTS only STEP`

machine() {
    nvidia-smi
    "$nvcc" --version
    nproc
    uname -a
    ls "$(dirname "$(command -v "$nvcc")")/compute-sanitizer" 2>/dev/null || echo 'no compute-sanitizer beside nvcc'
}
build() {
    make -j"$(nproc)" darknet lib build/make_glyphs GPU=1 ARCH="$arch" &&
        make build/tests/loss_gpu build/tests/loss_gpu_thin build/tests/rows_gpu build/bench/bench_gpu build/bench/bench GPU=1 ARCH="$arch"
}
# A copy of the tree that is built, for cuDNN; 77 where there is none to link with.
build_cudnn() {
    printf '#include <cudnn.h>\nint main(void) { return cudnnGetVersion() == 0; }\n' >"$GPU_SCRATCH/has.c"
    "$nvcc" "$GPU_SCRATCH/has.c" -lcudnn -o "$GPU_SCRATCH/has" && "$GPU_SCRATCH/has" || { echo 'no cuDNN to link with' && return 77; }
    rm -rf build/cudnn && mkdir -p build/cudnn/obj
    (cd build/source && tar -cf - --exclude=./obj --exclude='*.a' --exclude='*.so' --exclude=./darknet .) | tar -xf - -C build/cudnn
    ln -sfn "$PWD/src" build/cudnn/plugin
    make -s -j"$(nproc)" -C build/cudnn CC=gcc CPP='gcc -x c' GPU=1 CUDNN=1 ARCH="$arch" darknet
}
parity() {
    build/tests/loss_gpu && build/tests/rows_gpu
}
speed() {
    build/bench/bench_gpu >"$results/gpu.csv" || return 1
    if [ "${PEER-}" ]; then
        build/bench/bench sample build/bench/sample.bin &&
            "${PYTHON:-python3}" bench/peer.py "$PEER" build/bench/sample.bin cuda >>"$results/gpu.csv" || return 1
    else
        echo "the authors' code: not timed; PEER=DIR gives a checkout of it"
    fi
    awk -f bench/report_gpu.awk "$results/gpu.csv"
}

# The characters that the tests draw; with more classes than characters for networks that have them.
glyphs() { # CLASSES
    [ -f build/gpu-glyphs/train.txt ] || build/make_glyphs build/source/data/labels build/gpu-glyphs -noise 0 -seed 1 >/dev/null || return 1
    { cat build/gpu-glyphs/labels.txt && seq 96 "$1" | sed 's/^/no_such_class_/'; } >"$GPU_SCRATCH/labels$1.txt"
    printf '%s\n' "classes=$1" "train=build/gpu-glyphs/train.txt" "valid=build/gpu-glyphs/valid.txt" \
        "labels=$GPU_SCRATCH/labels$1.txt" "backup=$GPU_SCRATCH/backup" top=5 >"$GPU_SCRATCH/$1.data"
    mkdir -p "$GPU_SCRATCH/backup"
}
# whole_step CFG CLASSES BATCHES WORD BINARY: images a second, of the median step after the first ten.
whole_step() {
    glyphs "$2" || return 1
    sed "s/^max_batches=.*/max_batches=$3/" "$1" >"$GPU_SCRATCH/step.cfg"
    rm -f "$GPU_SCRATCH/backup"/*
    "$5" classifier train "$GPU_SCRATCH/$2.data" "$GPU_SCRATCH/step.cfg" -seed 1 >"$GPU_SCRATCH/step.out" 2>&1 || { tail -n 5 "$GPU_SCRATCH/step.out" && return 1; }
    batch=$(sed -n 's/^batch=//p' "$1" | head -n 1)
    sed -n 's/^[0-9]*, .* \([0-9.]*\) seconds, .* images$/\1/p' "$GPU_SCRATCH/step.out" | sed 1,10d | sort -n |
        awk -v batch="$batch" -v what="$(basename "$1"), $4" '{ t[NR] = $1 }
            END { m = t[int((NR + 1) / 2)]; if (m > 0) printf "%s: %.0f images/s, %.1f ms a batch of %d (median of %d)\n", what, batch / m, 1000 * m, batch, NR; exit !(m > 0) }'
}
whole_steps() {
    status=0
    for last in smooth_topk softmax; do
        whole_step cfg/cifar100_$last.cfg 100 60 'without cuDNN' build/darknet || status=1
        [ ! -x build/cudnn/darknet ] || whole_step cfg/cifar100_$last.cfg 100 60 cuDNN build/cudnn/darknet || status=1
    done
    if [ -x build/cudnn/darknet ]; then
        whole_step cfg/imagenet_smooth_topk.cfg 1000 30 cuDNN build/cudnn/darknet || status=1
        TF32=1
        export TF32
        whole_step cfg/cifar100_smooth_topk.cfg 100 60 'cuDNN, TF32=1' build/cudnn/darknet || status=1
        whole_step cfg/imagenet_smooth_topk.cfg 1000 30 'cuDNN, TF32=1' build/cudnn/darknet || status=1
    else
        whole_step cfg/imagenet_smooth_topk.cfg 1000 20 'without cuDNN' build/darknet || status=1
    fi
    return $status
}
training() {
    sh tests/test_gpu.sh
}
# The demo's network with both losses, clean labels and noisy ones.
experiment() {
    for seed in 1 2; do
        for noise in 0 0.4; do
            echo "noise $noise, seed $seed"
            NOISE=$noise SEED=$seed tools/demo.sh "build/gpu-demo" || return 1
        done
    done
}

if [ "${2-}" = only ]; then
    "$3"
    exit
fi

# ---- all of them

nvidia-smi -L 2>/dev/null | grep -q . || {
    echo "gpu-check needs an NVIDIA GPU and its driver: nvidia-smi lists none" >&2
    exit 1
}
case $limit in *[!0-9]* | '') echo "gpu-check: LIMIT=$limit: must be a whole number of seconds" >&2 && exit 1 ;; esac
command -v "$nvcc" >/dev/null || {
    echo "gpu-check needs nvcc, of CUDA's toolkit: $nvcc is missing" >&2
    exit 1
}
mkdir -p "$results"
rm -f "$results"/[0-9]*.txt "$results/summary.txt"
GPU_SCRATCH=$(mktemp -d)
export GPU_SCRATCH
trap 'rm -rf "$GPU_SCRATCH"' EXIT
trap 'exit 130' INT TERM
number=0 failures=0 skips=0

summary() {
    echo "$*" | tee -a "$results/summary.txt"
}

# step NAME SECONDS: its own file, its own limit, and no later than the whole's.
step() {
    name=$1 seconds=$2
    number=$((number + 1))
    file=$results/$(printf %02d $number)-$name.txt
    left=$((begin + limit - $(date +%s)))
    if [ $left -le 0 ]; then
        skips=$((skips + 1))
        summary "skipped  $name: no time left of $limit seconds"
        return
    fi
    [ $left -ge "$seconds" ] || seconds=$left
    echo "$name, at most $seconds seconds: $file"
    started=$(date +%s)
    timeout "$seconds" sh "$0" "$results" only "$name" >"$file" 2>&1
    code=$?
    took=$(($(date +%s) - started))
    skipped=$(grep -c '^ *\(not \)\{0,1\}ok.*# SKIP' "$file")
    skips=$((skips + skipped))
    case $code in
    0) word=passed ;;
    77) word=skipped skips=$((skips + 1)) code=0 ;;
    124) word='FAILED, out of time:' ;;
    *) word="FAILED, exit code $code:" ;;
    esac
    # A test that fails in TAP need not end its program with an error.
    if [ $code = 0 ] && grep -q '^ *not ok' "$file" && grep '^ *not ok' "$file" | grep -qv '# SKIP'; then
        word='FAILED, a test:' code=1
    fi
    [ $code = 0 ] || failures=$((failures + 1))
    summary "$word $name ($took s$([ "$skipped" = 0 ] || echo ", $skipped skipped within"))"
    [ $code = 0 ] || tail -n 5 "$file"
}

step machine 30
step build 420
step parity 240
step speed 180
step build_cudnn 180
step whole_steps 300
step training 600
step experiment 600
summary "$failures steps failed, $skips skipped"
[ $failures = 0 ]
