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
    program bin/nvidia-smi 'echo GPU 0: a fake'
    program bin/nvcc 'exit 1'
    program bin/ldd 'exit 0'
    program bin/python3 'exit 1' # has no torch
    program bin/ncu 'exit 0'
    program build/gpu-ready/make_glyphs 'mkdir -p "$2" && touch "$2/train.txt" "$2/labels.txt"'
    for fake in rows_gpu loss_gpu_thin loss_gpu_off_chip rows_alone_gpu membership_gpu; do
        program "build/gpu-ready/$fake" 'exit 0'
    done
    program build/gpu-ready/loss_gpu 'echo "ok 1 - one"'
    program build/gpu-ready/bench_gpu 'echo classes'
    program tests/test_gpu.sh 'echo "ok 1 - three"; echo "ok 2 - four # SKIP nothing there"'
    program build/gpu-ready/darknet \
        'for i in $(seq 20); do' 'echo "Loaded: 0.1 seconds"' \
        'echo "$i, 0.1: 1, 1 avg, 0.1 rate, 0.5 seconds, 64 images"' 'done' '! grep -q max_batches=60 "$4" || sleep 1'
    mkdir -p "$scratch/tree/bench" "$scratch/tree/cfg" "$scratch/tree/tools"
    echo '{ }' >"$scratch/tree/bench/report_gpu.awk"
    cp tools/cuda_environment.sh "$scratch/tree/tools/"
    for cfg in cifar100_softmax cifar100_smooth_topk imagenet_smooth_topk; do
        printf 'batch=64\nmax_batches=9\n' >"$scratch/tree/cfg/$cfg.cfg"
    done
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
check 'what was skipped is counted, within a step and a whole one' says '0 steps failed, [1-9][0-9]* skipped'
check 'a step with cuDNN that was not built is skipped by name' grep -q 'SKIP cuDNN was not there when' \
    "$scratch/tree/results/steps.txt"
check 'at most 8 files come back' sh -c "[ \$(find '$scratch/tree/results' -type f | wc -l) -le 8 ]"
check 'each step leaves what it said' sh -c "[ \$(grep -c '^==== ' '$scratch/tree/results/steps.txt') = 13 ]"
waits='the step alone 500.0 ms, waiting for images 100.0 ms'
check 'a whole step is timed, with loading and alone' \
    grep -q "cifar100_smooth_topk.cfg, without cuDNN: [0-9]* images/s with loading (.* ms a batch of 64); $waits" \
        "$scratch/tree/results/steps.txt"
program build/gpu-ready/darknet_cudnn 'exit 1'
accuracy_is_compared() {
    PATH=$scratch/tree/bin:$PATH READY=$scratch/tree/build/gpu-ready sh tests/test_gpu.sh accuracy >"$scratch/accuracy"
    grep -q '^not ok' "$scratch/accuracy" && ! grep SKIP "$scratch/accuracy"
}
check 'with cuDNN accuracies are compared, not skipped' accuracy_is_compared
check 'a program with cuDNN that fails is a failure, no skip' gpu_check 1
check 'and is named' says 'FAILED, exit code 1: whole_steps .*'
tree
program build/gpu-ready/loss_gpu 'echo "not ok 1 - one"; exit 1'
check 'a test program that fails: exit code 1' gpu_check 1
check 'is named' says 'FAILED, exit code 1: whole .*'
check 'and the steps after it were done' says 'passed accuracy .*'
tree
program build/gpu-ready/loss_gpu_thin 'exit 1'
program build/gpu-ready/rows_gpu 'echo the rows too'
check 'a program that fails does not keep those of its step from running' sh \
    -c "cd '$scratch/tree' && ! PATH=$scratch/tree/bin:\$PATH sh '$check_script' results &&
        grep -q 'the rows too' results/steps.txt"
tree
program build/gpu-ready/loss_gpu_thin 'echo begun' 'trap "" TERM' 'while :; do sleep 1; done'
check 'a program that does not stop is killed, and what it said is kept' sh \
    -c "cd '$scratch/tree' && ! PATH=$scratch/tree/bin:\$PATH LIMIT=3 timeout 60 sh '$check_script' results &&
        grep -q 'FAILED, out of time: thin' results/summary.txt && grep -q begun results/steps.txt"
tree
program tests/test_gpu.sh 'echo "not ok 1 - three"'
check 'a failing test of a script that exits with 0: exit code 1' gpu_check 1
check 'is named too' says 'FAILED, a test: fifty_steps .*'
tree
program build/gpu-ready/bench_gpu 'exit 3'
check 'a benchmark that fails: exit code 1' gpu_check 1
check 'the counters of one that fails are no skip' says 'FAILED, exit code 1: counters .*'
tree
program bin/ldd 'echo "  libcublas.so.13 => not found"'
check 'programs that miss a library are not run as they are' gpu_check 1
check 'which library is in the results' grep -q 'libcublas.so.13 => not found' "$scratch/tree/results/steps.txt"
tree
check 'no time: nothing is begun, and it is said' sh \
    -c "cd '$scratch/tree' && PATH=$scratch/tree/bin:\$PATH LIMIT=0 sh '$check_script' results &&
        grep -q '^0 steps failed, 13 skipped' results/summary.txt"
check 'LIMIT=soon is refused' sh \
    -c "cd '$scratch/tree' && ! PATH=$scratch/tree/bin:\$PATH LIMIT=soon sh '$check_script' results 2>said &&
        grep -q 'LIMIT=soon' said"
program bin/nvidia-smi 'exit 9'
check 'without a GPU it says so: exit code 1' sh \
    -c "cd '$scratch/tree' && ! PATH=$scratch/tree/bin:\$PATH sh '$check_script' results 2>said &&
        grep -q 'needs an NVIDIA GPU' said"

# CUDA's libraries where only Python's packages have them, and under names that the linker does not know.
found_libraries() {
    mkdir -p "$scratch/python/nvidia/cu13/lib" "$scratch/python/nvidia/cu13/include" "$scratch/links"
    touch "$scratch/python/nvidia/cu13/lib/libcudnn.so.9"
    (cuda_links=$scratch/links PYTHONPATH=$scratch/python PYTHON=python3 && export PYTHONPATH &&
        . tools/cuda_environment.sh &&
        case $LD_LIBRARY_PATH in *"$scratch/python/nvidia/cu13/lib"*) ;; *) exit 1 ;; esac &&
        case $CPATH in *"$scratch/python/nvidia/cu13/include"*) ;; *) exit 1 ;; esac &&
            [ -L "$scratch/links/libcudnn.so" ])
}
check "libraries of Python's nvidia packages are found" found_libraries

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
#include <zlib.h>' | CPATH=$scratch/gpu-bundle/include gcc -E - |
    grep -c "gpu-bundle/include/\(jpeglib\|png\|zlib\).h" >/dev/null
}
refuses() {
    ! PATH=$scratch/tree/bin:$PATH "$scratch/gpu-bundle/run" >"$scratch/said" 2>&1 &&
        grep -q 'needs an NVIDIA GPU' "$scratch/said"
}
check 'the bundle is made, below 40 MiB' bundle
if command -v gcc >/dev/null && command -v g++ >/dev/null; then
    check 'it needs no git, no network and no headers' from_bundle
    check 'its ./run refuses without a GPU' refuses
else
    skip 'it needs no git, no network and no headers' 'there is no gcc or g++'
    skip 'its ./run refuses without a GPU' 'there is no gcc or g++'
fi
finish
