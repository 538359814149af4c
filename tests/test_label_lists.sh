#!/bin/sh
# Lists whose lines have the images' labels behind a TAB: one, several, none; what is refused; the figures of several labels.
. tests/tap.sh
images 6
network "$scratch/net.cfg" "[smooth_topk]
k=2" 30
tab=$(printf '\t')

# train DATA [FLAG...]: a short training, its output in $scratch/train.log.
train() {
    data=$1
    shift
    "$darknet" classifier train "$data" "$scratch/net.cfg" -seed 3 "$@" >"$scratch/train.log" 2>&1
    code=$?
    tail -n 3 "$scratch/train.log"
    return $code
}
# data NAME TRAIN VALID [LABELS]: the .data file of these lists.
data() {
    classes=$(grep -c . "${4:-$scratch/labels.txt}")
    sed -e "s#^train=.*#train=$2#; s#^valid=.*#valid=$3#; s#^classes=.*#classes=$classes#; s#^labels=.*#labels=${4:-$scratch/labels.txt}#" \
        "$scratch/x.data" | sed '/^names=/d' >"$scratch/$1.data"
}

# --- One label: the same as a label in the path
sed 's#\(.*/\)\(char_[0-9]*_\)\(.*\)#&\t\2#' "$scratch/train.txt" >"$scratch/listed.txt"
data listed "$scratch/listed.txt" "$scratch/listed.txt"
by_path() { train "$scratch/x.data" -topk 2 -log "$scratch/path.csv" && mv "$scratch/backup/net_best.weights" "$scratch/path.weights"; }
check "a training by labels in paths" by_path
same_weights() {
    train "$scratch/listed.data" -topk 2 -log "$scratch/listed.csv" && cmp "$scratch/backup/net_best.weights" "$scratch/path.weights" &&
        cut -d, -f 1-6 "$scratch/path.csv" >"$scratch/a" && cut -d, -f 1-6 "$scratch/listed.csv" | diff "$scratch/a" -
}
check "and one by the same labels behind a TAB are bit for bit the same" same_weights
same_figures() {
    for data in x listed; do
        for how in valid validcrop; do "$darknet" classifier $how "$scratch/$data.data" "$scratch/net.cfg" "$scratch/path.weights" 2>/dev/null | grep ' images: top-1 '; done >"$scratch/$data.figures"
    done
    [ "$(wc -l <"$scratch/x.figures")" = 2 ] && diff "$scratch/x.figures" "$scratch/listed.figures"
}
check "valid and validcrop say the same of both" same_figures

# Paths that hold no label; the file of labels has names that are part of others.
mkdir "$scratch/plain"
awk -F '\t' -v dir="$scratch/plain" '{ path = dir "/" NR ".png"; system("cp \"" $1 "\" " path); split($2, p, "_"); print path "\t" (p[2] < 68 ? "x" : "xx") }' \
    "$scratch/listed.txt" >"$scratch/plain.txt"
printf 'x\nxx\nother\nfourth\nfifth\nsixth\n' >"$scratch/part.txt"
data plain "$scratch/plain.txt" "$scratch/plain.txt" "$scratch/part.txt"
check "a path need not hold a label, and a label may be part of another" train "$scratch/plain.data" -topk 2

# --- Several labels, and none: each letter and whether it is in the first half; the first images have none.
sed 's#.*\(char_6[567]_\).*#&,first#' "$scratch/listed.txt" | awk -F '\t' -v OFS='\t' 'NR % 6 == 1 { $2 = "" } 1' >"$scratch/several.txt"
(cat "$scratch/labels.txt" && echo first) >"$scratch/seven.txt"
data several "$scratch/several.txt" "$scratch/several.txt" "$scratch/seven.txt"
sed -i 's/^filters=6/filters=7/; s/^max_batches=.*/max_batches=1500/' "$scratch/net.cfg"
learns() {
    rm -f "$scratch"/backup/*
    train "$scratch/several.data" -topk 2 -every 100 -log "$scratch/several.csv" && tail -n 1 "$scratch/several.csv" |
        awk -F, '{ print "precision at 1 " $5 ", recall at 2 " $6 ", mean average precision " $9; exit !($5 > .35 && $6 > .6 && $9 > .5) }'
}
check "a network learns several labels, far better than chance (0.3 of recall)" learns
columns() { head -n 1 "$scratch/several.csv" | grep -x 'batch,epoch,loss,rate,top1,top2,seconds,precision2,map,lrap,ranking_loss'; }
check "its log has the figures of several labels" columns
valid_figures() {
    said=$("$darknet" classifier valid "$scratch/several.data" "$scratch/net.cfg" "$scratch/backup/net_best.weights" 2>/dev/null)
    wanted=$(awk -F, 'NR > 1 && $6 > best { best = $6; line = sprintf("36 images: precision@1 %.2f %%, precision@2 %.2f %%, recall@2 %.2f %%, mean average precision %.2f %%, label ranking average precision %.2f %%, ranking loss %.2f %%",
        100 * $5, 100 * $8, 100 * $6, 100 * $9, 100 * $10, 100 * $11) } END { print line }' "$scratch/several.csv")
    printf '%s\n' "$said" "$wanted"
    [ "$said" = "$wanted" ]
}
check "valid says of the best weights what the log says" valid_figures
versus() {
    "$darknet" classifier versus "$scratch/several.data" "$scratch/net.cfg" "$scratch/backup/net_best.weights" "$scratch/net.cfg" \
        "$scratch/backup/net.weights" "$@" 2>/dev/null
}
versus_figures() {
    versus -list "$scratch/list.csv" | tee "$scratch/versus.out"
    for which in a=net_best b=net; do
        figures=$("$darknet" classifier valid "$scratch/several.data" "$scratch/net.cfg" "$scratch/backup/${which#*=}.weights" 2>/dev/null | sed 's/.*images: //; s/ %//g')
        grep -qF "${which%=*}: $figures   $scratch/net.cfg" "$scratch/versus.out" || { echo "not $figures"; return 1; }
    done
    grep -q '^a label among the first 2: ' "$scratch/versus.out" && ! grep -q 'guesses for\|confusion' "$scratch/versus.out"
}
check "versus prints of both what valid does" versus_figures
versus_json() {
    versus -json >"$scratch/json" && python3 -B - "$scratch" <<'PY'
import csv, json, sys
scratch = sys.argv[1]
with open(scratch + "/json") as file:
    result = json.load(file)
labels = {path: names.split(",") for path, names in (line.rstrip("\n").split("\t") for line in open(scratch + "/several.txt"))}
rows = list(csv.DictReader(open(scratch + "/list.csv")))
assert rows and all(row["class"].split(",") == sorted(labels[row["path"]], key=lambda name: (name == "first", name)) for row in rows), rows[0]
for net in "ab":
    assert abs(result[net]["top1"] - result[net]["precision1"]) < 1e-6 and result[net]["topk"] >= result[net]["recallk"] * 30 / 36 - 1e-6
    other = "b" if net == "a" else "a"
    alone = sum(row[net] in row["class"].split(",") and row[other] not in row["class"].split(",") for row in rows if row["class"])
    assert alone == result["top1"][net + "_alone"], (alone, result)
assert result["guesses"] is None and result["confusion"] is None
PY
}
check "its JSON and its list have the figures and all labels" versus_json
unlisted() {
    sed "s/\t.*//" "$scratch/several.txt" >"$scratch/paths.txt"
    for list in several paths; do
        sed "s#^valid=.*#test=$scratch/$list.txt#" "$scratch/several.data" >"$scratch/test.data"
        "$darknet" classifier csv "$scratch/test.data" "$scratch/net.cfg" "$scratch/backup/net.weights" 2>/dev/null >"$scratch/$list.csv_out" || return 1
        "$darknet" classifier predict "$scratch/test.data" "$scratch/net.cfg" "$scratch/backup/net.weights" -list "$scratch/$list.txt" -csv 2>/dev/null >"$scratch/$list.predict" || return 1
    done
    [ "$(wc -l <"$scratch/paths.csv_out")" = 36 ] && [ "$(wc -l <"$scratch/paths.predict")" = 36 ] && cmp "$scratch/several.csv_out" "$scratch/paths.csv_out" && cmp "$scratch/several.predict" "$scratch/paths.predict"
}
check "lists to predict may have labels: they make no difference" unlisted
resumes() {
    sed -i 's/^max_batches=.*/max_batches=1510/' "$scratch/net.cfg"
    rows=$(wc -l <"$scratch/several.csv")
    "$darknet" classifier train "$scratch/several.data" "$scratch/net.cfg" "$scratch/backup/net.weights" -topk 2 -log "$scratch/several.csv" -progress >"$scratch/train.log" 2>&1
    [ "$(wc -l <"$scratch/several.csv")" -gt "$rows" ] && grep -q 'precision-1 .*recall-2 .*mAP ' "$scratch/train.log"
}
check "a run that goes on keeps the log's rows" resumes

# --- What is refused, with file and line
# refused TEXT: training on bad.txt says so and does not begin.
refused() {
    ! train "$scratch/bad.data" || return 1
    grep -qF -- "$1" "$scratch/train.log" && ! grep -q '^1, ' "$scratch/train.log"
}
sed 's/^max_batches=.*/max_batches=2/' -i "$scratch/net.cfg"
bad() { sed "$1" "$scratch/several.txt" >"$scratch/bad.txt" && data bad "$scratch/bad.txt" "$scratch/several.txt" "$scratch/seven.txt"; }
bad '3s/first/last/' && check "an unknown label" refused "bad.txt, line 3: the label \"last\" is none of the classes'"
bad '4s/first/first,first/' && check "a label twice" refused "bad.txt, line 4: the label \"first\" is there twice"
bad '5s/first/, first/' && check "an empty label between commas" refused "bad.txt, line 5: the label \"\" is none"
bad "7s/$tab.*//" && check "a line without labels among others" refused "bad.txt: line 2 has labels behind a TAB, line 7 has none"
bad "2s/.*$tab/$tab/" && check "a line without a path" refused "bad.txt: line 3 has labels behind a TAB, line 2 has none"
bad 's/first/last/' && check "many wrong lines: ten, and their number" refused "bad.txt: 15 lines are wrong"
ten() { [ "$(grep -c 'none of the classes' "$scratch/train.log")" = 10 ]; }
check "no more than ten are named" ten
bad '' && sed '2s/.*/first/' "$scratch/seven.txt" >"$scratch/twice.txt" && sed -i "s#^labels=.*#labels=$scratch/twice.txt#" "$scratch/bad.data" &&
    check "two classes of one label" refused "classes 1 and 6 (from 0) have the same label, first"
bad '' && echo tag=1 >>"$scratch/bad.data" && check "labels with tag=" refused "bad.txt has labels behind a TAB; they are not for tag="
bad_valid() { data bad "$scratch/several.txt" "$scratch/bad.txt" "$scratch/seven.txt" && train "$scratch/bad.data" -topk 2; [ $? = 1 ] && grep -qF "bad.txt, line 3" "$scratch/train.log" && ! grep -q '^1, ' "$scratch/train.log"; }
bad '3s/first/last/' && check "a wrong line of the validation list stops the training before it begins" bad_valid
blanks() { sed "s/$tab/ $tab /; s/,/ , /; s/\$/ /" "$scratch/several.txt" >"$scratch/bad.txt" && echo >>"$scratch/bad.txt" && data bad "$scratch/bad.txt" "$scratch/bad.txt" "$scratch/seven.txt" && train "$scratch/bad.data" -topk 2; }
check "blanks around path and labels, and empty lines, are left out" blanks
finish
