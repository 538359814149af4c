#!/bin/sh
# Classes of very unequal size: glyphs with 100 images in the commonest class down to 2 in the rarest, trained with
# and without class_margins=auto and class_weights=auto. Prints the table of docs/imbalance.md.
#
# usage: tools/imbalance.sh [DIR]     (after `make` and `make build/make_glyphs`; about 8 minutes of one core)
# Environment: SEEDS="1 2 3" BATCHES=1000 RATE=0.05 (the learning rate) LOSSES="softmax hardest" (the names
# below). Everything is made afresh in DIR (build/imbalance), a path without spaces.
set -eu
. tools/own_directory.sh
dir=${1:-build/imbalance} seeds=${SEEDS:-1 2 3} batches=${BATCHES:-1000}
darknet=$PWD/build/darknet
export OMP_NUM_THREADS=1

# section NAME: the last section of the network.
section() {
    case $1 in
    softmax) echo '[softmax]' ;;
    plain) printf '[smooth_topk]\nk=5\n' ;;
    margins) printf '[smooth_topk]\nk=5\nclass_margins=auto\n' ;;
    weights) printf '[smooth_topk]\nk=5\nclass_weights=auto\n' ;;
    alpha5) printf '[smooth_topk]\nk=5\nalpha=5\n' ;;
    alpha5_margins) printf '[smooth_topk]\nk=5\nalpha=5\nclass_margins=auto\n' ;;
    softmax_hardest) printf '[smooth_topk]\nk=1\nalpha=0\nhardest=0.3\n' ;;
    hardest) printf '[smooth_topk]\nk=5\nhardest=0.3\n' ;;
    both) printf '[smooth_topk]\nk=5\nclass_margins=auto\nclass_weights=auto\n' ;;
    esac
}
losses=${LOSSES:-softmax plain margins alpha5 alpha5_margins weights both}

own_directory "$dir" "${1-}"
rm -rf "$dir"/*
for seed in $seeds; do
    run=$dir/$seed
    mkdir -p "$run/backup"
    build/make_glyphs build/source/data/labels "$run/data" -train 100 -seed "$seed" >&2
    # The classes in a random order, rank 0 the commonest: 100 * 50^(-rank/94) images of each.
    awk -v seed="$seed" 'BEGIN { srand(seed) } { print rand(), $0 }' "$run/data/labels.txt" | sort -n |
        sed 's/^[^ ]* //' >"$run/order.txt"
    awk 'NR == FNR { keep[$0] = int(100 * exp(-log(50) * (FNR - 1) / 94) + 0.5); next }
        { for (label in keep) if (index($0, label)) { if (keep[label]-- > 0) print; break } }' \
        "$run/order.txt" "$run/data/train.txt" >"$run/train.txt"
    for part in common middle rare; do
        case $part in common) lines=1,32 ;; middle) lines=33,63 ;; rare) lines=64,95 ;; esac
        sed -n "${lines}p" "$run/order.txt" | grep -F -f - "$run/data/valid.txt" >"$run/$part.txt"
    done
    for list in common middle rare train; do
        valid=$run/$list.txt
        [ $list != train ] || valid=$run/data/valid.txt
        printf 'classes=95\ntrain=%s\nvalid=%s\nlabels=%s\nbackup=%s\ntop=5\n' "$run/train.txt" "$valid" \
            "$run/data/labels.txt" "$run/backup" >"$run/$list.data"
    done
    for loss in $losses; do
        { sed -e '/^\[s[mo].*]/,$d' \
            -e "s/^max_batches=.*/max_batches=$batches/${RATE:+;s/^learning_rate=.*/learning_rate=$RATE/}" \
            cfg/glyphs_smooth_topk.cfg; section $loss; } >"$run/$loss.cfg"
        "$darknet" classifier train "$run/train.data" "$run/$loss.cfg" -seed "$seed" >"$run/$loss.log" 2>&1 ||
            { tail -n 5 "$run/$loss.log" >&2; exit 1; }
        for list in train common middle rare; do
            "$darknet" classifier valid "$run/$list.data" "$run/$loss.cfg" "$run/backup/$loss.weights" \
                -verbose 2>/dev/null |
                sed -n 's/.*top 1: \([^,]*\), top 5: \(.*\)/\1 \2/p' | tail -n 1 | sed "s/^/$seed $loss $list /"
        done
    done
done >"$dir/results.txt"

awk -v losses="$losses" '
    { top1[$2, $3] += $4; top5[$2, $3] += $5; squares[$2, $3] += $5 * $5; n[$2, $3]++ }
    END {
        print "| loss | top-1 | top-5 | top-5, 32 commonest | 31 between | 32 rarest |"
        print "|---|--:|--:|--:|--:|--:|"
        split("softmax plain margins alpha5 alpha5_margins weights both softmax_hardest hardest", known, " ")
        split("`[softmax]`|`k=5`|`k=5`, `class_margins=auto`|`k=5`, `alpha=5`|" \
              "`k=5`, `alpha=5`, `class_margins=auto`|`k=5`, `class_weights=auto`|both|" \
              "softmax, `hardest=0.3`|`k=5`, `hardest=0.3`", names, "|")
        for (i in known) name[known[i]] = names[i]
        count = split(losses, wanted, " ")
        for (i = 1; i <= count; ++i) {
            loss = wanted[i]
            printf "| %s | %.1f | %s | %s | %s | %s |\n", name[loss], 100 * top1[loss, "train"] / n[loss, "train"],
                cell(loss, "train"), cell(loss, "common"), cell(loss, "middle"), cell(loss, "rare")
        }
    }
    function cell(loss, list, m, mean, variance) {
        m = n[loss, list]
        mean = top5[loss, list] / m
        variance = m > 1 ? (squares[loss, list] - m * mean * mean) / (m - 1) : 0
        return sprintf("%.1f ± %.1f", 100 * mean, 100 * sqrt(variance > 0 ? variance : 0))
    }' "$dir/results.txt"
