#!/bin/sh
# The demo: what make_glyphs draws, what it refuses, and a short run of tools/demo.sh to its table.
. tests/tap.sh
make_glyphs=${MAKE_GLYPHS:-$PWD/build/make_glyphs}
letters=$PWD/build/upstream/data/labels

# glyphs NAME OPTION...: a small data set, made from within $scratch so that its paths are relative.
glyphs() {
    directory=$1
    shift
    (cd "$scratch" && "$make_glyphs" "$letters" "$directory" -train 8 -valid 2 -size 16 "$@")
}

# The images alone, named by what they show and not by their labels.
pictures() {
    (cd "$scratch/$1" && cksum "$2"/*.png | sed 's/ [^ ]*_is_/ /' | sort -k 3)
}

changed() { awk '$2 != $3 { n++ } END { print n + 0 }' "$scratch/$1/truth.txt"; }

for set in "a -seed 3" "again -seed 3" "other -seed 4" "noisy -seed 3 -noise 0.5" "noisier -seed 3 -noise 1" \
    "half -seed 3 -noise 1 -fraction 0.5" "pairs -seed 3 -noise 1 -k 2"; do
    set -- $set
    glyphs "$@" || echo "# make_glyphs $* failed"
done
glyphs "with space" -seed 3

# The lists begin with the directory's name; all else must be the same.
same_seed() {
    (cd "$scratch" && for list in train valid truth; do sed "s#^$1/#a/#" "$1/$list.txt" >list &&
        mv list "$1/$list.txt"; done && diff -r a "$1" && [ -d a/train ])
}
check "the same seed gives the same bytes" same_seed again
check "and so it does in a directory with a space" same_seed "with space"

other_seed() {
    [ "$(pictures a train)" != "$(pictures other train)" ] && [ "$(pictures a valid)" != "$(pictures other valid)" ]
}
check "another seed gives other images" other_seed

counts() {
    [ "$(wc -l <"$scratch/a/train.txt")" -eq 760 ] && [ "$(wc -l <"$scratch/a/valid.txt")" -eq 190 ] &&
        [ "$(wc -l <"$scratch/half/train.txt")" -eq 380 ] && [ "$(wc -l <"$scratch/a/labels.txt")" -eq 95 ] &&
        [ "$(wc -l <"$scratch/a/names.txt")" -eq 95 ] &&
            (cd "$scratch" && cat a/train.txt a/valid.txt | xargs ls >/dev/null)
}
check "as many files as asked for, and all there" counts

no_two_alike() { [ "$(cat "$scratch"/a/*/*.png | wc -c)" -gt 0 ] &&
    [ -z "$(cksum "$scratch"/a/*/*.png | cut -d' ' -f1,2 | sort | uniq -d)" ]; }
check "no two images are the same" no_two_alike

# Darknet's rule: the classes whose label is part of the path. truth.txt must say the same.
one_label() {
    for set in a noisy pairs; do
        awk 'FILENAME ~ /labels/ { label[n++] = $0; next }
             FILENAME ~ /truth/ { said[$1] = $2; next }
             { found = 0
               for (i = 0; i < n; ++i) if (index($0, label[i])) { ++found; class = i }
               if (found != 1) { print found " labels: " $0; exit bad = 1 }
               if (($0 in said) && said[$0] != class) { print "truth.txt disagrees: " $0; exit bad = 1 }
               if (FILENAME ~ /valid/ && $0 !~ sprintf("_is_%03d_", class + 32)) {
                   print "spoiled: " $0; exit bad = 1 } }
             END { if (bad || FNR == 0) exit 1 }' \
            "$scratch/$set/labels.txt" "$scratch/$set/truth.txt" "$scratch/$set/train.txt" "$scratch/$set/valid.txt" ||
                return 1
    done
}
check "every path contains exactly one class's label, the one in truth.txt" one_label

clean() { [ "$(changed a)" -eq 0 ]; }
check "without noise every label is true" clean

# 760 labels: the share that changes is p (1 - 1/k) give or take four standard deviations.
share() {
    awk -v n="$(changed "$1")" -v p="$2" \
        'BEGIN { d = n / 760 - p; print n / 760, "for", p; exit d * d > 16 * p * (1 - p) / 760 }'
}
check "noise 0.5 changes near 0.4 of the labels" share noisy 0.4
check "noise 1 changes near 0.8 of the labels" share noisier 0.8
check "noise 1 in groups of 2 changes near 0.5 of the labels" share pairs 0.5

in_groups() {
    awk -v k="$2" 'int($2 / k) != int($3 / k) { print; exit bad = 1 } { seen[$2 % k] = 1 }
        END { for (i = 0; i < k; ++i) if (!(i in seen)) bad = 1; exit bad }' "$scratch/$1/truth.txt"
}
check "labels stay within their group of 5" in_groups noisier 5
check "labels stay within their group of 2" in_groups pairs 2

same_pictures() { [ -n "$(pictures a train)" ] && [ "$(pictures a train)" = "$(pictures noisier train)" ]; }
check "noise leaves the images as they are" same_pictures

nested() {
    awk 'FNR == 1 { f++ } { sub(/^[^\/]*/, "", $1); sub(/glyph_[0-9]*_/, "", $1) }
         f == 1 { if ($2 != $3) spoiled[$1] = $2; next }
         $1 in spoiled && spoiled[$1] != $2 { print; bad = 1 } END { exit bad }' \
        "$scratch/noisy/truth.txt" "$scratch/noisier/truth.txt"
}
check "labels spoiled at noise 0.5 are spoiled alike at 1" nested

part() {
    pictures half train >"$scratch/half.part" && pictures noisier train >"$scratch/whole" &&
        [ -z "$(grep -vxFf "$scratch/whole" "$scratch/half.part")" ]
}
check "half of the training set is a part of the whole" part

same_validation() {
    for set in noisy noisier half; do
        (cd "$scratch" && diff -r a/valid $set/valid && sed "s#^$set/#a/#" $set/valid.txt | diff a/valid.txt -) ||
            return 1
    done
}
check "the validation set is the same whatever noise and fraction" same_validation

# Several characters an image, as many labels as are different.
glyphs many -seed 3 -several 3
several() {
    file "$scratch/many/train/glyph_065_is_065_0000.png" 2>/dev/null | grep -v '48 x 16' | grep PNG && return 1
    [ ! -e "$scratch/many/truth.txt" ] && awk -F '\t' -v dir="$scratch/" '
        FILENAME ~ /labels/ { known[$0] = 1; next }
        { n = split($2, label, ","); ++count[n]; delete seen
          if (index($1, label[1]) == 0) { print "not first: " $0; exit bad = 1 }
          for (i = 1; i <= n; ++i) { if (!(label[i] in known) || (label[i] in seen)) { print; exit bad = 1 }
              seen[label[i]] = 1 } }
        END { print count[1], count[2], count[3]
              if (bad || count[1] < 200 || count[2] < 200 || count[3] < 200) exit 1
              if (count[1] + count[2] + count[3] != 950) exit 1 }' \
        "$scratch/many/labels.txt" "$scratch/many/train.txt" "$scratch/many/valid.txt"
}
check "with -several 3 an image has one to three labels, listed behind a TAB" several

# refused TEXT ARGUMENT...: exit code 1 and a message with TEXT in it.
refused() {
    text=$1
    shift
    "$make_glyphs" "$@" 2>"$scratch/message" >/dev/null
    code=$?
    cat "$scratch/message"
    [ $code -eq 1 ] && grep -qF -- "$text" "$scratch/message"
}
out=$scratch/refused
check "no arguments: usage" refused usage
check "noise above 1 is refused" refused "-noise 1.5: must be a number from 0 to 1" "$letters" "$out" -noise 1.5
check "noise nan is refused" refused "-noise nan: must be" "$letters" "$out" -noise nan
check "a negative noise is refused" refused "-noise -0.1: must be" "$letters" "$out" -noise -0.1
check "k 0 is refused" refused "-k 0: must be a whole number from 1 to 95" "$letters" "$out" -k 0
check "half an image is refused" refused "-train 1.5: must be a whole number" "$letters" "$out" -train 1.5
check "fraction 0 is refused" refused "-fraction 0: must be greater than 0" "$letters" "$out" -fraction 0
check "seed 2^32 is refused" refused "-seed 4294967296: must be" "$letters" "$out" -seed 4294967296
check "several characters with label noise are refused" refused "-several is for labels without -noise" "$letters" \
    "$out" -several 2 -noise 0.1
check "an unknown option is refused" refused "-nois: no such option" "$letters" "$out" -nois 0.1
check "a missing value is refused" refused "-noise: needs a value" "$letters" "$out" -noise
check "a directory without characters is refused" refused "data/labels" "$scratch" "$out"
check "a directory that contains a label is refused" refused "glyph_065_" "$letters" "$scratch/glyph_065_x"
check "an existing data set is refused" refused "remove the old data set" "$letters" "$scratch/a"
nothing_made() { [ ! -e "$out" ]; }
check "and nothing was made" nothing_made
full() {
    mkdir "$scratch/full" && ln -s /dev/full "$scratch/full/truth.txt" &&
        refused "truth.txt: cannot be written: No space" "$letters" "$scratch/full" -train 1 -valid 1
}
check "a full disk is reported" full

# --- The demo itself, cut short
short_demo() { NOISE=0.2 SEED=5 BATCHES=12 tools/demo.sh "$scratch/demo"; }
check "a short demo runs" short_demo
cp "$scratch/output" "$scratch/demo.out"
table() {
    cat "$scratch/demo.out"
    for loss in softmax smooth_topk; do
        grep -Eq "^$loss +0\.2 +[0-9]+\.[0-9]{2} +[0-9]+\.[0-9]{2} +[0-9]+\.[0-9]{2} +[0-9]+$" "$scratch/demo.out" ||
            return 1
    done
    grep -Eq '^top-5: s[a-z_]+ is ahead of s[a-z_]+ by [0-9.]+ points, 95 % interval ' \
        "$scratch/demo.out" &&
            grep -Eq '^guesses for 90 %: smooth_topk - softmax = [-+][0-9.]+, 95 %' "$scratch/demo.out"
}
check "its table has both losses" table
trained() {
    for loss in softmax smooth_topk; do
        grep -q '^12, .* 768 images' "$scratch/demo/$loss.train.log" || return 1
        grep -q 'Too many or too few labels' "$scratch/demo/$loss.train.log" && return 1
    done
    [ "$(ls "$scratch/demo/weights" | grep -v backup)" = "glyphs_smooth_topk.weights
glyphs_smooth_topk_best.weights
glyphs_softmax.weights
glyphs_softmax_best.weights" ]
}
check "both trained for 12 batches, and the last and the best weights are kept" trained
ending() {
    grep -q 'units of their own' "$scratch/demo.out" && grep -q 'make compare DATA=photos' "$scratch/demo.out" &&
        grep -q "^Chart of both trainings: " "$scratch/demo.out" && [ -s "$scratch/demo/chart.svg" ]
}
check "it ends with a chart, what the losses are and what to do next" ending
bad_demo() {
    ! "$@" tools/demo.sh "$scratch/demo2" 2>"$scratch/message" || return 1
    cat "$scratch/message"
    grep -q "$expected" "$scratch/message"
}
expected='-noise 2: must be a number' && check "a bad NOISE is refused" bad_demo env NOISE=2
expected='-seed x: must be a whole number' && check "a bad SEED is refused" bad_demo env SEED=x
expected='BATCHES=0: must be a whole number' && check "a bad BATCHES is refused" bad_demo env BATCHES=0

left_alone() { # what is in a directory of somebody else
    mkdir -p "$scratch/theirs/data" "$scratch/theirs/weights" && echo theirs >"$scratch/theirs/data/x" || return 1
    for script in demo.sh demo_disturbances.sh demo_oneclass.sh imbalance.sh; do
        ! timeout 60 env BATCHES=1 "tools/$script" "$scratch/theirs" >"$scratch/message" 2>&1 || return 1
        grep "theirs: holds files that are not of an earlier call and would be replaced; name another" \
            "$scratch/message" || { cat "$scratch/message"; return 1; }
        [ "$(cat "$scratch/theirs/data/x")" = theirs ] || return 1
    done
}
check "the files of a directory that no demo made are left alone" left_alone

# A repository with an option out of range, at a path with a space.
root="$scratch/a root"
mkdir "$root" && cp -R cfg tools "$root" && ln -s "$PWD/build" "$root/build"
sed -i 's/^k=5$/k=500/' "$root/cfg/glyphs_smooth_topk.cfg"
failing() {
    (cd "$root" && tools/demo.sh demo3) 2>"$scratch/message"
    code=$?
    cat "$scratch/message"
    [ $code -eq 1 ] && grep -q 'k=500: out of range' "$scratch/message" &&
        grep -q 'darknet failed (train with \[smooth_topk\]); the above is the end of demo3/smooth_topk.train.log' \
            "$scratch/message"
}
check "where darknet fails, the demo shows why and fails too" failing
none_left() { # the children are killed, not waited for
    for try in $(seq 20); do
        for process in /proc/[0-9]*; do
            [ "$(readlink "$process/cwd")" != "$root" ] || echo "$process"
        done >"$scratch/left"
        [ -s "$scratch/left" ] || return 0
        sleep 0.1
    done
    cat "$scratch/left"
    return 1
}
check "and it leaves no training behind" none_left
finish
