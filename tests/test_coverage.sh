#!/bin/sh
# Line coverage of src/ by the tests of the loss, of the layer and of its options: at least 95 % of each file.
# A line of the vector loops, compiled once for each instruction set, is covered if one of them ran.
. tests/tap.sh
objects=
for source in src/*/*.c; do
    name=$(basename "$source" .c)
    gcc -O1 -g --coverage -Isrc/loss -Isrc/layer -Isrc/classifier -Isrc/cpu -isystem build/source/include -isystem build/upstream/src \
        -c "$source" -o "$scratch/$name.o" || exit 1
    objects="$objects $scratch/$name.o"
done
mathematics=$(echo "$objects" | tr ' ' '\n' | grep -v layer)

# Our objects come first, so that the archive's own are not taken.
# shellcheck disable=SC2086
link() { # PROGRAM WHAT...
    program=$scratch/$1
    shift
    gcc -O1 --coverage -w -fopenmp -Isrc/loss -Isrc/layer -Isrc/classifier -Isrc/cpu -Ibuild/source/include -Ibuild/source/src "$@" \
        -lcmocka -lm -pthread -o "$program"
}
# shellcheck disable=SC2086
{
    check 'the tests of the loss build' link loss tests/test_loss.c tests/reference.c $mathematics
    check 'the tests of the layer build' link layer -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
        tests/test_layer.c $objects build/source/libdarknet.a -ljpeg -lpng
    check 'Darknet builds' link darknet \
        $(ls build/source/obj/*.o | grep -v 'obj/smooth_topk') $objects
}
check 'the tests of the loss pass' "$scratch/loss" -test_accuracy_grid
check 'the tests of the layer pass' "$scratch/layer"
check 'the tests of the options pass' sh -c \
    "DARKNET='$scratch/darknet' tests/test_options.sh >'$scratch/tap' && ! grep '^not ok' '$scratch/tap'"

# FILE COVERED LINES of each file of src/.
# shellcheck disable=SC2086
gcov -t -o "$scratch" $objects 2>/dev/null | awk -F: '
    $2 + 0 == 0 && $3 == "Source" { file = $4 }
    file ~ /^src\// && $2 + 0 > 0 && $1 !~ /^ *-$/ && $1 !~ /^---/ {
        line = file ":" ($2 + 0)
        if (!(line in known)) { known[line]; lines[file]++ }
        if ($1 !~ /[#=]/ && !(line in ran)) { ran[line]; covered[file]++ }
    }
    END { for (file in lines) print file, covered[file] + 0, lines[file] }' | sort >"$scratch/coverage"
for file in src/*/*.c src/loss/*_simd.h src/loss/smooth_topk_vectors.h src/loss/smooth_topk_instruction_sets.h \
    src/loss/smooth_topk_bits.h src/loss/smooth_topk_formulas.h src/loss/smooth_topk_polynomial.h \
    src/loss/smooth_topk_tilt.h src/loss/smooth_topk_log.h src/loss/smooth_topk_internal.h; do
    figures=$(grep "^$file " "$scratch/coverage" | cut -d' ' -f2-)
    check "$file: ${figures:-no} lines ($(echo "$figures" | awk '{ if ($2) printf "%.1f", 100*$1/$2 }') %)" \
        sh -c 'test $# = 2 && [ $(($1*100)) -ge $(($2*95)) ]' sh $figures
done
finish
