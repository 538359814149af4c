#!/bin/sh
# One class: networks with [compactness] learn, `classifier oneclass` and its figures, the demo, what is refused.
. tests/tap.sh
images 8
top=$PWD
tab=$(printf '\t')
cd "$scratch" || exit
head -n 3 labels.txt >known.txt
# The fourth class is the target, its images alternately for training and for the test; the fifth is unknown.
target=$(sed -n 4p labels.txt) unknown=$(sed -n 5p labels.txt)
while read -r label; do grep -F "$label" train.txt | sed "s/\$/$tab$label/"; done <known.txt >one_train.txt
grep -F "$target" train.txt | sed -n "1~2s/\$/$tab/p" >>one_train.txt
grep -F "$target" train.txt | sed -n "2~2s/\$/$tab/p" >one_test.txt
grep -F "$unknown" train.txt | sed "s/\$/${tab}unknown/" >>one_test.txt
sed "s#^classes=.*#classes=3#; s#^train=.*#train=$scratch/one_train.txt#; 
    s#^valid=.*#test=$scratch/one_test.txt#; s#^labels=.*#labels=$scratch/known.txt#" \
    x.data >one.data

# cfg NAME COMPACTNESS [LAST]: a network with that section between its features and its classes.
cfg() {
    cat >"$1.cfg" <<CFG
$(small_net learning_rate=0.02 max_batches=30)
[convolutional]
filters=8
size=3
stride=2
pad=1
activation=leaky
[connected]
output=10
activation=leaky
$2
[connected]
output=3
activation=linear
${3-[smooth_topk]
k=1}
CFG
}
train() { "$darknet" classifier train one.data "$1.cfg" -seed 1 >"$1.log" 2>&1 || { tail -n 3 "$1.log"; return 1; }; }
oneclass() { "$darknet" classifier oneclass one.data "$@" 2>err || { cat err; return 1; }; }
last_loss() { sed -n 's/^30, [0-9.]*: \([^,]*\), .*/\1/p' "$1.log"; }

cfg pull '[compactness]
weight=2' && cfg zero '[compactness]
weight=0' && cfg plain '' && cfg softmax '[compactness]' '[softmax]' && cfg topk '[compactness]' '[topk_loss]
k=1'
check 'a network with [compactness] trains' train pull
check 'with weight=0' train zero
check 'without it' train plain
check 'before [softmax]' train softmax
check 'before [topk_loss]' train topk
same() { cmp backup/zero.weights backup/plain.weights && [ "$(last_loss zero)" = "$(last_loss plain)" ]; }
check 'weight=0 is bit for bit no [compactness], and its loss is that of the network alone' same
banner() { grep -q '^ *2 compactness  weight = 2    10 features' pull.log; }
check 'the banner says the weight' banner

# score CFG WEIGHTS: the command's lines and its list of scores.
score() { oneclass "$1.cfg" "backup/$1.weights" -list "$1.csv" >"$1.out" && cat "$1.out"; }
scored() {
    score pull && [ "$(head -n 1 pull.csv)" = path,truth,score ] &&
        [ "$(grep -c ,target, pull.csv)" = "$(grep -c "$tab\$" one_test.txt)" ] &&
        [ "$(grep -c ,unknown, pull.csv)" = "$(grep -c unknown one_test.txt)" ]
}
check 'oneclass lists every image of test= with its score' scored
figures() {
    python3 -B - <<'PY'
import csv, re
with open("pull.csv") as file:
    rows = [(row["truth"], float(row["score"])) for row in csv.DictReader(file)]
target = [s for t, s in rows if t == "target"]
unknown = [s for t, s in rows if t == "unknown"]
area = sum((a > b) + (a == b) / 2 for a in target for b in unknown) / len(target) / len(unknown)
with open("pull.out") as file:
    said = file.read()
print(area, said)
assert abs(float(re.search(r"AUC ([0-9.]+)", said).group(1)) - area) < 6e-5
threshold, alarms, found = re.search(r"threshold (\S+): ([0-9.]+) % .*, and ([0-9.]+) %", said).groups()
threshold = float(threshold)
assert abs(float(alarms) - 100 * sum(s >= threshold for s in unknown) / len(unknown)) < 0.006
assert abs(float(found) - 100 * sum(s >= threshold for s in target) / len(target)) < 0.006
assert float(alarms) <= 5
PY
}
check 'the area under the curve and the threshold are those of the list' figures
alarms() {
    oneclass pull.cfg backup/pull.weights -false-alarms 0.5 >half.out && cat half.out &&
        awk '/^threshold/ { alarms = $3; found = $(NF - 4) } END { exit !(alarms <= 50 && alarms > 5) }' half.out
}
check '-false-alarms 0.5 allows more of them' alarms
copies() { # others that are what the templates are: then none is taken for the target
    { grep "$tab\$" one_train.txt | sed 's/$/unknown/' && cat one_test.txt; } >copies.txt
    sed "s#^test=.*#test=$scratch/copies.txt#" one.data >copies.data
    "$darknet" classifier oneclass copies.data pull.cfg backup/pull.weights >copies.out 2>&1
    cat copies.out
    grep -q '^threshold 1.17549435e-38: 0.00 % of the others .*, and 0.00 % of the target$' copies.out
}
check 'others as near as can be leave no false alarm' copies
itself() { # images that are templates have the distance 0
    grep "$tab\$" one_train.txt | cat - one_test.txt >itself.txt
    sed "s#^test=.*#test=$scratch/itself.txt#" one.data >itself.data
    "$darknet" classifier oneclass itself.data pull.cfg backup/pull.weights -list itself.csv >itself.out 2>&1 ||
        { cat itself.out; return 1; }
    number=$(grep -c "$tab\$" one_train.txt)
    sed -n "2,$((number + 1))p" itself.csv | awk -F, '{ print; if ($3 != 0 || $2 != "target") exit 1 }'
}
check 'a template is at no distance from itself' itself
without() { score plain && grep -q '10 features' plain.out; }
check 'without [compactness] the features are what the last layer with weights reads' without
batches() { # one image at a time, and all at once
    sed 's/^batch=.*/batch=1/; s/^subdivisions=.*/subdivisions=1/' pull.cfg >single.cfg
    oneclass single.cfg backup/pull.weights -list single.csv >single.out && python3 - <<'PY'
import csv
rows = [list(csv.DictReader(open(name))) for name in ("pull.csv", "single.csv")]
assert all(abs(float(a["score"]) - float(b["score"])) < 1e-4 for a, b in zip(*rows)) and len(rows[0]) == len(rows[1])
PY
}
check 'the scores do not depend on the batch' batches
closer() { # features of the target, weight 2 beside weight 0: nearer to each other than to the unknown
    score zero >/dev/null && python3 - <<'PY'
import csv
def ratio(name):
    rows = list(csv.DictReader(open(name)))
    scores = lambda truth: [float(r["score"]) for r in rows if r["truth"] == truth]
    mean = lambda truth: sum(scores(truth)) / len(scores(truth))
    return mean("target") / mean("unknown")
print(ratio("zero.csv"), ratio("pull.csv"))
assert ratio("pull.csv") < ratio("zero.csv")
PY
}
check 'with [compactness] the target is nearer to its templates, beside the unknown' closer

# refused TEXT COMMAND...: exit code 1 and a message with TEXT in it.
refused() {
    text=$1
    shift
    "$@" >message 2>&1
    code=$?
    tail -n 3 message
    [ $code -eq 1 ] && grep -qF -- "$text" message
}
bad() { # TEXT COMPACTNESS: a network
    cfg bad "$2" && refused "$1" "$darknet" classifier train one.data bad.cfg
}
check 'refused: weight -1' bad '[compactness] weight=-1: out of range; must be a finite number, weight >= 0' \
    '[compactness]
weight=-1'
check 'refused: weight x' bad '[compactness] weight=x: not a number' '[compactness]
weight=x'
check 'refused: weight nan' bad '[compactness] weight=nan: not a number' '[compactness]
weight=nan'
check 'refused: another option' bad '[compactness] k=1: no such option' '[compactness]
k=1'
last() {
    cfg bad '' '[compactness]' && refused '[compactness] must not be the last section: a loss must follow it' \
        "$darknet" classifier train one.data bad.cfg
}
check 'refused: it is the last section' last
other_data() { # TEXT SED_COMMAND: a .data file or list that is changed
    sed "$2" one.data >bad.data && refused "$1" "$darknet" classifier oneclass bad.data pull.cfg backup/pull.weights
}
check 'refused: no test=' other_data 'test' '/^test=/d'
cut -f 1 one_test.txt >unlabeled.txt && grep unknown one_test.txt >only.txt
grep -v "$tab\$" one_train.txt >references.txt
check 'refused: test= without labels' other_data "unlabeled.txt: needs labels behind a TAB" \
    "s#^test=.*#test=$scratch/unlabeled.txt#"
check 'refused: test= without the target' other_data "only.txt: must have images of the target" \
    "s#^test=.*#test=$scratch/only.txt#"
check 'refused: train= without the target' other_data "references.txt: has no image without a label" \
    "s#^train=.*#train=$scratch/references.txt#"
check 'refused: a rate of 1' refused '-false-alarms 1: must be a number from 0 to 0.9999' \
    "$darknet" classifier oneclass one.data pull.cfg backup/pull.weights -false-alarms 1
echo 'my notes' >notes.txt
kept() {
    refused 'notes.txt' "$darknet" classifier oneclass one.data pull.cfg backup/pull.weights -list notes.txt &&
        [ "$(cat notes.txt)" = 'my notes' ]
}
check 'refused: -list is another file, which stays' kept
unread() {
    head -c 60 "$(sed -n "1s/$tab.*//p" one_test.txt)" >broken.png
    { cat one_test.txt && printf '%s\tunknown\n' "$scratch/broken.png"; } >broken.txt
    other_data '1 images were left out' "s#^test=.*#test=$scratch/broken.txt#" &&
        "$darknet" classifier oneclass bad.data \
        pull.cfg backup/pull.weights 2>/dev/null | grep -q '^AUC'
}
check 'an image that cannot be read is named, the others are measured' unread
not_finite() { # a rate at which features overflow: the loss is not finite, the run stops and says so
    sed 's/^learning_rate=.*/learning_rate=1e30/' pull.cfg >wild.cfg &&
        refused 'not finite' "$darknet" classifier train one.data wild.cfg
}
check 'a run whose features overflow stops' not_finite

cd "$top" || exit
demo() {
    env DATA=oneclass BATCHES=2 TARGETS=65 tools/demo.sh "$scratch/demo" >"$scratch/demo.out" 2>&1
    code=$?
    cat "$scratch/demo.out"
    [ $code -eq 0 ] && [ "$(grep -c '^A  ' "$scratch/demo.out")" -eq 2 ] &&
        grep -q '^mean AUC with compactness 0.1: 0' "$scratch/demo.out"
}
check 'make demo DATA=oneclass' demo
bad_demo() { env DATA=oneclass TARGETS=200 tools/demo.sh "$scratch/demo" 2>&1 |
    grep -q 'TARGETS: 200 must be the code of a character'; }
check 'the demo refuses a code that is no character' bad_demo
finish
