#!/bin/sh
# Line coverage of src/ by the tests of the unit and those of the binary from the shell: at least 95 % of each file.
# A line of the vector loops, compiled once for each instruction set, is covered if one of them ran.
. tests/tap.sh
tree=$PWD/build/coverage
rm -rf "$tree"
mkdir -p "$tree"
unset LONG
# src/ranks needs MPI; without it these files are left out. Pinned memory and the sums by NCCL need a GPU;
# tests/test_nccl.sh has these sums.
mpi=0 without='src/ranks/rank\|pinned_batch' ranks=
if command -v mpicc >/dev/null; then mpi=1 without='rank_backend_nccl\|pinned_batch' ranks='ranks ranks_faults'; fi
cpu_only="GPU=0 CUDNN=0 OPENCV=0 OPENMP=0 DEBUG=0 MPI=$mpi"

# MPI_Abort ends a process before gcov writes which lines ran: this one, linked into the program, writes first.
aborting=
if [ $mpi = 1 ]; then
    printf '%s\n' '#include <mpi.h>' 'void __gcov_dump(void);' \
        'int MPI_Abort(MPI_Comm c, int code) { return __gcov_dump(), PMPI_Abort(c, code); }' >"$scratch/abort.c"
    mpicc -fPIC -c "$scratch/abort.c" -o "$scratch/abort.o" || exit 1
    aborting=-Wl,$scratch/abort.o
fi

# shellcheck disable=SC2086
build() {
    build_darknet "$tree" $cpu_only CC=gcc CPP='gcc -x c' OPTS="-O1 -g --coverage $aborting" darknet
}
check 'Darknet builds' build
libraries=$(darknet_libraries MPI=$mpi)

# run_unit NAME: tests/test_NAME.c, without its long grid.
run_unit() {
    more=
    [ "$1" = loss ] && more=tests/reference.c
    [ "$1" = layer ] && more=-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
    [ "$1" = views ] && more=-ffp-contract=off
    [ "$1" = one_by_one ] && more=-Ibuild/tests
    # shellcheck disable=SC2086
    gcc -O2 -w --coverage $rooms -Itests -I"$tree/include" -I"$tree/src" -o "$scratch/$1" "tests/test_$1.c" $more \
        "$tree/libdarknet.a" $libraries -lcmocka -lm -pthread && "$scratch/$1" "-test_accuracy_grid"
}
for test in tests/test_*.c; do
    name=$(basename "$test" .c)
    check "$name passes" run_unit "${name#test_}"
done
run_script() {
    DARKNET="$tree/darknet" "$1" >"$scratch/tap" 2>&1 && grep -q '^1\.\.' "$scratch/tap" &&
        ! grep -A9 '^not ok' "$scratch/tap"
}
export DARKNET_RANKS="$tree/darknet"
# All that run the Darknet they are given, but for those that build, train for minutes or measure its memory.
long='build|builds|compare|coverage|export|export_networks|gpu|memory|nccl|ranks|ranks_faults|sanitized|upstream|use'
for script in $(grep -lE '\$(darknet|DARKNET)' tests/test_*.sh | grep -vE "test_($long)\.sh") \
    $(printf 'tests/test_%s.sh ' $ranks); do
    [ -f "$script" ] || continue
    check "$script passes" run_script "$script"
done

# FILE COVERED LINES of each file of src/.
(cd "$tree" && gcov -t -o obj $(ls src/../plugin/*/*.c | sed 's|.*/\(.*\)\.c|obj/\1.o|') 2>/dev/null) | awk -F: '
    $2 + 0 == 0 && $3 == "Source" { file = $4; sub(/^plugin/, "src", file) }
    file ~ /^src\/[a-z]*\// && $2 + 0 > 0 && $1 !~ /^ *-$/ && $1 !~ /^---/ {
        line = file ":" ($2 + 0)
        if (!(line in known)) { known[line]; lines[file]++ }
        if ($1 !~ /[#=]/ && !(line in ran)) { ran[line]; covered[file]++ }
    }
    END {
        for (file in lines) print file, covered[file] + 0, lines[file]
        for (line in known) if (!(line in ran)) print line >missed
    }' missed="$scratch/missed" | sort >"$scratch/coverage"
# enough FILE [COVERED LINES]: says which lines did not run where these are too few.
enough() {
    [ $# = 3 ] || { echo 'no line of it was compiled' && return 1; }
    least=95
    case $1 in
    src/ranks/rank_messages.c) least=90 ;; # what is said after a minute
    src/ranks/rank_wait.c) least=85 ;;     # the same
    src/base/ending.c) least=85 ;;         # a second fault, while the first one saves
    src/cpu/openblas_start.c) least=80 ;;  # the program starts anew before gcov writes
    src/simd/instruction_set.h) least=75 ;; # sets that this machine has not, or exceeds
    esac
    [ $(($2 * 100)) -ge $(($3 * least)) ] && return
    echo "lines that did not run: $(grep "^$1:" "$scratch/missed" | cut -d: -f2 | sort -n | tr '\n' ' ')"
    return 1
}
for file in $(ls src/*/*.c | grep -v "$without") $(cut -d' ' -f1 "$scratch/coverage" | grep '\.h$'); do
    figures=$(grep "^$file " "$scratch/coverage" | cut -d' ' -f2-)
    # shellcheck disable=SC2086
    check "$file: ${figures:-no} lines ($(echo "$figures" | awk '{ if ($2) printf "%.1f", 100*$1/$2 }') %)" enough \
        "$file" $figures
done
finish
