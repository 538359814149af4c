#!/bin/sh
# All that is to be seen on a machine with a GPU, in steps, the most telling first, each with a time limit of its own.
# What a step prints is in RESULTS/running.txt, then in RESULTS/steps.txt, so that a run that is cut off is not lost;
# RESULTS/summary.txt says which passed, RESULTS/gpu.csv and sizes.csv have the timings. No other files: at most 8 may
# come back.
#
# usage: tools/gpu_check.sh [RESULTS]     (run from the root of the repository; make gpu-check)
#
# Environment: LIMIT   seconds for everything, 540 if not given; a step that would begin later is not begun
#              READY   what tools/gpu_ready.sh built, build/gpu-ready if not given; where it is not there or does not
#                      start, it is built first
#              PEER    a checkout of the authors' smooth-topk, timed as well with PYTHON, which needs torch
#              ARCH    as for make, if it is built; the GPU of this machine if not given
# Exits 1 if a step failed. What was skipped is counted.
set -u
results=${1:-build/gpu} limit=${LIMIT:-540} begin=$(date +%s)
READY=${READY:-build/gpu-ready}
PYTHON=${PYTHON:-python3}
export READY PYTHON CMOCKA_MESSAGE_OUTPUT=TAP LC_ALL=C

# ---- the steps; each runs as a process of its own, `gpu_check.sh RESULTS only STEP`; 77: skipped

ready_programs='loss_gpu loss_gpu_thin loss_gpu_off_chip rows_gpu rows_alone_gpu membership_gpu bench_gpu make_glyphs
darknet'

# Every program starts here: none misses a library. Says what is wrong with those that do not.
starts() {
    for program in $ready_programs $([ ! -e "$READY/darknet_cudnn" ] || echo darknet_cudnn); do
        [ -x "$READY/$program" ] || { echo "$READY/$program: not there" && return 1; }
        if missing=$(ldd "$READY/$program" 2>&1 | grep 'not found'); then
            echo "$READY/$program:$missing"
            return 1
        fi
    done
}
libraries() {
    nvidia-smi
    echo "nvcc: ${nvcc:-none}"
    [ ! "$nvcc" ] || "$nvcc" --version | tail -n 2
    nproc
    uname -a
    "$PYTHON" -c 'import torch; print("torch", torch.__version__, torch.cuda.is_available())' &&
        touch "$GPU_SCRATCH/has_torch"
    find_tool compute-sanitizer
    find_tool ncu
    if starts; then
        ldd "$READY/bench_gpu" "$READY/darknet"
        [ ! -e "$READY/darknet_cudnn" ] || ldd "$READY/darknet_cudnn" | grep cudnn
        return 0
    fi
    [ "$nvcc" ] || { echo 'no nvcc to build them with' && return 1; }
    echo 'they are built here'
    ARCH=${ARCH:--arch=native} sh tools/gpu_ready.sh "$READY" && starts
}
find_tool() { # NAME: its path
    command -v "$1" || { [ "$nvcc" ] && [ -x "$(dirname "$nvcc")/$1" ] && echo "$(dirname "$nvcc")/$1"; } || {
        found=$(find /opt/nvidia /usr/local/cuda* -name "$1" -type f -perm -u+x 2>/dev/null | head -n 1)
        [ "$found" ] && echo "$found"
    } || echo "$1: not here" >&2
}
# What fails does not keep the others from running.
all_pass() { # PROGRAM...
    status=0
    for program; do "$READY/$program" || status=1; done
    return $status
}
thin() { all_pass loss_gpu_thin rows_gpu membership_gpu loss_gpu_off_chip; }
whole() { all_pass rows_alone_gpu loss_gpu; }
# The copy that counts, PyTorch and the authors' code are timed beside ours.
speed() {
    "$READY/bench_gpu" >"$results/gpu.csv" || return 1
    if [ -e "$GPU_SCRATCH/has_torch" ]; then
        "$PYTHON" bench/torch_gpu.py ${PEER:+"$PEER"} >>"$results/gpu.csv" || return 1
    else
        echo "ok - PyTorch's cross_entropy # SKIP $PYTHON has no torch"
    fi
    awk -f bench/report_gpu.awk "$results/gpu.csv"
}
sizes() {
    "$READY/bench_gpu" sizes >"$results/sizes.csv" && cat "$results/sizes.csv"
}
sanitizer() { # TOOL
    PATH=$PATH:$(dirname "$(find_tool compute-sanitizer || echo /)") sh tests/test_gpu.sh "$1"
}
racecheck() { sanitizer racecheck; }
synccheck() { sanitizer synccheck; }
memcheck() { sanitizer memcheck; }
initcheck() { sanitizer initcheck; }

# The characters that the tests draw; with more classes than characters for networks that have them.
glyphs() { # CLASSES
    [ -f "$GPU_SCRATCH/glyphs/train.txt" ] ||
        "$READY/make_glyphs" build/upstream/data/labels "$GPU_SCRATCH/glyphs" -noise 0 -seed 1 >/dev/null || return 1
    { cat "$GPU_SCRATCH/glyphs/labels.txt" && seq 96 "$1" | sed 's/^/no_such_class_/'; } >"$GPU_SCRATCH/labels$1.txt"
    printf '%s\n' "classes=$1" "train=$GPU_SCRATCH/glyphs/train.txt" "valid=$GPU_SCRATCH/glyphs/valid.txt" \
        "labels=$GPU_SCRATCH/labels$1.txt" "backup=$GPU_SCRATCH/backup" top=5 >"$GPU_SCRATCH/$1.data"
    mkdir -p "$GPU_SCRATCH/backup"
}
run_seconds() { # CLASSES CFG BATCHES BINARY: how long the whole run takes
    sed "s/^max_batches=.*/max_batches=$3/" "$2" >"$GPU_SCRATCH/step.cfg"
    rm -f "$GPU_SCRATCH/backup"/*
    started=$(date +%s.%N)
    "$4" classifier train "$GPU_SCRATCH/$1.data" "$GPU_SCRATCH/step.cfg" -seed 1 >"$GPU_SCRATCH/step.out" 2>&1 ||
        { tail -n 5 "$GPU_SCRATCH/step.out" >&2 && return 1; }
    echo "$started $(date +%s.%N)" | awk '{ print $2 - $1 }'
}
# whole_step CFG CLASSES BATCHES WORD BINARY: of the median step after the first ten; and, the difference of two whole
# runs, with loading and what the GPU still does when a step returns.
whole_step() {
    glyphs "$2" || return 1
    short=$(run_seconds "$2" "$1" 15 "$5") && long=$(run_seconds "$2" "$1" "$3" "$5") || return 1
    batch=$(sed -n 's/^batch=//p' "$1" | head -n 1)
    loaded=$(sed -n 's/^Loaded: \([0-9.]*\) seconds/\1/p' "$GPU_SCRATCH/step.out" | sed 1,10d | sort -n |
        awk '{ t[NR] = $1 } END { print t[int((NR + 1) / 2)] }')
    sed -n 's/^[0-9]*, .* \([0-9.]*\) seconds, .* images$/\1/p' "$GPU_SCRATCH/step.out" | sed 1,10d | sort -n |
        awk -v batch="$batch" -v all="$(echo "$short $long $3" | awk '{ print ($2 - $1) / ($3 - 15) }')" \
            -v loaded="$loaded" -v what="$(basename "$1"), $4" '{ t[NR] = $1 }
            END { m = t[int((NR + 1) / 2)]
                  if (!(m > 0 && all > 0)) exit 1
                  printf "%s: %.0f images/s with loading (%.1f ms a batch of %d); ",
                      what, batch / all, 1000 * all, batch
                  printf "the step alone %.1f ms, waiting for images %.1f ms (medians of %d)\n",
                      1000 * m, 1000 * loaded, NR }'
}
# Where cuDNN's headers were found, a program that is missing or fails is a failure, not a skip.
has_cudnn() {
    [ -x "$READY/darknet_cudnn" ] && return 0
    echo 'ok - a step with cuDNN # SKIP cuDNN was not there when the programs were built'
    return 1
}
whole_steps() {
    status=0
    if has_cudnn; then
        whole_step cfg/imagenet_smooth_topk.cfg 1000 35 cuDNN "$READY/darknet_cudnn" || status=1
        TF32=1 whole_step cfg/imagenet_smooth_topk.cfg 1000 35 'cuDNN, TF32=1' "$READY/darknet_cudnn" || status=1
        whole_step cfg/cifar100_smooth_topk.cfg 100 60 cuDNN "$READY/darknet_cudnn" || status=1
        whole_step cfg/cifar100_softmax.cfg 100 60 cuDNN "$READY/darknet_cudnn" || status=1
    fi
    whole_step cfg/cifar100_smooth_topk.cfg 100 60 'without cuDNN' "$READY/darknet" || status=1
    return $status
}
fifty_steps() {
    has_cudnn
    sh tests/test_gpu.sh steps
}
# Each kernel at 1000 classes, batch 256, and 21841, batch 1024, by the hardware's counters; clocks are left alone.
counters() {
    ncu=$(find_tool ncu) || true
    [ "$ncu" ] || { echo 'no ncu' && return 77; }
    "$READY/bench_gpu" once || return 1
    metrics=gpu__time_duration.sum,dram__bytes_read.sum,dram__bytes_write.sum,launch__registers_per_thread
    metrics=$metrics,sm__warps_active.avg.pct_of_peak_sustained_active
    "$ncu" --clock-control none --kernel-name regex:pivot_kernel\|any_kernel\|label_kernel --metrics "$metrics" \
        "$READY/bench_gpu" once || { echo 'ncu cannot read the counters here' && return 77; }
}
accuracy() {
    sh tests/test_gpu.sh accuracy
}

cuda_links=$(mktemp -d)
export cuda_links
. tools/cuda_environment.sh
if [ "${2-}" = only ]; then
    trap 'rm -rf "$cuda_links"' EXIT
    "$3"
    exit
fi

# ---- all of them

nvidia-smi -L 2>/dev/null | grep -q . || {
    echo "gpu-check needs an NVIDIA GPU and its driver: nvidia-smi lists none" >&2
    exit 1
}
case $limit in *[!0-9]* | '') echo "gpu-check: LIMIT=$limit: must be a whole number of seconds" >&2 && exit 1 ;; esac
mkdir -p "$results"
rm -f "$results/steps.txt" "$results/summary.txt" "$results/gpu.csv" "$results/sizes.csv"
GPU_SCRATCH=$(mktemp -d)
export GPU_SCRATCH
trap 'rm -rf "$GPU_SCRATCH" "$cuda_links"' EXIT
trap 'exit 130' INT TERM
failures=0 skips=0

summary() {
    echo "$*" | tee -a "$results/summary.txt"
}

# step NAME SECONDS: its own limit, and no later than the whole's.
step() {
    name=$1 seconds=$2 file=$results/running.txt
    left=$((begin + limit - $(date +%s)))
    if [ $left -le 0 ]; then
        skips=$((skips + 1))
        summary "skipped  $name: no time left of $limit seconds"
        return
    fi
    [ $left -ge "$seconds" ] || seconds=$left
    started_step=$(date +%s)
    timeout -k 5 "$seconds" sh "$0" "$results" only "$name" >"$file" 2>&1
    code=$?
    took=$(($(date +%s) - started_step))
    { echo "==== $name" && cat "$file"; } >>"$results/steps.txt"
    skipped=$(grep -c '^ *\(not \)\{0,1\}ok.*# SKIP' "$file")
    skips=$((skips + skipped))
    case $code in
    0) word=passed ;;
    77) word=skipped skips=$((skips + 1)) code=0 ;;
    124 | 137) word='FAILED, out of time:' ;;
    *) word="FAILED, exit code $code:" ;;
    esac
    # A test that fails in TAP need not end its program with an error.
    if [ $code = 0 ] && grep -q '^ *not ok' "$file" && grep '^ *not ok' "$file" | grep -qv '# SKIP'; then
        word='FAILED, a test:' code=1
    fi
    [ $code = 0 ] || failures=$((failures + 1))
    summary "$word $name ($took s$([ "$skipped" = 0 ] || echo ", $skipped skipped within"))"
    [ $code = 0 ] || tail -n 5 "$file"
    rm "$file"
}

step libraries 240
step thin 60
step whole 90
step speed 100
step sizes 30
for tool in racecheck synccheck memcheck initcheck; do step $tool 40; done
step whole_steps 150
step fifty_steps 90
step counters 40
step accuracy 300
summary "$failures steps failed, $skips skipped"
[ $failures = 0 ]
