#!/bin/sh
# classifier calibrate and valid -sets, -report: prediction sets, the report by class, the line that valid ends in.
. tests/tap.sh
images 30
for part in 0 1 2; do awk -v part=$part 'NR % 3 == part' "$scratch/train.txt" >"$scratch/part$part.txt"; done
sed -i "s#^train=.*#train=$scratch/part0.txt#; s#^valid=.*#valid=$scratch/part1.txt#" "$scratch/x.data"
network "$scratch/a.cfg" '[smooth_topk]
k=2' 300
"$darknet" classifier train "$scratch/x.data" "$scratch/a.cfg" -seed 1 >"$scratch/train.out" 2>&1 ||
    cat "$scratch/train.out"
weights=$scratch/backup/a.weights sets=$scratch/backup/a.sets
{ cat "$scratch/x.data" && echo "calibrate=$scratch/part2.txt"; } >"$scratch/own.data"
run() { # COMMAND DATA FLAG...
    command=$1 data=$2
    shift 2
    "$darknet" classifier "$command" "$scratch/$data" "$scratch/a.cfg" "$weights" "$@" >"$scratch/out" 2>"$scratch/err"
    code=$?
    cat "$scratch/out"
    tail -n 4 "$scratch/err"
    return $code
}
# refused TEXT COMMAND DATA FLAG...
refused() {
    text=$1
    shift
    run "$@" && return 1
    [ $code -eq 1 ] && grep -qF -- "$text" "$scratch/err"
}

summary() {
    run valid x.data -verbose && [ "$(grep -c 'top 1: ' "$scratch/out")" = 60 ] || return 1
    last=$(sed -n 's/.*top 1: \([^,]*\), top 2: \(.*\)/\1 \2/p' "$scratch/out" | tail -n 1 |
        awk '{ printf "%.2f %.2f", 100 * $1, 100 * $2 }')
    run valid x.data && [ "$(wc -l <"$scratch/out")" = 1 ] &&
        [ "$(sed -n 's/^60 images: top-1 \([0-9.]*\) %, top-2 \([0-9.]*\) %.*/\1 \2/p' "$scratch/out")" = "$last" ]
}
check 'valid ends in one line; upstream'\''s lines only with -verbose' summary

half() {
    rm -f "$sets"
    run calibrate x.data -cover 0.8 &&
        grep -q "^$sets: 30 images, half of $scratch/part1.txt: score lac, threshold 0" "$scratch/out" &&
        grep -q ' for sets that hold the right class with probability 80 %$' "$scratch/out" &&
        grep -q '^temperature=.* fits the percentages best (now 2)' "$scratch/out" || return 1
    run valid x.data -sets "$sets" &&
        grep -Eq '^sets: cover 80 %, score lac, 30 images: coverage [0-9.]+ % \(95 % interval [0-9.]+ to [0-9.]+\), ' \
            "$scratch/out" && grep -Eq '\), mean size [0-9.]+, median [0-9.]+, largest [1-6]$' "$scratch/out" &&
        awk '/^sets of char_/ { sum += $4 } END { exit sum != 30 }' "$scratch/out" &&
        tail -n 2 "$scratch/out" | head -n 1 |
        grep -Eq '^percentages: calibration error [0-9.]+ %; with temperature=[0-9.]+ of .*a.sets [0-9.]+ %$'
}
check 'calibrated on half of valid=, measured on the other half' half
other_list() {
    sort -r "$scratch/part1.txt" >"$scratch/turned.txt"
    sed "s#^valid=.*#valid=$scratch/turned.txt#" "$scratch/x.data" >"$scratch/turned.data"
    run valid turned.data -sets "$sets" && grep -q '60 images: coverage' "$scratch/out" &&
        grep -q 'half of a list that valid= is not now' "$scratch/err"
}
check 'of another list all images are measured, and a line says why that may look too good' other_list
own_list() {
    for score in lac aps raps rank; do
        run calibrate own.data -cover 0.75 -score $score -each-class &&
            grep -q "60 images, $scratch/part2.txt: score $score" "$scratch/out" &&
            grep -q '^6 of 6 classes have the 3 images for a threshold of their own$' "$scratch/out" &&
            [ "$(grep -c class_threshold= "$sets")" = 6 ] &&
            run valid x.data -sets "$sets" && grep -q "score $score, 60 images" "$scratch/out" || return 1
    done
}
check 'calibrate= and every score, class by class' own_list
few_of_a_class() {
    { grep char_65_ "$scratch/part2.txt" | head -n 3 &&
        grep -v 'char_6[56]_' "$scratch/part2.txt"; } >"$scratch/few.txt"
    sed "s#^calibrate=.*#calibrate=$scratch/few.txt#" "$scratch/own.data" >"$scratch/few.data"
    run calibrate few.data -cover 0.8 -each-class &&
        grep -q '^4 of 6 classes have the 4 images .* of their own; the others have the common one$' "$scratch/out" &&
        [ "$(sed -n 's/^class_threshold=//p' "$sets" | head -n 2 | sort -u)" = "$(sed -n 's/^threshold=//p' "$sets")" ]
}
check 'a class of too few images, or none, has the common threshold' few_of_a_class
check 'too few images are refused with the number needed' \
    refused "half of $scratch/part1.txt has 30 images; -cover 0.99 needs at least 99" calibrate x.data -cover 0.99
sed "s#^valid=.*#valid=$scratch/train.txt#" "$scratch/x.data" >"$scratch/train.data"
check 'images of train= are refused' refused "of the 90 images are in train=$scratch/part0.txt too" calibrate train.data
sed 's#.*\(char_[0-9]*_\).*#&\t\1#' "$scratch/part0.txt" >"$scratch/listed0.txt" &&
    sed "s#^train=.*#train=$scratch/listed0.txt#" "$scratch/train.data" >"$scratch/listed.data"
check 'those of a train= with labels behind a TAB too' \
    refused "of the 90 images are in train=$scratch/listed0.txt too" calibrate listed.data
linked() { # another name of a file that was trained on
    mkdir -p "$scratch/links" && number=0
    while read -r path; do
        number=$((number + 1))
        ln -s "$path" "$scratch/links/${number}_${path##*/}"
    done <"$scratch/part0.txt"
    ls "$scratch"/links/* >"$scratch/links.txt"
    sed "s#^valid=.*#valid=$scratch/links.txt#" "$scratch/x.data" >"$scratch/links.data"
    refused 'of the 30 images are in train=' calibrate links.data -cover 0.8
}
check 'those too that have another path there' linked
for cover in 0 1 1.5 -1 x 0.9x nan; do
    check "-cover $cover is refused" refused "-cover $cover: must be a number from 0.001 to 0.9999" \
        calibrate x.data -cover $cover
done
check 'an unknown score is refused' refused '-score best: must be lac, aps, raps or rank' calibrate x.data -score best
check '-sets is for valid' refused '-sets: no such option' calibrate x.data -sets "$sets"
without_weights() {
    "$darknet" classifier calibrate "$scratch/x.data" "$scratch/a.cfg" >"$scratch/out" 2>&1
    [ $? -eq 1 ] && grep -q WEIGHTS "$scratch/out"
}
check 'calibrate demands weights' without_weights

run calibrate own.data >/dev/null
for_others() {
    cp "$sets" "$scratch/keep.sets" && cp "$weights" "$scratch/keep.weights"
    "$darknet" classifier train "$scratch/x.data" "$scratch/a.cfg" -seed 2 >/dev/null 2>&1
    refused 'these prediction sets are for other weights' valid x.data -sets "$scratch/keep.sets"
    result=$?
    cp "$scratch/keep.weights" "$weights"
    return $result
}
check 'sets of other weights are refused' for_others
other_classes() {
    sed 's/char_65_/char_65/' "$scratch/labels.txt" >"$scratch/other.txt"
    sed "s#^labels=.*#labels=$scratch/other.txt#" "$scratch/x.data" >"$scratch/other.data"
    refused 'these prediction sets are for other classes' valid other.data -sets "$scratch/keep.sets"
}
check 'sets of other classes are refused' other_classes
other_network() { # LINE REPLACEMENT TEXT
    cp "$scratch/a.cfg" "$scratch/keep.cfg"
    sed -i "s/^$1/$2/" "$scratch/a.cfg"
    refused "these prediction sets are for $3" valid x.data -sets "$scratch/keep.sets"
    result=$?
    cp "$scratch/keep.cfg" "$scratch/a.cfg"
    return $result
}
check 'sets of another input are refused' other_network height=16 height=20 'another width, height or channels'
check 'sets of another temperature are refused' other_network k=2 'k=2\ntemperature=3' 'another output or temperature'
# damaged SED TEXT
damaged() {
    sed "$1" "$scratch/keep.sets" >"$scratch/damaged.sets"
    refused "$2" valid x.data -sets "$scratch/damaged.sets"
}
check 'a file that lacks a line is refused' \
    damaged '/^cover=/d' 'damaged.sets:12: no file of prediction sets: cover= is expected here'
check 'a file that ends early is refused' \
    damaged '/^threshold=/,$d' 'damaged.sets: no file of prediction sets: has no threshold='
check 'a number out of range is refused' \
    damaged 's/^cover=.*/cover=1.5/' 'damaged.sets:12: cover=1.5: out of range or no value of this'
check 'another number of classes is refused' damaged 's/^classes=.*/classes=7/' 'are for other classes'
check 'a NaN is refused' damaged 's/^threshold=.*/threshold=nan/' 'threshold=nan: out of range or no value of this'
check 'too few classes are refused' damaged '$a class_threshold=0.5' 'has 1 lines class_threshold=, but 6 classes'
check 'a file that is not there is refused' \
    refused 'none.sets: cannot be read: No such file' valid x.data -sets "$scratch/none.sets"
check 'weights are no file of sets' refused 'a.weights: ' valid x.data -sets "$weights"
unwritable() {
    rm -f "$sets" && mkdir "$sets"
    refused 'a.sets: cannot be written' calibrate own.data
    result=$?
    rmdir "$sets"
    return $result
}
check 'a file that cannot be written is refused' unwritable
with_tree() {
    printf 'char_%d_ -1\n' 65 66 67 68 69 70 >"$scratch/x.tree"
    network "$scratch/tree.cfg" "[softmax]
tree=$scratch/x.tree" 1
    "$darknet" classifier calibrate "$scratch/own.data" "$scratch/tree.cfg" "$weights" >"$scratch/out" 2>&1
    [ $? -eq 1 ] && grep -q 'not for networks with a tree of classes' "$scratch/out"
}
check 'a network with a tree of classes is refused' with_tree
unread() {
    { echo "$scratch/no_char_65_.png" && cat "$scratch/part2.txt"; } >"$scratch/some.txt"
    sed "s#^calibrate=.*#calibrate=$scratch/some.txt#" "$scratch/own.data" >"$scratch/some.data"
    run calibrate some.data
    [ $? -eq 1 ] && grep -q 'Left out: .*no_char_65_.png' "$scratch/err" &&
        grep -q '1 of 61 images were left out: the sets are those of the other 60' "$scratch/err" &&
        grep -q '^images=60$' "$sets"
}
check 'an image that cannot be read is named and left out' unread

not_numbers() { # the last weights are the greatest floats
    cp "$weights" "$scratch/good.weights" && size=$(wc -c <"$weights") &&
        printf '\377\377\177\177%.0s' 1 2 3 4 5 6 7 8 |
        dd of="$weights" bs=1 conv=notrunc seek=$((size - 32)) 2>/dev/null
    nan="the network's output holds a NaN or an infinity"
    for command in calibrate valid valid10 validmulti; do
        refused ".png: $nan" $command own.data || return 1
    done
    refused ".png\": $nan" predict x.data -list "$scratch/part0.txt" -json &&
        python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$scratch/out"
}
check 'an image whose output is no number is named and left out' not_numbers
cp "$scratch/good.weights" "$weights"
not_probabilities() {
    network "$scratch/scores.cfg" '[cost]
type=sse' 1
    cp "$scratch/a.cfg" "$scratch/b.cfg" && cp "$scratch/scores.cfg" "$scratch/a.cfg" &&
        run calibrate own.data -cover 0.8 && sed -i 's/^score=.*/score=aps/' "$sets" &&
        refused "image 1 of valid=: the network's output has no score aps" valid x.data -sets "$sets"
    result=$?
    mv "$scratch/b.cfg" "$scratch/a.cfg"
    return $result
}
check 'scores that are no probabilities have no set by aps' not_probabilities

reports() { # beside numbers that are counted here from the lines of -verbose and the confusion matrix
    run calibrate own.data -cover 0.8 >/dev/null && run valid x.data -sets "$sets" -report "$scratch/r.csv" &&
        run valid x.data -sets "$sets" -report "$scratch/r.json" || return 1
    python3 -B - "$scratch" <<'PY'
import csv, json, re, sys
scratch = sys.argv[1]
with open(scratch + "/r.json") as file:
    r = json.load(file)
with open(scratch + "/r.csv") as file:
    rows = list(csv.DictReader(file))
with open(scratch + "/out") as file:
    out = file.read()
n, names = 6, [line.strip() for line in open(scratch + "/labels.txt")]
confusion = r["confusion"]
assert r["images"] == 60 == sum(map(sum, confusion)) and r["unread"] == 0 and r["k"] == 2 and len(rows) == n + 1
assert all(sum(row) == 10 for row in confusion)
near = lambda a, b: abs(float(a) - b) < 1e-6
assert near(r["top1"], sum(confusion[i][i] for i in range(n)) / 60)
assert re.search(r"^60 images: top-1 %.2f %%, top-2 %.2f %%" % (100 * r["top1"], 100 * r["topk"]), out, re.M)
for i, (c, row) in enumerate(zip(r["classes"], rows)):
    assert c["class"] == row["class"] == names[i] and c["images"] == int(row["images"]) == 10
    guessed, right = sum(confusion[j][i] for j in range(n)), confusion[i][i]
    assert near(c["recall"], right / 10) and near(c["top1"], right / 10) and c["topk"] >= c["top1"]
    assert near(c["f1"], 2 * right / (10 + guessed))
    assert near(c["precision"], right / guessed) if guessed else c["precision"] is None and row["precision"] == ""
    others = [0 if j == i else confusion[i][j] for j in range(n)]
    assert c["confused"] == max(others)
    assert c["confused_with"] == (names[others.index(max(others))] if max(others) else None)
    for name in ("top1", "recall", "f1", "coverage", "mean_set_size"):
        assert near(row[name], c[name]), (name, row, c)
    assert near(row["top2"], c["topk"]) and row["confused_with"] == (c["confused_with"] or "")
    assert (f"sets of {names[i]}: {c['set_images']} images, coverage {100 * c['coverage']:.2f} %, "
            f"mean size {c['mean_set_size']:.2f}\n") in out
mean = r["mean_over_classes"]
for name in ("top1", "topk", "precision", "recall", "f1"):
    assert near(mean[name], sum(c[name] or 0 for c in r["classes"]) / n), name
assert rows[-1]["class"] == "mean over classes" and near(rows[-1]["f1"], mean["f1"])
s = r["sets"]
assert s["score"] == "lac" and s["cover"] == 0.8 and s["images"] == 60 == sum(c["set_images"] for c in r["classes"])
assert near(s["coverage"], sum(c["coverage"] * c["set_images"] for c in r["classes"]) / 60)
assert s["coverage_low"] < s["coverage"] < s["coverage_high"]
assert (f"coverage {100 * s['coverage']:.2f} % (95 % interval {100 * s['coverage_low']:.2f} to "
        f"{100 * s['coverage_high']:.2f}), mean size {s['mean_set_size']:.2f}, median {s['median_set_size']:g}, "
        f"largest {s['largest_set_size']}\n") in out
worst = sorted((c["top1"], i) for i, c in enumerate(r["classes"]) if c["top1"] < 1)[:5]
named = ", ".join(f"{names[i]} {100 * top1:.2f} %" for top1, i in worst)
assert out.rstrip().endswith("; worst classes by top-1: " + named) or not worst
PY
}
check '-report as CSV and as JSON: figures by class, means, confusion, sets' reports
without_a_class() {
    grep -v char_67_ "$scratch/part1.txt" >"$scratch/five.txt"
    sed "s#^valid=.*#valid=$scratch/five.txt#" "$scratch/x.data" >"$scratch/five.data"
    run valid five.data -report "$scratch/five.json" && python3 -B -c '
import json, sys
r = json.load(open(sys.argv[1]))
c = r["classes"][2]
assert c["images"] == 0 and c["recall"] is None and c["top1"] is None and sum(r["confusion"][2]) == 0
known = [c for i, c in enumerate(r["classes"]) if i != 2]
assert abs(r["mean_over_classes"]["f1"] - sum(c["f1"] for c in known) / 5) < 1e-6' "$scratch/five.json"
}
check 'a class without images is no part of the means' without_a_class
check 'a report that cannot be written is refused' \
    refused 'nowhere/r.csv: cannot be written' valid x.data -report "$scratch/nowhere/r.csv"
other_files() { # what is no report is not replaced, nor what is no file of sets
    cp "$scratch/a.cfg" "$scratch/keep.cfg" && cp "$weights" "$scratch/kept.sets" || return 1
    refused 'a.cfg: that file is not a report as CSV, and would be replaced' valid x.data -report "$scratch/a.cfg" &&
        cmp "$scratch/a.cfg" "$scratch/keep.cfg" || return 1
    cp "$scratch/r.csv" "$scratch/other.json"
    refused 'other.json: that file is not a report as JSON' valid x.data -report "$scratch/other.json" || return 1
    "$darknet" classifier calibrate "$scratch/own.data" "$scratch/a.cfg" "$scratch/kept.sets" >"$scratch/out" 2>&1
    [ $? -eq 1 ] &&
        grep -q 'kept.sets: that file is not a file of prediction sets, and would be replaced' "$scratch/out" &&
        cmp "$weights" "$scratch/kept.sets" || return 1
    for report in r.csv r.json; do run valid x.data -sets "$sets" -report "$scratch/$report" || return 1; done
}
check 'other files are not replaced by a report or by sets; earlier ones are' other_files
several() {
    sed "s#^valid=.*#valid=$scratch/several.txt#" "$scratch/x.data" >"$scratch/several.data"
    awk '{ print $0 "\tchar_65_,char_66_" }' "$scratch/part1.txt" >"$scratch/several.txt"
    refused '-report is not for a list with several labels an image' valid several.data -report "$scratch/r.csv" &&
        refused 'prediction sets are not for a list with several labels an image' calibrate several.data
}
check 'a list with several labels an image is refused' several

# The same numbers in other hands.
built() { # as Darknet is compiled
    "${CC:-gcc}" -Ofast -shared -fPIC -Isrc/base -Isrc/metrics src/metrics/prediction_sets.c src/base/*.c \
        -o "$scratch/prediction_sets.so" -lm
}
check "prediction_sets.c needs src/base/ alone" built
python_with() { # LIBRARY: build/python is what .ci/run makes
    for python in "${PYTHON:-python3}" build/python/bin/python; do
        "$python" -c "import $1" 2>/dev/null && echo "$python" && return
    done
}
for library in numpy mapie crepes; do
    python=$(python_with $library)
    if [ "$python" ]; then
        check "sets are those of $library" "$python" -B tests/prediction_sets.py $library "$scratch/prediction_sets.so"
    else
        skip "sets are those of $library" "no Python has $library; pip install $library, or name one with PYTHON="
    fi
done
finish
