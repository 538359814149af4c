#!/bin/sh
# Darknet builds with each combination of options that this machine has the packages for, and what it
# builds with CUDA, cuDNN and OpenCV does the right thing as far as that shows without a GPU.
#
# usage: [ARCH='-gencode ...'] tests/test_builds.sh   (TAP)   Builds in a scratch directory, with CUDA for the oldest
# and the newest GPU that nvcc knows, or as ARCH says: minutes for each of them.
. tests/tap.sh
make -s build/source/.patched || exit 1
jobs=$(nproc)

# build NAME OPTION...: a Darknet of its own, unoptimized, without a warning of our files, in $scratch/NAME; $from/obj
# are objects to start from.
build() {
    directory=$scratch/$1
    mkdir "$directory"
    (cd build/source && tar -cf - --exclude=./obj --exclude='./*.a' --exclude='./*.so' --exclude=./darknet .) |
        tar -xf - -C "$directory"
    ln -sfn "$PWD/src" "$directory/plugin"
    mkdir "$directory/obj"
    [ -z "${from-}" ] || cp -p "$from"/obj/*_kernels.o "$from/obj/smooth_topk_gpu.o" "$directory/obj"
    shift
    make -s -j"$jobs" -C "$directory" CC=gcc OPTS=-O0 "$@" ARCH="${architectures-}" >"$scratch/said" 2>&1 || {
        tail -n 20 "$scratch/said"
        return 1
    }
    # Without optimization gcc has no use for a hint to a loop, and says so.
    grep '^plugin/.*warning' "$scratch/said" | grep -v 'ignoring loop annotation' >"$scratch/warnings"
    [ -x "$directory/darknet" ] && [ ! -s "$scratch/warnings" ] || { cat "$scratch/warnings" && return 1; }
}

# train BINARY NETWORK: the checksum of what -nogpu training leaves.
train() {
    rm -f "$scratch/backup/"*
    "$1" classifier train "$scratch/labels.data" "$scratch/$2.cfg" -seed 5 -nogpu &&
        sha256sum <"$scratch/backup/$2.weights" >"$1.$2.sum"
}
same_training() { # DIRECTORY
    for network in network ours; do
        train "$1/darknet" $network && cmp "$1/darknet.$network.sum" "$scratch/cpu/darknet.$network.sum" || return 1
    done
}

compiles_nothing() { # DIRECTORY OPTION...
    directory=$1
    shift
    make -n -C "$directory" CC=gcc OPTS=-O0 "$@" >"$scratch/commands" && ! grep ' -c ' "$scratch/commands"
}

section() { # NAME LINE...
    echo "[$1]"
    shift
    printf '%s\n' "$@"
}
data() {
    mkdir "$scratch/backup"
    ls "$PWD"/build/source/data/labels/*.png >"$scratch/images"
    printf '_%s.png\n' 0 1 2 3 4 5 6 7 >"$scratch/names"
    printf '%s\n' classes=8 "train=$scratch/images" "valid=$scratch/images" "labels=$scratch/names" \
        "backup=$scratch/backup" top=2 >"$scratch/labels.data"
    {
        section net batch=16 subdivisions=2 height=28 width=28 channels=3 max_crop=32 learning_rate=0.01 max_batches=5
        for size in 3 1 3; do section convolutional batch_normalize=1 filters=8 size=$size pad=1 activation=leaky; done
        section shortcut from=-3 activation=linear
        section dropout probability=.5
        section convolutional filters=8 size=1 activation=leaky
        section avgpool
        section softmax
    } >"$scratch/network.cfg"
    # With our sections, and what of them has code of its own for a GPU.
    {
        sed '/^.softmax.$/,$d' "$scratch/network.cfg"
        section compactness weight=0.1
        section smooth_topk k=2 hardest=0.3 output=membership
    } >"$scratch/ours.cfg"
    {
        section net batch=4 height=8 width=8 channels=3
        for size in 3 1 3; do section convolutional filters=6 size=$size pad=1 activation=logistic; done
        section shortcut from=-3 activation=linear
        section convolutional filters=5 size=3 activation=linear
        section avgpool
        section softmax
    } >"$scratch/residual.cfg"
}

libraries=$(darknet_libraries)
residual_gradient() {
    gcc -I "$scratch/cpu/include" tests/builds/residual_gradient.c "$scratch/cpu/libdarknet.a" $libraries \
        -o "$scratch/residual_gradient" -lm -pthread &&
        "$scratch/residual_gradient" "$scratch/residual.cfg"
}

opencv_against_ours() { # DIRECTORY PACKAGE
    g++ -DOPENCV -I "$1/include" -I "$1/src" $rooms $(pkg-config --cflags "$2") tests/builds/opencv_against_ours.cpp \
        "$1/libdarknet.a" $(darknet_libraries OPENCV=1) -o "$scratch/opencv_against_ours" -lm -pthread || return 1
    for channels in 1 3; do
        "$scratch/opencv_against_ours" $channels "$1"/data/labels/65_[37].png || return 1
    done
    "$scratch/opencv_against_ours" 3 "$1"/data/dog.jpg "$1"/data/eagle.jpg
}

mocked() { # DIRECTORY classifier's ARGUMENT...
    binary=$1/darknet
    shift
    LD_PRELOAD=$scratch/mock.so "$binary" classifier "$@" 2>&1
}
mocked_train() {
    nvcc -cudart none --shared --compiler-options '-fPIC -Wall -Wextra -Werror' tests/builds/mock_cudnn.c \
        -o "$scratch/mock.so" &&
        mocked "$1" train "$scratch/labels.data" "$scratch/network.cfg" >"$scratch/mocked" ||
            { cat "$scratch/mocked"; return 1; }
    # 5 batches in 2 parts, 4 layers forward, 4 backward to the weights, 3 to the input.
    grep -q '^mock: 110 convolutions$' "$scratch/mocked" || { tail -n 5 "$scratch/mocked"; return 1; }
}
mocked_valid() { # DIRECTORY NETWORK
    train "$scratch/cpu/darknet" "$2" &&
        mocked "$1" valid "$scratch/labels.data" "$scratch/$2.cfg" "$scratch/backup/$2.weights"
}
mocked_ours() {
    mocked "$1" train "$scratch/labels.data" "$scratch/ours.cfg" && mocked_valid "$1" ours
}
mocked_too_large() {
    export MOCK_CUDNN_TOO_LARGE=1
    mocked "$1" train "$scratch/labels.data" "$scratch/network.cfg" >"$scratch/mocked"
    code=$?
    unset MOCK_CUDNN_TOO_LARGE
    cat "$scratch/mocked"
    [ $code = 1 ] && grep -q 'cuDNN: .*2 GB of workspace.*28 x 28 x 3 -> 28 x 28 x 8' "$scratch/mocked"
}

# No GPU is there, and that is said as other errors are.
cuda_error() {
    CUDA_VISIBLE_DEVICES='' "$1/darknet" classifier train "$scratch/labels.data" \
        "$scratch/network.cfg" >"$scratch/said" 2>"$scratch/errors"
    [ $? = 1 ] && grep '^CUDA Error: ' "$scratch/errors" && ! grep CUDA "$scratch/said"
}
# Without a GPU all sums are MPI's.
ranks_train() {
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 \
        PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    timeout 60 mpirun -np 2 "$1/darknet" classifier train "$scratch/labels.data" "$scratch/network.cfg" -seed 5 \
        -nogpu >"$scratch/said" 2>&1
    code=$?
    tail -n 5 "$scratch/said"
    [ $code = 0 ] && grep -q '^2 ranks, .* by MPI' "$scratch/said"
}

# What there is: nvcc, cuDNN's header, OpenCV's package, MPI, NCCL; empty, or why it is missing.
no_nvcc='' no_cudnn='' no_opencv='' no_mpi='' no_nccl='' opencv=opencv
command -v nvcc >/dev/null || no_nvcc='no nvcc'
echo '#include <cudnn.h>' >"$scratch/cudnn.cu"
nvcc -E "$scratch/cudnn.cu" >/dev/null 2>&1 || no_cudnn="${no_nvcc:-no cudnn.h}"
command -v mpicc >/dev/null || no_mpi="${no_nvcc:-no mpicc}"
[ "$(make_value '$(NCCL_FOUND)' src/cuda.mk src/nccl.mk)" ] || no_nccl='no NCCL'
if pkg-config --exists opencv4 2>/dev/null; then
    opencv=opencv4
elif ! pkg-config --exists opencv 2>/dev/null; then
    no_opencv='no OpenCV that pkg-config knows'
fi

data
check 'builds: no option' build cpu
check 'trains' train "$scratch/cpu/darknet" network
check 'trains with our sections' train "$scratch/cpu/darknet" ours
check 'a residual network gets its whole gradient' residual_gradient
check 'builds: CUDNN=1 alone' build cudnn CUDNN=1
check 'builds: OPENMP=1' build openmp OPENMP=1
check 'builds: DEBUG=1' build debug DEBUG=1
if [ "$no_opencv" ]; then
    skip 'builds: OPENCV=1' "$no_opencv"
    skip 'OpenCV and our reader load the same images' "$no_opencv"
else
    check 'builds: OPENCV=1' build opencv OPENCV=1
    check 'OpenCV and our reader load the same images' opencv_against_ours "$scratch/opencv" $opencv
fi
if [ "$no_nvcc" ]; then
    skip 'builds: GPU=1' "$no_nvcc"
    skip 'a second make compiles nothing' "$no_nvcc"
    skip 'every generation of GPUs that nvcc knows' "$no_nvcc"
    skip 'GPU=1 -nogpu trains as the CPU build' "$no_nvcc"
    skip 'an error of CUDA is said on stderr' "$no_nvcc"
else
    architectures=${ARCH:-$(nvcc --list-gpu-code | sed -n 's/^sm_\([0-9]*\)$/\1/p' | sort -n | sed -n '1p;$p' |
        while read -r number; do printf ' -gencode arch=compute_%d,code=sm_%d' "$number" "$number"; done)}
    check "builds: GPU=1,$(echo "$architectures" | sed 's/ -gencode arch=[^=]*=/ /g')" build gpu GPU=1
    check 'a second make compiles nothing' compiles_nothing "$scratch/gpu" GPU=1 ARCH="$architectures"
    rm -f "$scratch/gpu/obj/im2col_kernels.o"
    check 'every generation of GPUs that nvcc knows' make -C "$scratch/gpu" GPU=1 obj/im2col_kernels.o
    check 'GPU=1 -nogpu trains as the CPU build' same_training "$scratch/gpu"
    check 'an error of CUDA is said on stderr' cuda_error "$scratch/gpu"
fi
from=$scratch/gpu
if [ "$no_nvcc$no_mpi" ]; then
    skip 'builds: GPU=1 MPI=1' "${no_nvcc:-$no_mpi}"
else
    check 'builds: GPU=1 MPI=1' build gpu_mpi GPU=1 MPI=1
fi
if [ "$no_nvcc$no_mpi$no_nccl" ]; then
    skip 'builds: GPU=1 MPI=1 NCCL=1' "${no_nvcc:-${no_mpi:-$no_nccl}}"
    skip 'GPU=1 MPI=1 NCCL=1 -nogpu trains, by MPI' "${no_nvcc:-${no_mpi:-$no_nccl}}"
else
    check 'builds: GPU=1 MPI=1 NCCL=1' build gpu_nccl GPU=1 MPI=1 NCCL=1
    check 'GPU=1 MPI=1 NCCL=1 -nogpu trains, by MPI' ranks_train "$scratch/gpu_nccl"
fi
if [ "$no_nvcc$no_opencv" ]; then
    skip 'builds: GPU=1 OPENCV=1' "$no_nvcc$no_opencv"
else
    check 'builds: GPU=1 OPENCV=1' build gpu_opencv GPU=1 OPENCV=1
fi
# The one kernel file that looks at CUDNN.
rm -f "$scratch/gpu/obj/convolutional_kernels.o"
if [ "$no_cudnn" ]; then
    skip 'builds: GPU=1 CUDNN=1' "$no_cudnn"
    skip 'GPU=1 CUDNN=1 -nogpu trains as the CPU build' "$no_cudnn"
    skip 'cuDNN (mocked): training takes the right algorithm' "$no_cudnn"
    skip 'cuDNN (mocked): one image gets the workspace it needs' "$no_cudnn"
    skip 'cuDNN (mocked): our sections train and judge' "$no_cudnn"
    skip 'cuDNN (mocked): no algorithm within the limit is an error' "$no_cudnn"
else
    check 'builds: GPU=1 CUDNN=1' build gpu_cudnn GPU=1 CUDNN=1
    check 'GPU=1 CUDNN=1 -nogpu trains as the CPU build' same_training "$scratch/gpu_cudnn"
    check 'cuDNN (mocked): training takes the right algorithm' mocked_train "$scratch/gpu_cudnn"
    check 'cuDNN (mocked): one image gets the workspace it needs' mocked_valid "$scratch/gpu_cudnn" network
    check 'cuDNN (mocked): our sections train and judge' mocked_ours "$scratch/gpu_cudnn"
    check 'cuDNN (mocked): no algorithm within the limit is an error' mocked_too_large "$scratch/gpu_cudnn"
fi
from=$scratch/gpu_cudnn
if [ "$no_cudnn$no_opencv" ]; then
    skip 'builds: GPU=1 CUDNN=1 OPENCV=1' "${no_cudnn:-$no_opencv}"
else
    check 'builds: GPU=1 CUDNN=1 OPENCV=1' build gpu_cudnn_opencv GPU=1 CUDNN=1 OPENCV=1
fi
finish
