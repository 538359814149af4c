#!/bin/sh
# Every bad option of a [smooth_topk] section ends the program with exit code 1 and a message that names
# section, option, value and range; good ones show in the network table.
. tests/tap.sh
images 1

# refused NAME OPTIONS WORDS...: the section with OPTIONS is refused with a message that has each WORD.
refused() {
    name=$1 options=$2
    shift 2
    network "$scratch/bad.cfg" "[smooth_topk]
$options" 1
    check "refused: $name" refused_with "$@"
}
refused_with() {
    "$darknet" classifier train "$scratch/x.data" "$scratch/bad.cfg" >"$scratch/said" 2>&1
    code=$?
    cat "$scratch/said"
    [ $code -eq 1 ] || { echo "exit code $code"; return 1; }
    for word in 'bad.cfg, line ' '[smooth_topk]' "$@"; do
        grep -qF -- "$word" "$scratch/said" || { echo "does not say: $word"; return 1; }
    done
}
refused 'k is no number' 'k=five' 'k=five' '1 <= k < 6'
refused 'k is not whole' 'k=2.5' 'k=2.5' 'whole number'
refused 'k has a tail' 'k=3x' 'k=3x' '1 <= k < 6'
refused 'k is 0' 'k=0' 'k=0' '1 <= k < 6'
refused 'k is negative' 'k=-1' 'k=-1' '1 <= k < 6'
refused 'k is the number of classes' 'k=6' 'k=6' '1 <= k < 6'
refused 'k is beyond an int' 'k=99999999999' 'k=99999999999' '1 <= k < 6'
refused 'k is beyond a double' "k=1$(printf '%0400d' 0)" 'k=1' '1 <= k < 6'
refused 'k has no value' 'k=' 'k=' '1 <= k < 6'
refused 'k has no equals sign' 'k' 'k=' '1 <= k < 6'
refused 'tau has no value' 'tau=' 'tau=' 'tau >= 0'
refused 'tau is negative' 'tau=-0.1' 'tau=-0.1' 'tau >= 0'
refused 'tau is nan' 'tau=nan' 'tau=nan' 'tau >= 0'
refused 'tau is inf' 'tau=inf' 'tau=inf' 'tau >= 0'
refused 'tau is beyond a float' 'tau=1e39' 'tau=1e39' 'tau >= 0'
refused 'tau is beyond a double' 'tau=1e999' 'tau=1e999' 'tau >= 0'
refused 'tau is hexadecimal' 'tau=0x1' 'tau=0x1' 'tau >= 0'
refused 'alpha is text' 'alpha=one' 'alpha=one' 'alpha >= 0'
refused 'alpha is negative' 'alpha=-1' 'alpha=-1' 'alpha >= 0'
refused 'scale is 0' 'scale=0' 'scale=0' 'scale > 0'
refused 'scale is negative' 'scale=-2' 'scale=-2' 'scale > 0'
refused 'scale is text' 'scale=k' 'scale=k' 'scale > 0'
refused 'temperature is 0' 'temperature=0' 'temperature=0' 'temperature > 0'
refused 'algorithm is unknown' 'algorithm=fast' 'algorithm=fast' 'pivot or log'
refused 'algorithm has no value' 'algorithm=' 'algorithm=' 'pivot or log'
refused 'a misspelt option' 'tua=2' 'tua=2: no such option' 'k, weights, tau, alpha'
refused 'output is unknown' 'output=top' 'output=top' 'softmax or membership'
refused 'an unknown option' 'kk=5' 'kk=5' 'no such option' 'temperature'
refused "an option of softmax's" 'groups=2' 'groups=2' 'no such option'
refused 'an option given twice' 'k=2
k=3' 'k' 'twice'

network "$scratch/one.cfg" '[connected]
output=1
activation=linear
[smooth_topk]' 1
one_class() {
    "$darknet" classifier train "$scratch/x.data" "$scratch/one.cfg" 2>&1 | tee "$scratch/said"
    grep -q 'classes=1: the layer below must give at least 2' "$scratch/said"
}
check 'refused: a single class' one_class

refused 'an empty k in a list' 'k=1,,3' 'k=1,,3' '1 <= k < 6'
refused 'a list of k that ends in a comma' 'k=1,' 'k=1,' '1 <= k < 6'
refused 'one k of a list out of range' 'k=1,6' 'k=6' '1 <= k < 6'
refused 'the same k twice' 'k=1,5,1' 'k=1' 'twice'
refused 'weights for more k than there are' 'k=1,5
weights=0.2,0.3,0.5' 'weights=0.2,0.3,0.5' '3 numbers for 2 k' '> 0'
refused 'one weight for two k' 'k=1,5
weights=0.2' 'weights=0.2' '1 numbers for 2 k'
refused 'a weight of 0' 'k=1,5
weights=0,1' 'weights=0,1' '> 0'
refused 'a negative weight' 'k=1,5
weights=1,-1' 'weights=1,-1' '> 0'
refused 'a weight that is no number' 'k=1,5
weights=1,x' 'weights=1,x' '> 0'
refused 'weights too far apart for a float' 'k=1,5
weights=1e-30,1e30' 'weights=1e-30,1e30' '> 0'
refused 'tau for more k than there are' 'k=1,2,5
tau=1,2' 'tau=1,2' '2 numbers for 3 k' 'tau >= 0'
refused 'one tau of a list out of range' 'k=1,5
tau=1,-2' 'tau=-2' 'tau >= 0'
refused 'a list of alpha for one k' 'k=3
alpha=1,2' 'alpha=1,2' '2 numbers for 1 k' 'alpha >= 0'
refused 'one scale of a list out of range' 'k=1,5
scale=1,0' 'scale=0' 'scale > 0'
refused 'a list of temperatures' 'k=1,5
temperature=1,2' 'temperature=1,2' 'temperature > 0'

refused 'label smoothing of 1' 'label_smooth_eps=1' 'label_smooth_eps=1' '0 <= label_smooth_eps < 1'
refused 'negative label smoothing' 'label_smooth_eps=-0.1' 'label_smooth_eps=-0.1' '0 <= label_smooth_eps < 1'
refused 'label smoothing that is no number' 'label_smooth_eps=some' 'label_smooth_eps=some' '0 <= label_smooth_eps < 1'
printf '1\n2\n3\n' >"$scratch/three"
printf '1\n2\n3\n4\n5\n-6\n' >"$scratch/negative"
printf '1\n2\n3\n4\n5\nsix\n' >"$scratch/text"
for option in class_margins class_weights; do
    refused "$option of a file that is not there" "$option=$scratch/none" "$option=$scratch/none" 'cannot be read' \
        'auto, or a file'
    refused "$option without a value" "$option=" "$option=" 'auto, or a file'
    refused "$option of too few lines" "$option=$scratch/three" "$option=$scratch/three" '3 lines for 6 classes'
    refused "$option with a negative number" "$option=$scratch/negative" 'line 6 is -6' '>= 0'
    refused "$option with text" "$option=$scratch/text" 'line 6 is six' '>= 0'
done
printf '\357\273\277 1\r\n0.5\r\n\r\n2\r\n3\r\n4\r\n5\r\n' >"$scratch/six"
refused 'alpha beside a file of margins' "class_margins=$scratch/six
alpha=2" 'alpha=2' 'class_margins='

# The banner in the network table.
banner() {
    network "$scratch/good.cfg" "[smooth_topk]
$1" 1
    "$darknet" classifier train "$scratch/x.data" "$scratch/good.cfg" 2>&1 | tee "$scratch/said"
    shift
    for word in "$@"; do grep 'smooth_topk' "$scratch/said" | grep -qF "$word" || return 1; done
}
check 'the defaults' banner '' 'k = 5' 'tau = 1 ' 'alpha = 1 ' 'scale = 5' 'pivot' '6 classes'
check 'all options given' banner 'k = 2
tau = 0.25
alpha = 0
scale = 1.5
algorithm = log
temperature = 2
# a comment' 'k = 2' 'tau = 0.25' 'alpha = 0' 'scale = 1.5' 'log' '6 classes'
check 'the default scale is k' banner 'k=3' 'k = 3' 'scale = 3'
check 'tau = 0, the hard hinge' banner 'tau=0' 'tau = 0 '
check 'several k' banner 'k = 1, 5' 'k = 1,5' 'weights = 0.5,0.5' 'tau = 1 ' 'alpha = 1 ' 'scale = 1,5' '6 classes'
check 'several k, all lists given' banner 'k=5,1,2
weights=2,1,1
tau=1,0.5,2
alpha=1,0,0.5
scale=1,2,3' 'k = 5,1,2' 'weights = 0.5,0.25,0.25' 'tau = 1,0.5,2' 'alpha = 1,0,0.5' 'scale = 1,2,3'
check 'label smoothing' banner 'label_smooth_eps=0.1' 'label_smooth_eps = 0.1'
check 'what slow label smoothing costs' banner 'label_smooth_eps=0.1
algorithm=log' 'label_smooth_eps = 0.1' 'one evaluation a class'
check 'class margins and weights from files' banner "class_margins=$scratch/six
class_weights=$scratch/six" 'class_margins ' 'class_weights '
check 'class margins and weights from counts' banner 'class_margins=auto
class_weights=auto' 'class_margins = auto' 'class_weights = auto'
counted() { # classes of 1 to 6 images
    : >"$scratch/tail.txt"
    for code in 65 66 67 68 69 70; do
        seq $((code - 64)) | while read -r number; do ls "$scratch"/data/char_${code}_0.png; done >>"$scratch/tail.txt"
    done
    sed "s,^train=.*,train=$scratch/tail.txt," "$scratch/x.data" >"$scratch/tail.data"
    network "$scratch/auto.cfg" '[smooth_topk]
k=2
class_margins=auto
class_weights=auto
label_smooth_eps=0.1' 5
    "$darknet" classifier train "$scratch/tail.data" "$scratch/auto.cfg" 2>&1 | tee "$scratch/said"
    grep -q 'tail.txt: 1 to 6 images a class' "$scratch/said" && [ -s "$scratch/backup/auto.weights" ] &&
        "$darknet" classifier valid "$scratch/x.data" "$scratch/auto.cfg" "$scratch/backup/auto.weights"
}
large_list() { # counted with a line on the way
    ls "$scratch"/data/*.png |
        awk '{ path[NR] = $0 } END { for (i = 0; i < 100001; ++i) print path[i % NR + 1] }' >"$scratch/large.txt"
    sed "s,^train=.*,train=$scratch/large.txt," "$scratch/x.data" >"$scratch/large.data"
    "$darknet" classifier train "$scratch/large.data" "$scratch/auto.cfg" -clear >"$scratch/said" 2>&1
    grep 'counting the classes' "$scratch/said"
    grep -q 'counting the classes of .*large.txt: 100000 of 100001 images' "$scratch/said" &&
        grep -q 'large.txt: [0-9]* to [0-9]* images a class' "$scratch/said"
}
without_labels() { # tag=1: rows of truth from files
    { cat "$scratch/x.data" && echo 'tag=1'; } >"$scratch/tag.data"
    "$darknet" classifier train "$scratch/tag.data" "$scratch/auto.cfg" 2>&1 | tee "$scratch/said"
    grep -q 'class_margins=auto and class_weights=auto need labels to count' "$scratch/said"
}
check 'classes are counted for training, and need not be to validate' counted
check 'a long list is counted with a line on the way' large_list
check 'nothing to count without labels' without_labels
check "options of Darknet's own in every section" banner 'dontsave=1
learning_rate=1' 'k = 5'
# It alone teaches the network, and is its last section: the message names the lines to delete.
refused_section() { # NAME SECTIONS WORDS...
    name=$1
    network "$scratch/bad.cfg" "$2" 1
    shift 2
    check "refused: $name" refused_with "$@"
}
refused_section '[cost] below' '[smooth_topk]
k=2
[cost]
type=sse' 'line 28: [cost]' 'second loss' 'of line 26' 'delete the section of line 28'
for loss in softmax soft logistic cost; do
    refused_section "[$loss] above" "[$loss]
[smooth_topk]
k=2" "line 26: [$loss]" 'second loss' 'delete the section of line 26'
done
refused_section 'a second [smooth_topk]' '[smooth_topk]
k=2
[smooth_topk]
k=2' 'line 28: [smooth_topk]' 'second loss'
refused_section 'a layer below' '[smooth_topk]
k=2
[connected]
output=6' 'line 26: [smooth_topk] must be the last section' '[connected] of line 28'
refused_section 'a learning rate that is none' '[smooth_topk]
k=2
learning_rate=fast' 'learning_rate=fast' 'must be a finite number, 0 or more'
# output=membership: as many in all as k, that of the largest; softmax's order; other than softmax.
outputs() {
    for options in k=2 'k=1,4' 'k=1,4
temperature=0.5'; do
        network "$scratch/member.cfg" "[smooth_topk]
$options
output=membership" 1
        sed '/^output=membership/d' "$scratch/member.cfg" >"$scratch/soft.cfg"
        "$darknet" partial "$scratch/soft.cfg" '' "$scratch/any.weights" 99 >/dev/null 2>&1
        for output in soft member; do
            "$darknet" classifier predict "$scratch/x.data" "$scratch/$output.cfg" "$scratch/any.weights" \
                -list "$scratch/train.txt" -csv -t 6 >"$scratch/$output.csv" 2>/dev/null || return 1
        done
        k=$(echo "$options" | sed -n '1s/.*[=,]//p')
        awk -F, -v k="$k" '{ sum = 0; for (i = 4; i <= NF; i += 2) sum += $i }
            sum < k - 1e-4 || sum > k + 1e-4 || $4 > 1.00001 { print; bad = 1 }
            END { exit bad || NR != 6 }' "$scratch/member.csv" || return 1
        for output in soft member; do cut -d, -f 3,5,7,9,11,13 "$scratch/$output.csv" >"$scratch/$output.order"; done
        cmp "$scratch/soft.order" "$scratch/member.order" && ! cmp -s "$scratch/soft.csv" "$scratch/member.csv" ||
            return 1
    done
}
check 'output=membership sums to the largest k, in the order of the softmax' outputs
finish
