#!/bin/sh
# Builds what tools/gpu_check.sh runs on a GPU, in a copy of the tree, with cudart linked statically, so that the
# programs start wherever there is a driver: DIRECTORY/loss_gpu and its kin, bench_gpu, make_glyphs, darknet and, where
# cuDNN is, darknet_cudnn.
#
# usage: tools/gpu_ready.sh DIRECTORY     (run from the root of the repository; make gpu-ready)
#
# Environment: ARCH   as for make; if not given code for sm_90 alone
set -eu
ready=$1 arch=${ARCH:--gencode arch=compute_90,code=sm_90}
mkdir -p "$ready/tree/build"
ready=$(realpath "$ready")
cuda_links=$ready/links
mkdir -p "$cuda_links"
. tools/cuda_environment.sh
[ "$nvcc" ] || { echo "gpu-ready needs nvcc, of CUDA's toolkit" >&2 && exit 1; }
unset MAKEFLAGS MFLAGS MAKELEVEL
tree=$ready/tree
# What is there already is kept: only what changed is built again.
tar -cf - Makefile src patches tools tests bench cfg | tar -xf - -C "$tree"
[ -d "$tree/build/upstream" ] || cp -a build/upstream "$tree/build/upstream"
# Patched beforehand where there is no git, as in the bundle.
if [ -d build/source/src ] && [ ! -d "$tree/build/source" ] && ! command -v git >/dev/null; then
    mkdir -p "$tree/build/source/obj"
    tar -cf - --exclude='obj/*' --exclude='*.a' --exclude='*.so' -C build/source . | tar -xf - -C "$tree/build/source"
    ln -sfn ../../src "$tree/build/source/plugin"
    touch "$tree/build/upstream" "$tree/build/source/.patched"
fi
# BLAS=0: the programs need no library that the other machine may not have.
options="GPU=1 BLAS=0 CUDART=static"
cd "$tree"
# shellcheck disable=SC2086
make -j"$(nproc)" darknet lib build/make_glyphs build/bench/bench_gpu build/tests/loss_gpu build/tests/loss_gpu_thin \
    build/tests/loss_gpu_off_chip build/tests/rows_gpu build/tests/rows_alone_gpu build/tests/membership_gpu \
    $options ARCH="$arch"
cp build/tests/loss_gpu build/tests/loss_gpu_thin build/tests/loss_gpu_off_chip build/tests/rows_gpu \
    build/tests/rows_alone_gpu build/tests/membership_gpu build/bench/bench_gpu build/make_glyphs "$ready"
cp build/source/darknet "$ready/darknet"
if echo '#include <cudnn.h>' >has.cu && "$nvcc" -E has.cu >/dev/null 2>&1; then
    mkdir -p build/cudnn/obj
    tar -cf - --exclude=./obj --exclude='*.a' --exclude='*.so' --exclude=./darknet -C build/source . |
        tar -xf - -C build/cudnn
    ln -sfn ../../src build/cudnn/plugin
    # The kernels that know no cuDNN serve again.
    for object in build/source/obj/*_kernels.o build/source/obj/smooth_topk_gpu.o; do
        case $object in *convolutional_kernels.o) ;; *) cp -pu "$object" build/cudnn/obj/ ;; esac
    done
    # shellcheck disable=SC2086
    make -s -j"$(nproc)" -C build/cudnn CC=gcc CPP='gcc -x c' CUDNN=1 $options ARCH="$arch" darknet
    cp build/cudnn/darknet "$ready/darknet_cudnn"
else
    echo "gpu-ready: no cudnn.h: there is no darknet_cudnn" >&2
fi
rm -f has.cu
find "$ready" -maxdepth 1 -type f -perm -u+x -exec strip {} +
