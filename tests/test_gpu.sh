#!/bin/sh
# On a GPU: the tests of the mathematics through the kernels, compute-sanitizer, and training beside the CPU's.
#
# Needs a GPU and `make test GPU=1`, which builds what runs here; skipped, visibly, elsewhere.
. tests/tap.sh
skip() { # REASON
    echo "ok 1 - the kernels on a GPU # SKIP $1"
    echo '1..1'
    exit 0
}
nvidia-smi -L 2>/dev/null | grep -q . || skip 'nvidia-smi lists no GPU'
grep -q 'GPU=1' build/options || skip 'not built with GPU=1'

mathematics() {
    CMOCKA_MESSAGE_OUTPUT=TAP build/tests/loss_gpu >"$scratch/loss" 2>&1
    status=$?
    grep -v '^ok' "$scratch/loss"
    return $status
}
check 'both algorithms keep the figures on the whole grid' mathematics
grep '^# .*worst' "$scratch/loss"
sanitizer=$(command -v compute-sanitizer || echo "$(dirname "$(command -v nvcc)")/compute-sanitizer")
sanitized() { # TOOL
    "$sanitizer" --tool "$1" --error-exitcode 1 build/tests/loss_gpu_thin
}
for tool in memcheck racecheck synccheck; do
    if [ -x "$sanitizer" ]; then
        check "compute-sanitizer $tool is clean" sanitized $tool
    else
        count=$((count + 1))
        echo "ok $count - compute-sanitizer $tool # SKIP compute-sanitizer is not installed"
    fi
done

# 50 steps from the same weights with the same images: each step's loss, on the GPU and on the CPU. A learning
# rate 0.4 % off shows. Not with tau=0, whose gradient jumps where two scores change places.
images 4
steps() { # CFG LOG ARGUMENT...
    cfg=$1 log=$2
    shift 2
    "$darknet" classifier train "$scratch/x.data" "$cfg" -seed 7 "$@" >"$log" 2>&1 || { tail -n 5 "$log"; return 1; }
    sed -n 's/^\([0-9]*\), [^:]*: \([^,]*\), .*/\1 \2/p' "$log" >"$log.steps"
    [ "$(wc -l <"$log.steps")" = 50 ] || { tail -n 5 "$log"; return 1; }
}
alike() { # CFG
    steps "$1" "$scratch/gpu" && steps "$1" "$scratch/cpu" -nogpu &&
        paste "$scratch/gpu.steps" "$scratch/cpu.steps" | awk '
            { off = $2 - $4; if (off < 0) off = -off; if (off > 1e-3 * $4 + 1e-5) { print; bad = 1 } }
            END { exit bad || NR != 50 }'
}
for options in 'k=2' 'k=2
algorithm=log' 'k=1
tau=1
alpha=0' 'k=4
tau=0.2'; do
    network "$scratch/net.cfg" "[smooth_topk]
$options" 50
    check "50 steps on the GPU and on the CPU are alike: $(echo "$options" | tr '\n' ' ')" alike "$scratch/net.cfg"
done
if [ "$(nvidia-smi -L | wc -l)" -gt 1 ]; then
    network "$scratch/net.cfg" '[smooth_topk]
k=2' 50
    check 'training on two GPUs' sh -c "'$darknet' classifier train '$scratch/x.data' '$scratch/net.cfg' -seed 7 -gpus 0,1 && ! grep -i 'nan' '$scratch/output'"
fi
finish
