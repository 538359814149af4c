#!/bin/sh
# make gpu-check without a GPU: what fails in it fails it, what is skipped is counted, no step is lost by another's
# failure; and the bundle is what it says.
. tests/tap.sh
unset CUDA_HOME
check_script=$PWD/tools/gpu_check.sh

# A tree whose programs say what the case wants.
program() { # FILE LINE...
    file=$scratch/tree/$1
    shift
    mkdir -p "$(dirname "$file")"
    { echo '#!/bin/sh' && printf '%s\n' "$@"; } >"$file"
    chmod +x "$file"
}
tree() {
    rm -rf "$scratch/tree"
    for fake in bin/make bin/compute-sanitizer build/make_glyphs; do program $fake 'exit 0'; done
    program bin/nvidia-smi 'echo GPU 0: a fake'
    program bin/nvcc 'exit 1' # no cuDNN
    program build/tests/loss_gpu 'echo "ok 1 - one"'
    program build/tests/rows_gpu 'echo "ok 1 - two"'
    program build/bench/bench_gpu 'echo classes'
    program tests/test_gpu.sh 'echo "ok 1 - three"; echo "ok 2 - four # SKIP nothing there"'
    program tools/demo.sh 'echo a table'
    program build/darknet 'for i in $(seq 20); do echo "$i, 0.1: 1, 1 avg, 0.1 rate, 0.5 seconds, 64 images"; done'
    mkdir -p "$scratch/tree/bench" "$scratch/tree/cfg" "$scratch/tree/build/gpu-glyphs"
    echo '{ }' >"$scratch/tree/bench/report_gpu.awk"
    for cfg in cifar100_softmax cifar100_smooth_topk imagenet_smooth_topk; do echo batch=64 >"$scratch/tree/cfg/$cfg.cfg"; done
    touch "$scratch/tree/build/gpu-glyphs/train.txt" "$scratch/tree/build/gpu-glyphs/labels.txt"
}
gpu_check() { # WANTED: exit code
    (cd "$scratch/tree" && PATH=$scratch/tree/bin:$PATH sh "$check_script" results)
    [ $? = "$1" ]
}
says() { # LINE
    grep -qx "$1" "$scratch/tree/results/summary.txt" || { cat "$scratch/tree/results/summary.txt" && return 1; }
}
tree
check 'all is well: exit code 0' gpu_check 0
check 'what was skipped is counted, within a step and a whole one' says '0 steps failed, 2 skipped'
check 'each step leaves its result' sh -c "[ \$(ls '$scratch/tree/results' | grep -c '^0[1-8]-.*txt') = 8 ]"
check 'a whole step is timed' grep -q 'cifar100_smooth_topk.cfg, without cuDNN: 128 images/s, 500.0 ms a batch of 64' "$scratch/tree/results/06-whole_steps.txt"
program build/tests/loss_gpu 'echo "not ok 1 - one"; exit 1'
check 'a test program that fails: exit code 1' gpu_check 1
check 'is named' says 'FAILED, exit code 1: parity .*'
check 'and the steps after it were done' says 'passed experiment .*'
tree
program tests/test_gpu.sh 'echo "not ok 1 - three"'
check 'a failing test of a script that exits with 0: exit code 1' gpu_check 1
check 'is named too' says 'FAILED, a test: training .*'
tree
program build/bench/bench_gpu 'exit 3'
check 'a benchmark that fails: exit code 1' gpu_check 1
tree
check 'no time: nothing is begun, and it is said' sh -c "cd '$scratch/tree' && PATH=$scratch/tree/bin:\$PATH LIMIT=0 sh '$check_script' results && grep -q '^0 steps failed, 8 skipped' results/summary.txt"
check 'LIMIT=soon is refused' sh -c "cd '$scratch/tree' && ! PATH=$scratch/tree/bin:\$PATH LIMIT=soon sh '$check_script' results 2>said && grep -q 'LIMIT=soon' said"
program bin/nvidia-smi 'exit 9'
check 'without a GPU it says so: exit code 1' sh -c "cd '$scratch/tree' && ! PATH=$scratch/tree/bin:\$PATH sh '$check_script' results 2>said && grep -q 'needs an NVIDIA GPU' said"

bundle() {
    tools/gpu_bundle.sh "$scratch/bundle.tar.gz" && tar -xzf "$scratch/bundle.tar.gz" -C "$scratch"
}
# From the bundle's own headers, with neither git nor the patches' tools at hand.
from_bundle() {
    cd "$scratch/gpu-bundle/tree" || return 1
    CPATH=$scratch/gpu-bundle/include make -n darknet GPU=1 ARCH= >"$scratch/commands" 2>&1
    ! grep -q 'patch_darknet\|get_darknet' "$scratch/commands" || { head "$scratch/commands" && return 1; }
    echo '#include <stdio.h>
#include <jpeglib.h>
#include <png.h>
#include <zlib.h>' | CPATH=$scratch/gpu-bundle/include gcc -E - | grep -c "gpu-bundle/include/\(jpeglib\|png\|zlib\).h" >/dev/null
}
refuses() {
    ! PATH=$scratch/tree/bin:$PATH "$scratch/gpu-bundle/run" >"$scratch/said" 2>&1 && grep -q 'needs an NVIDIA GPU' "$scratch/said"
}
check 'the bundle is made, below 60 MiB' bundle
if command -v gcc >/dev/null && command -v g++ >/dev/null; then
    check 'it needs no git, no network and no headers' from_bundle
    check 'its ./run refuses without a GPU' refuses
else
    skip 'it needs no git, no network and no headers' 'there is no gcc or g++'
    skip 'its ./run refuses without a GPU' 'there is no gcc or g++'
fi
finish
