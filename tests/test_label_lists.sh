#!/bin/sh
# Lists whose lines have the images' labels behind a TAB: one, several, none; their figures; what is refused.
. tests/tap.sh
images 6
network "$scratch/net.cfg" "[smooth_topk]
k=2" 30
tab=$(printf '\t')
cd "$scratch" || exit 1

# train DATA [FLAG...]: a short training, its output in train.log.
train() {
    data=$1
    shift
    "$darknet" classifier train "$data" net.cfg -seed 3 "$@" >train.log 2>&1
    code=$?
    tail -n 3 train.log
    return $code
}
# classifier COMMAND DATA WEIGHTS [ARGUMENT...]: its stdout.
classifier() {
    command=$1 data=$2 weights=$3
    shift 3
    "$darknet" classifier "$command" "$data" net.cfg "$weights" "$@" 2>err
}
# data NAME TRAIN VALID [LABELS]: NAME.data, of these lists.
data() {
    labels=${4:-labels.txt}
    printf '%s\n' "classes=$(grep -c . "$labels")" "train=$2" "valid=$3" "labels=$labels" backup=backup top=2 >"$1.data"
}

# --- One label: the same as a label in the path
sed 's#\(.*/\)\(char_[0-9]*_\)\(.*\)#&\t\2#' train.txt >listed.txt
data path train.txt train.txt
data listed listed.txt listed.txt
by_path() { train path.data -topk 2 -log path.csv && mv backup/net_best.weights path.weights; }
check "a training by labels in paths" by_path
same_weights() {
    train listed.data -topk 2 -log listed.csv && cmp backup/net_best.weights path.weights &&
        cut -d, -f 1-6 path.csv >rows && cut -d, -f 1-6 listed.csv | diff rows -
}
check "and one by the same labels behind a TAB are bit for bit the same" same_weights
same_figures() {
    for data in path listed; do
        for how in valid validcrop; do
            classifier $how $data.data path.weights | grep ' images: top-1 '
        done >$data.figures
    done
    [ "$(wc -l <path.figures)" = 2 ] && diff path.figures listed.figures
}
check "valid and validcrop say the same of both" same_figures

# Paths that hold no label; the file of labels has names that are part of others.
mkdir plain
number=0
while IFS="$tab" read -r path label; do
    number=$((number + 1))
    cp "$path" plain/$number.png
    case $label in char_6[567]_) label=x ;; *) label=xx ;; esac
    printf 'plain/%s.png\t%s\n' $number $label
done <listed.txt >plain.txt
printf 'x\nxx\nother\nfourth\nfifth\nsixth\n' >part.txt
data plain plain.txt plain.txt part.txt
check "a path need not hold a label, and a label may be part of another" train plain.data -topk 2

# --- Several labels, and none: each letter, and whether it is in the first half; the first image of each has none.
sed 's#.*\(char_6[567]_\).*#&,first#; 1~6s#\t.*#\t#' listed.txt >several.txt
(cat labels.txt && echo first) >seven.txt
data several several.txt several.txt seven.txt
sed -i 's/^filters=6/filters=7/; s/^max_batches=.*/max_batches=1500/' net.cfg
learns() { # by chance recall is 0.3
    rm -f backup/*
    train several.data -topk 2 -every 100 -log several.csv && tail -n 1 several.csv | tee /dev/stderr |
        awk -F, '{ exit !($5 > .35 && $6 > .6 && $9 > .5) }'
}
check "a network learns several labels, far better than chance" learns
columns() { [ "$(head -n 1 several.csv)" = batch,epoch,loss,rate,top1,top2,seconds,precision2,map,lrap,ranking_loss ]; }
check "its log has the figures of several labels" columns
best_row() {
    awk -F, 'NR > 1 && $6 > best {
            best = $6
            row = sprintf("precision@1 %.2f %%, precision@2 %.2f %%, ", 100 * $5, 100 * $8) \
            sprintf("recall@2 %.2f %%, ", 100 * $6) \
            sprintf("mean average precision %.2f %%, ", 100 * $9) \
            sprintf("label ranking average precision %.2f %%, ranking loss %.2f %%", 100 * $10, 100 * $11) }
        END { print "36 images: " row }' several.csv
}
valid_figures() { best_row >wanted && classifier valid several.data backup/net_best.weights | diff wanted -; }
check "valid says of the best weights what the log says" valid_figures

versus() { classifier versus several.data backup/net_best.weights net.cfg backup/net.weights "$@"; }
versus_figures() {
    versus -list list.csv | tee versus.out
    for which in a=net_best b=net; do
        weights=backup/${which#*=}.weights
        figures=$(classifier valid several.data "$weights" | sed 's/.*images: //; s/ %//g')
        grep -qF "${which%=*}: $figures   net.cfg $weights" versus.out || { echo "not $figures"; return 1; }
    done
    grep -q '^a label among the first 2: ' versus.out && ! grep -q 'guesses for\|confusion' versus.out
}
check "versus prints of both what valid does" versus_figures
versus_json() {
    versus -json >json && python3 -B - <<'PY'
import csv, json
with open("json") as file:
    result = json.load(file)
with open("several.txt") as file:
    labels = dict(line.rstrip("\n").split("\t") for line in file)
with open("list.csv") as file:
    rows = [(row, set(row["class"].split(",")) - {""}) for row in csv.DictReader(file)]
assert rows and all(names == set(labels[row["path"]].split(",")) - {""} for row, names in rows)
for net, other in ("ab", "ba"):
    figures = result[net]
    assert figures["top1"] == figures["precision1"] and figures["topk"] >= figures["recallk"] * 30 / 36 - 1e-6
    alone = sum(row[net] in names and row[other] not in names for row, names in rows)
    assert alone == result["top1"][net + "_alone"], (alone, result)
assert result["guesses"] is None and result["confusion"] is None
PY
}
check "its JSON and its list have the figures and all labels" versus_json

unlisted() {
    sed "s/$tab.*//" several.txt >paths.txt
    for list in several paths; do
        sed "s#^valid=.*#test=$list.txt#" several.data >test.data
        classifier csv test.data backup/net.weights >$list.csv_out || return 1
        classifier predict test.data backup/net.weights -list $list.txt -csv >$list.predict || return 1
    done
    [ "$(cat paths.csv_out paths.predict | wc -l)" = 72 ] && cmp several.csv_out paths.csv_out &&
        cmp several.predict paths.predict
}
check "lists to predict may have labels: they make no difference" unlisted
resumes() {
    sed -i 's/^max_batches=.*/max_batches=1510/' net.cfg
    rows=$(wc -l <several.csv)
    classifier train several.data backup/net.weights -topk 2 -log several.csv -progress >train.log
    [ "$(wc -l <several.csv)" -gt "$rows" ] && grep -q 'precision-1 .*recall-2 .*mAP ' train.log
}
check "a run that goes on keeps the log's rows" resumes

# --- What is refused, with file and line
# refused TEXT [DATA]: training says so and does not begin.
refused() {
    train "${2:-bad.data}" -topk 2
    [ $? = 1 ] && grep -qF -- "$1" train.log && ! grep -q '^1, ' train.log
}
# bad EDIT: bad.data, whose training list is several.txt after this edit.
bad() { sed "$1" several.txt >bad.txt && data bad bad.txt several.txt seven.txt; }
sed -i 's/^max_batches=.*/max_batches=2/' net.cfg
bad '3s/first/last/'
check "an unknown label" refused "bad.txt, line 3: the label \"last\" is none of the classes'"
data bad_valid several.txt bad.txt seven.txt
check "a wrong line of the validation list" refused 'bad.txt, line 3: the label "last"' bad_valid.data
bad '4s/first/first,first/'
check "a label twice" refused 'bad.txt, line 4: the label "first" is there twice'
bad '5s/first/, first/'
check "an empty label between commas" refused 'bad.txt, line 5: the label "" is none'
bad "7s/$tab.*//"
check "a line without labels among others" refused "bad.txt: line 2 has labels behind a TAB, line 7 has none"
bad "2s/.*$tab/$tab/"
check "a line without a path" refused "bad.txt: line 3 has labels behind a TAB, line 2 has none"
bad 's/first/last/'
check "many wrong lines: ten, and their number" refused "bad.txt: 15 lines are wrong"
ten() { [ "$(grep -c 'none of the classes' train.log)" = 10 ]; }
check "no more than ten are named" ten
bad ''
sed '2s/.*/first/' seven.txt >twice.txt && sed -i 's#^labels=.*#labels=twice.txt#' bad.data
check "two classes of one label" refused "classes 1 and 6 (from 0) have the same label, first"
bad ''
echo tag=1 >>bad.data
check "labels with tag=" refused "bad.txt has labels behind a TAB; they are not for tag="
blanks() {
    sed "s/$tab/ $tab /; s/,/ , /; s/\$/ /" several.txt >bad.txt && echo >>bad.txt
    data bad bad.txt bad.txt seven.txt && train bad.data -topk 2
}
check "blanks around path and labels, and empty lines, are left out" blanks
finish
