#!/bin/sh
# NCCL=1: what make says of it, where it looks for it, and in which order GPUs are asked, by tests/nccl/mock_gpu.c: no
# GPU is needed. LONG=1: also what it says after a minute.
. tests/tap.sh
. tests/ranks.sh
cd "$root" || exit

# --- make. Without the machine's own NCCL: a compiler that knows none, and a python3 that knows $pip.
mkdir -p "$scratch/copy/build" "$scratch/bin" "$scratch/pip/include" "$scratch/pip/lib"
cp -R Makefile src patches tools tests bench "$scratch/copy/"
cp -R build/upstream "$scratch/copy/build/"
printf '#!/bin/sh\ncase $* in *-lnccl*) exit 1 ;; esac\nexec %s "$@"\n' "${CC:-gcc}" >"$scratch/bin/no_nccl"
printf '#!/bin/sh\n[ "${pip-}" ] && echo "$pip"\n' >"$scratch/bin/python3"
chmod +x "$scratch"/bin/*
make() { env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u NCCL_HOME PATH="$scratch/bin:$PATH" make "$@"; }
refuses() { # TEXT ARGUMENT...: make ends so, before it compiles anything
    text=$1
    shift
    ! make -C "$scratch/copy" CC="$scratch/bin/no_nccl" "$@" >"$scratch/said" 2>&1 || return 1
    cat "$scratch/said"
    grep -q -- "$text" "$scratch/said" && ! find "$scratch/copy/build/source/obj" -name '*.o' | grep .
}
check 'NCCL=1 alone is refused' refuses '^NCCL=1 is for GPUs .*: make GPU=1 MPI=1 NCCL=1$' NCCL=1
check 'so it is without MPI' refuses '^NCCL=1 is for GPUs .*: make GPU=1 MPI=1 NCCL=1$' GPU=1 NCCL=1
check 'where NCCL is missing make says how to get it' refuses \
    '^NCCL=1 needs NCCL; .*nvidia-nccl-cu13.*libnccl-dev.*NCCL_HOME' GPU=1 MPI=1 NCCL=1
check 'and where it is not in NCCL_HOME' refuses "^NCCL=1 needs NCCL: no .* in $scratch/bin;" GPU=1 MPI=1 NCCL=1 \
    NCCL_HOME="$scratch/bin"
found() { # WANTED ARGUMENT...: what a program is linked with
    wanted=$1
    shift
    make_value '$(NCCL_FLAGS) $(DARKNET_LIBRARIES)' src/nccl.mk CC="$scratch/bin/no_nccl" "$@" >"$scratch/said"
    cat "$scratch/said"
    [ "$(cat "$scratch/said")" = "$wanted" ]
}
touch "$scratch/pip/include/nccl.h" "$scratch/pip/lib/libnccl.so.2"
of_pip="-isystem $scratch/pip/include -Wl,-rpath,$scratch/pip/lib/ $scratch/pip/lib/libnccl.so.2"
check 'it is found in NCCL_HOME' found "$of_pip" NCCL_HOME="$scratch/pip"
export pip="$scratch/pip"
check 'and where pip put it' found "$of_pip"
asked() { # Darknet's Makefile has its compiler write dependencies, which beside /dev/null only root may
    printf '#!/bin/sh\necho "$*" >>%s\nexit 1\n' "$scratch/asked" >"$scratch/bin/asked"
    chmod +x "$scratch/bin/asked"
    (cd build/source && make_value '' plugin/platforms.mk plugin/nccl.mk CC="$scratch/bin/asked") >/dev/null 2>&1
    cat "$scratch/asked"
    grep -q -- -lnccl "$scratch/asked" && ! grep -q -- -MD "$scratch/asked"
}
check 'the compiler is asked without writing dependencies' asked
absolute() {
    (cd "$scratch/copy" && make_value '$(OPTIONS)' Makefile NCCL_HOME=pip) >"$scratch/said"
    cat "$scratch/said"
    grep -q "NCCL_HOME=$scratch/copy/pip " "$scratch/said"
}
check 'NCCL_HOME is from the directory of make' absolute

# --- The sums.
flags=$(mpicc -show | tr ' ' '\n' | sed -n 's/^-I/-isystem /p')
toolkit=$(nccl_headers) || {
    skip 'the sums by NCCL' 'no nvcc, or no nccl.h'
    finish
    exit
}
built() {
    # shellcheck disable=SC2046,SC2086
    "${CC:-gcc}" -O1 -Wall -Wextra -Wno-unused-parameter -Werror -DGPU -DRANKS=1 -DNCCL -Itests/nccl $rooms \
        -isystem build/source/include -isystem build/source/src $flags $toolkit \
        src/ranks/*.c src/base/*.c src/layer/frozen_layers.c src/layer/layer_arrays.c tests/nccl/*.c \
            -o "$scratch/sums" \
        $(mpicc -show | tr ' ' '\n' | grep '^-[LlW]') -pthread
}
check 'they compile, with a stand-in for the GPU' built
said=sums # where what they say goes
sums() { # WANTED-CODE NUMBER VARIABLE=VALUE...
    wanted=$1 number=$2
    shift 2
    env "$@" timeout 90 mpirun -np "$number" "$scratch/sums" >"$scratch/$said.out" 2>"$scratch/$said.err"
    code=$?
    cat "$scratch/$said.out" "$scratch/$said.err"
    [ $code = "$wanted" ]
}
says() { # TEXT FILE: once
    [ "$(grep -c -- "$1" "$scratch/$said.$2")" = 1 ]
}
in_order() {
    for number in 1 2 4; do
        sums 0 $number MOCK_LATE="$1" || return 1
    done
    says '^4 ranks, .* by NCCL; ' out
}
check 'none begins before its gradient is there' in_order darknet
check 'no update comes before its sum' in_order nccl
shared() { sums 0 2 MOCK_SHARED=1 && says '^2 ranks, .* by MPI; ' out &&
    says '^Ranks 0 and 1 share the GPU 0000:00:00.0: ' err; }
check 'ranks that share a GPU sum by MPI, to the same numbers, and say so' shared
refused() { sums 1 2 MOCK_REFUSED=1 && says '^rank 1: NCCL: ' err; }
check 'where NCCL does not begin on a rank, it says so and all end' refused
failing() { sums 1 2 MOCK_HANGS=1 MOCK_ERROR=1 && says '^rank 1: NCCL: ' err; }
check 'so they do where it fails later, when the host waits for a sum' failing
stopped() { sums 0 2 MOCK_HANGS=1 MOCK_STOPS=1 && says '^does not save' out; }
check 'weights that wait for a sum are not saved' stopped
if [ "${LONG-}" ]; then
    waiting() { said=waiting && sums 124 2 MOCK_HANGS=1 && says '^Rank 0 has waited a minute for the sums' err; }
    waiting >"$scratch/waited" &
    alone() { sums 1 2 MOCK_ALONE=1 && grep -q 'NCCL has not connected .* within a minute' "$scratch/$said.err"; }
    check 'where NCCL does not connect, all end after a minute' alone
    wait $!
    code=$?
    waited() { cat "$scratch/waited" && [ $code = 0 ]; }
    check 'where a sum does not come, rank 0 says so after a minute' waited
fi
finish
