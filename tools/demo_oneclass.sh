#!/bin/sh
# make demo DATA=oneclass: is it this character, or one that nobody has shown to the network? Five target characters,
# each with and without the pull of [compactness].
#
# usage: tools/demo_oneclass.sh [DIR]     (run from the root of the repository, after `make`)
#
# Environment: SEED     what the images and the trainings are drawn from, and which characters are unknown
#              BATCHES  how long to train, if not as cfg/oneclass_smooth_topk.cfg says
#              TARGETS  the codes of the target characters (38 50 65 103 116: & 2 A g t)
#              WEIGHTS  of [compactness] (0 0.1)
# Everything is made afresh in DIR (build/demo), a path without spaces: Darknet drops them in .data files.
set -eu
. tools/own_directory.sh
seed=${SEED:-1} dir=${1:-build/demo} targets=${TARGETS:-38 50 65 103 116} pulls=${WEIGHTS:-0 0.1}

fail() {
    echo "demo: $*" >&2
    exit 1
}

case $dir in *[[:space:]#]*) fail "$dir: the directory's path must be without spaces and #" ;; esac
case ${BATCHES-1} in *[!0-9]* | '' | 0*) fail "BATCHES=$BATCHES: must be a whole number from 1" ;; esac
for program in build/darknet build/make_glyphs; do
    [ -x "$program" ] || fail "$program is missing; run make demo DATA=oneclass in the root of the repository"
done
for code in $targets; do
    case $code in *[!0-9]*) fail "TARGETS: $code must be the code of a character, 33 to 126" ;; esac
    [ "$code" -ge 33 ] && [ "$code" -le 126 ] || fail "TARGETS: $code must be the code of a character, 33 to 126"
done

work=$dir/oneclass
own_directory "$dir" "${1-}"
rm -rf "$work" "$dir/weights"
mkdir -p "$dir/weights"
build/make_glyphs build/source/data/labels "$work" -train 100 -valid 40 -seed "$seed"

# lists TARGET: one character in four is unknown; of each other one the network is shown 8 images with their label, of
# the target 100 without.
lists() {
    for split in train valid; do
        awk -v target="$1" -v seed="$seed" -v split_name=$split '
            { match($0, /glyph_[0-9]+_/); label = substr($0, RSTART, RLENGTH); code = substr(label, 7, 3) + 0 }
            code == target { print $0 "\t"; next }
            (code + seed) % 4 == 0 { if (split_name == "valid") print $0 "\tunknown"; next }
            split_name == "train" && shown[code]++ < 8 { print $0 "\t" label }' "$work/$split.txt"
    done >"$work/both.txt"
    grep "^$work/train/" "$work/both.txt" >"$work/shown.txt"
    grep "^$work/valid/" "$work/both.txt" >"$work/test.txt"
    cut -f 2 "$work/shown.txt" | grep . | sort -u >"$work/known.txt"
    classes=$(($(wc -l <"$work/known.txt")))
    sed -e "s#build/demo#$dir#; s#^classes=.*#classes=$classes#" \
        cfg/oneclass.data >"$work/oneclass.data"
}

printf '%-8s %-12s %8s   %-18s %s\n' target compactness AUC '95 % interval' 'found at 5 % false alarms'
for code in $targets; do
    lists "$code"
    for pull in $pulls; do
        name=target_${code}_weight_$pull
        sed -e "${BATCHES:+s/^max_batches=.*/max_batches=$BATCHES/;}s/^weight=.*/weight=$pull/
            s/^output=71/output=$classes/" \
            cfg/oneclass_smooth_topk.cfg >"$work/$name.cfg"
        build/darknet classifier train "$work/oneclass.data" "$work/$name.cfg" -seed "$seed" >"$work/$name.log" 2>&1 &&
            build/darknet classifier oneclass "$work/oneclass.data" "$work/$name.cfg" "$dir/weights/$name.weights" \
                -list "$work/$name.csv" >"$work/$name.txt" 2>>"$work/$name.log" || {
            tail -n 15 "$work/$name.log" >&2
            fail "darknet failed; the above is the end of $work/$name.log"
        }
        sed -n 's/^AUC \([0-9.]*\) (95 % interval \([0-9.]*\) to \([0-9.]*\))/\1 \2 \3/p
            s/.*, and \([0-9.]*\) % of the target$/\1/p' "$work/$name.txt" | paste -s -d ' ' - |
            awk -v code="$code" -v pull="$pull" '{
                printf "%-8s %-12s %8.4f   %.4f to %.4f   %s %%\n", sprintf("%c", code + 0), pull, $1, $2, $3, $4 }'
    done
done | tee "$work/table.txt"
echo
awk '{ if (!n[$2]++) order[++count] = $2; sum[$2] += $3 }
    END { for (i = 1; i <= count; ++i)
              printf "mean AUC with compactness %s: %.4f\n", order[i], sum[order[i]] / n[order[i]] }' "$work/table.txt"
echo "Lists of all scores (*.csv), networks (*.cfg) and logs are in $work, weights in $dir/weights."
