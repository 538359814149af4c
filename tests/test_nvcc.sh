#!/bin/sh
# The kernels, their tests and their benchmark compile and link with nvcc, without a warning, for the oldest
# and the newest GPU that it knows. No GPU is needed.
. tests/tap.sh
if ! command -v nvcc >/dev/null; then
    echo 'ok 1 - the kernels compile with nvcc # SKIP nvcc is not installed'
    echo '1..1'
    exit 0
fi
compile() { # ARCHITECTURE SOURCE ARGUMENT...
    architecture=$1 source=$2
    shift 2
    nvcc -arch="$architecture" -O3 -Werror all-warnings -Xcompiler -Wall,-Wextra,-fPIC $rooms "$@" \
        -c "$source" -o "$scratch/$(basename "$source").o" >"$scratch/said" 2>&1 || {
        cat "$scratch/said"
        return 1
    }
}
# Everything that a kernel keeps stays in registers. What ptxas said of them is in $scratch/said.
no_spills() { # KERNEL COUNT
    awk -v kernel="$1" -v count="$2" '/Compiling entry function/ { its = $0 ~ kernel }
         its && /spill/ { ++seen; print; if (!/ 0 bytes spill stores, 0 bytes spill loads/) bad = 1 }
         END { exit bad || seen != count }' "$scratch/said"
}
known=$(nvcc --list-gpu-arch | sed 's/compute_//' | sort -n)
for number in $(echo "$known" | sed -n '1p;$p'); do
    check "the kernels compile for sm_$number" compile "sm_$number" src/loss/cuda/smooth_topk_gpu.cu -Xptxas -v
    check "sm_$number: k = 5 does not spill registers" no_spills pivot_kernelILi5E 2
done
# Of pivot_kernel<5, on chip>, the most loads from memory that follow one another with no wait for the first between:
# the scores' eight.
loads_in_flight() { # ARCHITECTURE
    compile "$1" src/loss/cuda/smooth_topk_gpu.cu -Xptxas -v || return 1
    "$cuobjdump" -sass "$scratch/smooth_topk_gpu.cu.o" | awk '
        /Function :/ { five = /pivot_kernelILi5ELb1/ }
        !five || !/^ *\/\*[0-9a-f]+\*\/ +[@A-Z]/ { next }
        / LDG/ { if (++row > most) most = row }
        / (STS|STG|BRA|BAR|SHFL|FMNMX|ATOMS)/ { row = 0 }
        END { print most " loads in flight"; exit most < 8 }'
}
cuobjdump=$(command -v cuobjdump || echo "$(dirname "$(command -v nvcc)")/cuobjdump")
if [ ! -x "$cuobjdump" ]; then
    skip 'eight loads of scores are in flight' 'cuobjdump is not installed: pip install nvidia-cuda-cuobjdump has it'
elif echo "$known" | grep -qx 90; then
    check 'sm_90: eight loads of scores are in flight' loads_in_flight sm_90
    check 'sm_90: no k up to 10 spills registers' no_spills pivot_kernel 20
    check 'sm_90: nor do a larger k and log' no_spills any_kernel 2
else
    skip 'eight loads of scores are in flight' 'this nvcc does not know sm_90'
fi
check 'the tests on a GPU compile' compile "sm_$number" tests/kernels_on_gpu.cu
if [ -d build/source/src ]; then
    check 'the benchmark compiles' compile "sm_$number" bench/bench_gpu.cu
fi

# A copy, so that the builds of others stay as they are.
library() {
    mkdir "$scratch/copy"
    cp -R Makefile src patches tools tests bench "$scratch/copy/"
    make -s -C "$scratch/copy" lib GPU=1 ARCH="-arch=sm_$number"
}
check 'make lib GPU=1 builds the library' library
cat >"$scratch/use.c" <<'C'
#include "smooth_topk_gpu.h"
#include <string.h>
int main(void)
{
    smooth_topk_params params = {5, 1, 1, SMOOTH_TOPK_PIVOT};
    if (smooth_topk_gpu_workspace_size(&params, 256, 1000) == 0) return 1;
    if (smooth_topk_gpu(&params, 0, 1000, NULL, NULL, NULL, NULL, NULL) != SMOOTH_TOPK_OK) return 2;
    params.k = 1000;
    return smooth_topk_gpu(&params, 1, 1000, NULL, NULL, NULL, NULL, NULL) != SMOOTH_TOPK_ERROR_K;
}
C
# The kernels' object brings cudart in: the linker finds it where nvcc says.
use() {
    libraries=$(nvcc --dryrun -c -x cu /dev/null 2>&1 | sed -n 's/^.. LIBRARIES=//p' | tr -d '"')
    gcc $rooms "$scratch/use.c" "$1" $libraries -lcudart -lstdc++ -lm -o "$scratch/use" &&
        LD_LIBRARY_PATH=$scratch/copy/build:$(echo "$libraries" | sed 's/ *-L/:/g') "$scratch/use"
}
check 'a C program links the static library with the GPU in it' use "$scratch/copy/build/libsmooth_topk.a"
check 'a C program links the shared one' use "$scratch/copy/build/libsmooth_topk.so"
finish
