#!/bin/sh
# Static analysis of src/: compilers' warnings, gcc's analyzer, cppcheck; and the format of our C files.
# What is not installed is skipped, visibly.
. tests/tap.sh
headers="$rooms -isystem build/source/include -isystem build/upstream/src"
sources=$(ls src/*/*.c)
# src/ranks needs MPI's header.
mpi=$(mpicc -show 2>/dev/null | tr ' ' '\n' | sed -n 's/^-I/-isystem /p')
[ -n "$mpi" ] || sources=$(ls src/*/*.c | grep -v src/ranks/rank)
nccl=$(nccl_headers) || {
    sources=$(echo "$sources" | grep -v src/ranks/rank_backend_nccl.c)
    skip 'src/ranks/rank_backend_nccl.c' 'no nvcc, or no nccl.h'
}

# skip_or_check COMMAND NAME TEST...: the test, or a skip where the command is missing.
skip_or_check() {
    tool=$1
    shift
    if command -v "$tool" >/dev/null; then
        check "$@"
    else
        count=$((count + 1))
        echo "ok $count - $1 # SKIP $tool is not installed"
    fi
}

each_source() { # COMMAND...: for every source, with Darknet's headers
    for source in $sources; do
        flags=
        case $source in src/ranks/rank*) flags="-DRANKS=1 $mpi" ;; esac
        case $source in src/ranks/rank_backend_nccl.c) flags="$flags -DGPU -DNCCL $nccl" ;; esac
        # shellcheck disable=SC2086
        "$@" $headers $flags "$source" || return 1
    done
}
check 'gcc -Wall -Wextra: no warnings' each_source gcc -O3 -Wall -Wextra -Werror -c -o /dev/null
check 'gcc, as C99' each_source gcc -std=c99 -fsyntax-only -Wall -Wextra -Werror
skip_or_check clang 'clang -Wall -Wextra: no warnings' each_source clang -fsyntax-only -Wall -Wextra -Werror

# nvcc reads darknet.h and utils.h, and with them some of ours, as C++.
as_cpp() {
    # shellcheck disable=SC2086
    printf '#include "darknet.h"\nextern "C" {\n#include "utils.h"\n}\n' | g++ -fsyntax-only -Wall -Wextra -Werror \
        -isystem build/source/src $headers -x c++ -
}
skip_or_check g++ 'the headers of the kernels are C++ too' as_cpp

# GCC 12 takes a vector for a scalar of 4 bits in n << 23, and does not follow memcpy into the rows
# of an array: so these two are left out where vectors are; valgrind and UBSan watch the same there.
# smooth_topk_lanes.c takes it minutes: its loops for ten k, three times.
analyzed() {
    vectors=
    case $* in *smooth_topk_lanes.c) return 0 ;; esac
    case $* in
    *topk_pivot.c | *topk_log.c | *topk_select.c | *topk_any_k.c | *topk_narrow_gap.c | *topk_softmax.c | \
        *cpu/pooling.c | *view_sampler.c)
        vectors='-Wno-analyzer-shift-count-overflow -Wno-analyzer-use-of-uninitialized-value'
        ;;
    esac
    # shellcheck disable=SC2086
    gcc -O2 -fanalyzer -Wall -Wextra -Werror $vectors -c -o /dev/null "$@"
}
check 'gcc -fanalyzer finds nothing' each_source analyzed

# invalidFunctionArg: log(sum) with sum = 0; but a coefficient is a sum of at least one exp().
# In smooth_topk_wide_gap.c log(0) is -inf, as wanted: no class is left out.
# arrayIndexOutOfBounds: merge(lanes, 8) on 4 lanes; behind `if (HALF >= 8)`.
# uninitvar: a vector that is filled lane by lane, or vectors in a loop.
# shellcheck disable=SC2086
skip_or_check cppcheck 'cppcheck finds nothing' cppcheck -q --error-exitcode=1 --std=c11 \
    --enable=warning,performance,portability \
    --suppress=invalidFunctionArg:src/loss/smooth_topk_log.c \
    --suppress=arrayIndexOutOfBounds:src/loss/smooth_topk_pivot_simd.h \
    --suppress=uninitvar:src/loss/smooth_topk_pivot_simd.h \
    --suppress=invalidFunctionArg:src/loss/smooth_topk_wide_gap.c \
    --suppress=uninitvar:src/loss/smooth_topk_lanes_simd.h \
    --suppress=uninitvar:src/simd/transpose.h \
    --suppress=uninitvar:src/loss/smooth_topk_narrow_gap_simd.h $rooms src

formatted() {
    clang-format --dry-run -Werror src/*/*.[ch] src/loss/cuda/* tests/*.cpp tests/*.cu tests/*.[ch] tests/fuzz/*.[ch] \
        tests/nccl/*.[ch] bench/*.c bench/*.cu tools/*.c
}
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    check 'clang-format changes nothing' formatted
else
    count=$((count + 1))
    echo "ok $count - clang-format changes nothing # SKIP clang-format 14 is not installed"
fi
finish
