#!/bin/sh
# The networks in cfg/: the members of a pair differ in the last section only, and Darknet builds each of them.
. tests/tap.sh

# The file up to its last section; that section.
body() { awk '/^\[/ { printf "%s", rest; rest = "" } { rest = rest $0 "\n" }' "$1"; }
last_section() { awk '/^\[/ { rest = "" } { rest = rest $0 "\n" } END { printf "%s", rest }' "$1"; }

# The paper's rate and decay for ImageNet are not the same for both losses.
same_body() {
    own=none
    [ "$base" = cfg/imagenet_paper ] && own='^learning_rate=|^decay='
    body "$1" | grep -Ev "$own" >"$scratch/softmax" && body "$2" | grep -Ev "$own" >"$scratch/smooth_topk" &&
        diff "$scratch/softmax" "$scratch/smooth_topk" &&
        [ "$(wc -l <"$scratch/softmax")" -gt 30 ]
}

last_sections() {
    options=$(last_section "$2" | sed 's/=.*//' | tr '\n' ' ')
    [ "$(last_section "$1")" = "[softmax]" ] &&
        [ "$(echo $options | sed 's/ scale$//')" = "[smooth_topk] k tau alpha" ]
}

# Built, with an output for every class of the data file, and every option known; stopped by the missing labels.
# One image a batch: the ImageNet network would else ask for gigabytes.
builds() {
    sed 's/^batch=.*/batch=1/; s/^subdivisions=.*/subdivisions=1/' "$1" >"$scratch/one.cfg"
    sed "s#^labels=.*#labels=$scratch/no_labels#; s#^backup=.*#backup=$scratch#" "$2" >"$scratch/one.data"
    classes=$(sed -n 's/^classes=//p' "$2")
    "$darknet" classifier train "$scratch/one.data" "$scratch/one.cfg" >"$scratch/log" 2>&1
    cat "$scratch/log"
    grep -q "Couldn't open file: $scratch/no_labels" "$scratch/log" &&
        ! grep -q '^Unused field' "$scratch/log" &&
        grep -Eq "^ +[0-9]+ $3 .* $classes( classes)?$" "$scratch/log"
}

for softmax in cfg/*_softmax.cfg; do
    base=${softmax%_softmax.cfg}
    data=$base.data
    [ -f "$data" ] || data=${base%_*}.data # cfg/cifar100.data is for two pairs
    check "$base: the pair differs in the last section only" same_body "$softmax" "${base}_smooth_topk.cfg"
    check "$base: the last sections are [softmax] and [smooth_topk] with its options" \
        last_sections "$softmax" "${base}_smooth_topk.cfg"
    for loss in softmax smooth_topk; do
        check "${base}_$loss.cfg builds, one output a class of $data" builds "${base}_$loss.cfg" "$data" "$loss"
    done
done
check "every file in cfg/ belongs to a pair" sh -c '
    for file in cfg/*; do
        base=${file%.data} base=${base%_softmax.cfg} base=${base%_smooth_topk.cfg}
        [ -f "${base}_softmax.cfg" ] && [ -f "${base}_smooth_topk.cfg" ] || { echo "$file"; exit 1; }
    done'
finish
