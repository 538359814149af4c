#!/bin/sh
# [topk_loss] and hardest=: networks that learn by each of them, what equals softmax, what is refused.
. tests/tap.sh
images 4

# train FILE SECTION: the running means of the loss of a run of 200 batches.
train() {
    network "$scratch/$1.cfg" "$2" 200
    sed -i 's/^\[avgpool\]$/[connected]\noutput=6\nactivation=linear/; s/^filters=6$/filters=12/
        s/^max_crop=18/max_crop=16/; s/^learning_rate=.*/learning_rate=0.002/' "$scratch/$1.cfg"
    "$darknet" classifier train "$scratch/x.data" "$scratch/$1.cfg" -seed 1 -log "$scratch/$1.csv" -topk 2 -every 50 \
        >"$scratch/$1.out" 2>&1 || { tail -n 5 "$scratch/$1.out"; return 1; }
    sed -n 's/^[0-9]*, [0-9.]*: \([^,]*\), .*/\1/p' "$scratch/$1.out" >"$scratch/$1.losses"
}
learns() { # better than chance (top 2 of 6: 1 in 3), by a loss that falls
    train "$1" "$2" || return 1
    cat "$scratch/$1.csv"
    [ "$(wc -l <"$scratch/$1.losses")" -eq 200 ] && tail -n 1 "$scratch/$1.csv" | awk -F, '{ exit !($6 > 0.7) }' &&
        awk '{ loss[NR] = $1 }
            END { for (i = 1; i <= 10; ++i) { a += loss[i]; b += loss[NR - i + 1] }
                  exit !(b < 0.9 * a) }' "$scratch/$1.losses"
}
for type in entropy truncated_entropy hinge_alpha hinge_beta calibrated_hinge lml lapsum; do
    check "a network learns by $type" learns "$type" "[topk_loss]
type=$type
k=2"
done
for type in l2svm gce multilabel_hinge multilabel_entropy; do
    check "a network learns by $type" learns "$type" "[topk_loss]
type=$type"
done
check 'a network learns by the hardest samples, [topk_loss]' learns hardest_entropy '[topk_loss]
k=2
hardest=3'
check 'a network learns by the hardest samples, [smooth_topk]' learns hardest_smooth '[smooth_topk]
k=2
hardest=3'
for section in topk_loss smooth_topk; do
    check "a network learns by the hardest fraction of all samples, [$section]" learns "fraction_${section%%_*}" \
        "[$section]
k=2
hardest=0.3"
done
again() { # from the weights of batch 100 on, and said so
    network "$scratch/go.cfg" '[smooth_topk]
k=2
hardest=0.3' 5
    "$darknet" classifier train "$scratch/x.data" "$scratch/go.cfg" -seed 1 >"$scratch/go.out" 2>&1 || return 1
    ! grep -q 'starts again' "$scratch/go.out" && sed -i 's/^max_batches=.*/max_batches=10/' "$scratch/go.cfg" &&
        "$darknet" classifier train "$scratch/x.data" "$scratch/go.cfg" "$scratch/backup/go.weights" \
            -seed 1 >"$scratch/go.out" 2>&1
    code=$?
    grep -F hardest "$scratch/go.out"
    [ $code -eq 0 ] && grep -q 'hardest=0.3: the threshold of the losses starts again' "$scratch/go.out"
}
check 'a resumed run says that its threshold starts again' again

alike() { # the losses of two runs, batch by batch
    paste "$scratch/$1.losses" "$scratch/$2.losses" |
        awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 2e-4 * (1 + $1)) { print NR, $0; exit 1 } }
            END { exit NR < 200 }'
}
train softmax '[softmax]' && train k1 '[topk_loss]
k=1' && train truncated '[topk_loss]
type=truncated_entropy
k=1'
check 'entropy with k=1 trains as softmax' alike softmax k1
check 'truncated_entropy with k=1 trains as softmax' alike softmax truncated
check 'multilabel_entropy trains as softmax' alike softmax multilabel_entropy
# With several labels, and none: softmax leaves an image of no class out of its loss too.
sed 's#.*\(char_[0-9]*_\).*#&\t\1#; 1~4s#\t.*#\t#; 2~4s#$#,char_70_#; s#char_70_,char_70_$#char_70_,char_65_#' \
    "$scratch/train.txt" >"$scratch/several.txt"
sed -i "s#^train=.*#train=$scratch/several.txt#; s#^valid=.*#valid=$scratch/several.txt#" "$scratch/x.data"
train several_softmax '[softmax]' && train several_entropy '[topk_loss]
type=multilabel_entropy'
check 'multilabel_entropy trains as softmax with several labels and none' python3 tests/compare_weights.py \
    "$scratch/backup/several_softmax.weights" "$scratch/backup/several_entropy.weights" 1e-3
train all '[topk_loss]
k=2
hardest=6' && train plain '[topk_loss]
k=2'
check 'hardest= all samples of a subdivision is no hardest=' cmp "$scratch/all.losses" "$scratch/plain.losses"
differs() { ! cmp -s "$scratch/hardest_entropy.losses" "$scratch/plain.losses"; }
check 'and fewer is another loss' differs
banner() {
    grep -E '^ +3 topk_loss' "$scratch/lml.out" "$scratch/hardest_entropy.out"
    grep -q 'pivot  hardest = 0.3 of all' "$scratch/fraction_smooth.out" || return 1
    grep -q 'topk_loss    lml  k = 2  tau = 1  scale = 1     6 classes' "$scratch/lml.out" &&
        grep -q 'entropy  k = 2  scale = 1  hardest = 3' "$scratch/hardest_entropy.out"
}
check 'the banner says which' banner
predicts() { "$darknet" classifier predict "$scratch/x.data" "$scratch/entropy.cfg" "$scratch/backup/entropy.weights" \
    "$(head -n 1 "$scratch/train.txt")" 2>/dev/null | awk '/%/ { n++; if ($1 + 0 > 100) exit 1 } END { exit n != 2 }'; }
check 'predict works as after [softmax]' predicts

# refused TEXT OPTION...: exit code 1 and a message with TEXT in it.
refused() {
    text=$1 section=$2
    shift 2
    network "$scratch/bad.cfg" "[$section]
$(printf '%s\n' "$@")" 5
    "$darknet" classifier train "$scratch/x.data" "$scratch/bad.cfg" >"$scratch/message" 2>&1
    code=$?
    tail -n 3 "$scratch/message"
    [ $code -eq 1 ] && grep -qF -- "[$section] $text" "$scratch/message"
}
types='entropy, truncated_entropy, hinge_alpha, hinge_beta, calibrated_hinge, lml, lapsum, l2svm, gce'
types="$types, multilabel_hinge, multilabel_entropy"
check 'refused: a type that is none' refused "type=soft: no such loss; must be one of $types" topk_loss type=soft
check 'refused: k is 0' refused 'k=0: out of range; must be a whole number, 1 <= k < 6' topk_loss k=0
check 'refused: k is all classes, by default 5 < 6 is not' refused 'k=6: out of range' topk_loss k=6
check 'refused: k is no number' refused 'k=2x: not a number' topk_loss k=2x
check 'refused: several k' refused 'k=1,2: must be one' topk_loss k=1,2
check 'refused: k of l2svm' refused 'k=2: type=l2svm has no k' topk_loss type=l2svm k=2
check 'refused: k of gce' refused 'k=2: type=gce has no k' topk_loss type=gce k=2
check 'refused: k of multilabel_hinge' refused 'k=2: type=multilabel_hinge has no k' topk_loss type=multilabel_hinge k=2
check 'refused: q of entropy' refused 'q=0.5: only type=gce has a q' topk_loss q=0.5
check 'refused: q 0' refused 'q=0: out of range; must be a number, 0 < q <= 1' topk_loss type=gce q=0
check 'refused: q 1.5' refused 'q=1.5: out of range' topk_loss type=gce q=1.5
check 'refused: hardest is a list' refused 'hardest=1,2: not a number; must be a whole number, hardest >= 1' topk_loss \
    hardest=1,2
check 'refused: tau of entropy' refused 'tau=2: only type=lml and type=lapsum have a temperature' topk_loss tau=2
check 'refused: tau 0' refused 'tau=0: out of range; must be a finite number, tau > 0' topk_loss type=lml tau=0
check 'refused: tau nan' refused 'tau=nan: not a number' topk_loss type=lml tau=nan
check 'refused: scale 0' refused 'scale=0: out of range; must be a finite number, scale > 0' topk_loss scale=0
check 'refused: temperature -1' refused 'temperature=-1: out of range' topk_loss temperature=-1
check 'refused: hardest 0' refused 'hardest=0: out of range; must be a whole number, hardest >= 1' topk_loss hardest=0
check 'refused: hardest 0 of smooth_topk' refused 'hardest=0: out of range' smooth_topk k=2 hardest=0
range='a whole number, hardest >= 1: how many samples of a batch count; or a fraction of all, 0.001 <= hardest < 1'
check 'refused: hardest 2.5' refused "hardest=2.5: out of range; must be $range" smooth_topk k=2 hardest=2.5
check 'refused: hardest 1.0' refused 'hardest=1.0: out of range' topk_loss hardest=1.0
check 'refused: hardest 0.0009' refused 'hardest=0.0009: out of range' topk_loss hardest=0.0009
check 'refused: hardest -0.3' refused 'hardest=-0.3: out of range' topk_loss hardest=-0.3
check 'refused: hardest 0.3x' refused 'hardest=0.3x: not a number' smooth_topk k=2 hardest=0.3x
check 'refused: an option it does not know' refused \
    "alpha=1: no such option; the layer's options are type, k, tau, q, scale, temperature and hardest" topk_loss alpha=1
check 'refused: an option twice' refused 'k: given twice (2 and 3)' topk_loss k=2 k=3
check 'refused: an option without a value' refused 'k=: not a number' topk_loss k=
second() {
    network "$scratch/bad.cfg" '[softmax]
[topk_loss]' 5
    "$darknet" classifier train "$scratch/x.data" "$scratch/bad.cfg" >"$scratch/message" 2>&1
    code=$?
    tail -n 2 "$scratch/message"
    [ $code -eq 1 ] && grep -q 'is a second loss beside \[topk_loss\]' "$scratch/message"
}
check 'refused: a second loss beside it' second
finish
