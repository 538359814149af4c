#!/bin/sh
# The commands of `darknet classifier` that look at images: each on a small network that was trained for a while.
. tests/tap.sh
images 2
network "$scratch/net.cfg" '[softmax]' 300
"$darknet" classifier train "$scratch/x.data" "$scratch/net.cfg" -seed 1 >/dev/null 2>&1
echo "test=$scratch/train.txt" >>"$scratch/x.data"
weights=$scratch/backup/net.weights

run() { # COMMAND ARGUMENT...: its output in $scratch/out and $scratch/err
    command=$1
    shift
    "$darknet" classifier "$command" "$scratch/x.data" "$scratch/net.cfg" "$weights" \
        "$@" >"$scratch/out" 2>"$scratch/err"
    code=$?
    tail -n 3 "$scratch/out" "$scratch/err"
    return $code
}
figures() { # COMMAND LINES: so many lines of figures between 0 and 1, top 2 not below top 1
    run "$1" -verbose || return
    [ "$(grep -c 'top 1: ' "$scratch/out")" = "$2" ] &&
        sed -n 's/.*top 1: \([0-9.]*\), top 2: \([0-9.]*\).*/\1 \2/p' "$scratch/out" |
            awk '$1 < 0 || $2 > 1 || $2 < $1 { exit 1 }'
}
for command in valid valid10 validfull validmulti; do check "$command" figures $command 12; done
check 'validcrop' figures validcrop 1

six_scores() { # a path and 6 probabilities a line
    [ "$(wc -l <"$scratch/out")" = 12 ] &&
        awk '{ sum = 0; for (i = 2; i <= NF; ++i) sum += $i } NF != 7 || sum < .999 || sum > 1.001 { exit 1 }' \
            "$scratch/out"
}
check 'test: the scores of each image' run test
check 'they are probabilities' six_scores
check 'fout: the scores of each image of a list' run fout "$scratch/train.txt"
check 'they are probabilities' six_scores
cp "$scratch/out" "$scratch/scores"
check 'label: a label an image' run label
labels() { # those of the best scores
    awk '{ best = 2; for (i = 3; i <= NF; ++i) if ($i > $best) best = i; print "char_" 63 + best "_" }' \
        "$scratch/scores" | diff - "$scratch/out"
}
check 'they are those of the best scores' labels
check 'csv: the best classes of each image' run csv
classes() {
    [ "$(wc -l <"$scratch/out")" = 12 ] && ! awk 'NF != 3 || $2 == $3 || $2 + 0 > 5' "$scratch/out" | grep .
}
check 'they are two of 0 to 5' classes

from_stdin() { # COMMAND ARGUMENT...
    sed 3q "$scratch/train.txt" >"$scratch/paths"
    "$darknet" classifier "$1" "$scratch/x.data" "$scratch/net.cfg" "$weights" <"$scratch/paths" >"$scratch/out" 2>&1
    [ "$(grep -c 'Predicted in' "$scratch/out")" = 3 ]
}
check 'predict: paths from stdin' from_stdin predict
check 'try: the output of a layer, and the best classes' run try "$scratch/data/char_66_1.png" 2
tried() { # 6 of the layer, 2 of the best
    [ "$(grep -c '^[-0-9.]*$' "$scratch/out")" = 6 ] && [ "$(grep -c '^char_' "$scratch/out")" = 2 ]
}
check 'they are as many as there are' tried

# refused TEXT COMMAND ARGUMENT...: exit code 1 and a message with TEXT in it.
refused() {
    text=$1
    shift
    run "$@" && return 1
    [ $code = 1 ] && grep -qF -- "$text" "$scratch/err"
}
check 'try: a layer that is not there' refused 'layer 9: must be from 0 to 3' try "$scratch/data/char_66_1.png" 9
check 'try: a layer that is no number' refused 'layer x: must be a whole number' try "$scratch/data/char_66_1.png" x
check 'fout: without a list' refused 'usage: darknet classifier fout' fout
check 'fout: a list that is not there' refused 'nowhere (No such file' fout nowhere
check 'an unknown command' refused 'classifier tset: no such command' tset
several_gpus() {
    ! "$darknet" classifier train "$scratch/x.data" "$scratch/net.cfg" -gpus 0,1 >"$scratch/out" 2>&1 &&
        grep -q -- '-gpus 0,1: this program is built for the CPU' "$scratch/out"
}
ldd "$darknet" | grep -q cudart || check 'several GPUs are refused on the CPU' several_gpus
# Results that cannot be written are exit code 1; what a training prints is none.
full() { # COMMAND [ARGUMENT...]
    command=$1
    shift
    "$darknet" classifier "$command" "$@" >/dev/full 2>"$scratch/err"
    code=$?
    tail -n 1 "$scratch/err"
    [ $code -eq 1 ] && grep -q '^Not all results could be written to standard output: No space left on device' \
        "$scratch/err"
}
if [ -w /dev/full ]; then
    image=$(head -n 1 "$scratch/train.txt")
    cp "$scratch/x.data" "$scratch/full.data" && echo "test=$scratch/train.txt" >>"$scratch/full.data"
    for command in valid valid10 validcrop test csv label; do
        check "$command to a full disk" full $command "$scratch/full.data" "$scratch/net.cfg" "$weights"
    done
    check 'predict to a full disk' full predict "$scratch/full.data" "$scratch/net.cfg" "$weights" "$image"
    check 'try to a full disk' full try "$scratch/full.data" "$scratch/net.cfg" "$weights" "$image" 0
    check 'fout to a full disk' full fout "$scratch/full.data" "$scratch/net.cfg" "$weights" "$scratch/train.txt"
    check 'versus to a full disk' full versus "$scratch/full.data" "$scratch/net.cfg" "$weights" "$scratch/net.cfg" \
        "$weights"
    check 'versus -json to a full disk' full versus "$scratch/full.data" "$scratch/net.cfg" "$weights" \
        "$scratch/net.cfg" "$weights" -json
    trains() { "$darknet" classifier train "$scratch/full.data" "$scratch/net.cfg" \
        -seed 1 >/dev/full 2>"$scratch/err" && ! grep 'results' "$scratch/err"; }
    check 'train, whose result is the weights' trains
fi
finish
