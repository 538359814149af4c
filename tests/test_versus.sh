#!/bin/sh
# classifier versus: two networks on the same images, beside classifier valid and numbers counted here.
. tests/tap.sh
images 6
head -n 35 "$scratch/train.txt" >"$scratch/valid.txt"
sed -i "s#^valid=.*#valid=$scratch/valid.txt#" "$scratch/x.data"
network "$scratch/a.cfg" '[softmax]' 5
network "$scratch/b.cfg" '[smooth_topk]
k=2' 40
for net in a b; do
    "$darknet" classifier train "$scratch/x.data" "$scratch/$net.cfg" -seed 1 >"$scratch/train.out" 2>&1 ||
        cat "$scratch/train.out"
done
versus() { "$darknet" classifier versus "$scratch/x.data" "$scratch/a.cfg" "$scratch/backup/a.weights" \
    "$scratch/b.cfg" "$scratch/backup/b.weights" "$@"; }

runs() { versus -list "$scratch/list.csv" >"$scratch/out" 2>"$scratch/err" && cat "$scratch/out" &&
    versus -json >"$scratch/json" 2>/dev/null; }
check 'it runs' runs
valid() { "$darknet" classifier valid "$scratch/x.data" "$scratch/$1.cfg" "$scratch/backup/$1.weights" \
    -verbose 2>/dev/null | grep 'top 1'; }
as_valid() {
    for net in a b; do
        valid $net | tail -n 1 | sed -n 's/.*top 1: \([^,]*\), top 2: \(.*\)/\1 \2/p' >"$scratch/$net.valid"
    done
    python3 -B - "$scratch" <<'PY'
import json, math, sys
scratch = sys.argv[1]
with open(scratch + "/json") as file:
    result = json.load(file)
assert result["images"] == 35 and result["k"] == 2 and result["unread"] == 0
for net in "ab":
    with open(f"{scratch}/{net}.valid") as file:
        top1, top2 = map(float, file.read().split())
    assert abs(result[net]["top1"] - top1) < 2e-6 and abs(result[net]["topk"] - top2) < 2e-6, (net, result)
    assert result[net]["cfg"] == f"{scratch}/{net}.cfg"
for top in ("top1", "topk"):
    r = result[top]
    assert abs(r["difference"] - (result["b"][top] - result["a"][top])) < 2e-6
    assert abs(r["b_alone"] - r["a_alone"] - 35 * r["difference"]) < 1e-3
    a, b, n = r["a_alone"], r["b_alone"], r["a_alone"] + r["b_alone"]
    p = min(1, 2 * sum(math.comb(n, i) for i in range(min(a, b) + 1)) / 2 ** n)
    half = 1.96 * math.sqrt((n + 1) / 37 - ((b - a) / 37) ** 2) / math.sqrt(37)
    assert abs(r["p"] - p) < 1e-5 * p, (r, p)
    assert abs(r["low"] - (b - a) / 37 + half) < 1e-5 and abs(r["high"] - (b - a) / 37 - half) < 1e-5, (r, p)
PY
}
check 'its figures are those of classifier valid, interval and test those of its counts' as_valid
listed() { # counted from the list, and from predict-like scores of each image
    head -n 3 "$scratch/list.csv"
    python3 -B - "$scratch" <<'PY'
import collections, csv, json, sys
scratch = sys.argv[1]
with open(scratch + "/json") as file:
    result = json.load(file)
with open(scratch + "/list.csv") as file:
    rows = list(csv.DictReader(file))
assert rows and list(rows[0]) == ["path", "class", "a", "b", "a_top2", "b_top2"]
assert len(rows) == result["disagreements"]
assert all(row["class"] in row["path"] for row in rows)
assert all(row["a"] != row["b"] or row["a_top2"] != row["b_top2"] for row in rows)
for net, other in ("ab", "ba"):
    alone = sum(row[net] == row["class"] != row[other] for row in rows)
    assert alone == result["top1"][net + "_alone"], (net, alone, result)
    alone = sum(row[f"{net}_top2"] > row[f"{other}_top2"] for row in rows)
    assert alone == result["topk"][net + "_alone"]
# Where the two agree a confusion counts for both, so the list has all differences.
count = collections.Counter()
for row in rows:
    for net, sign in (("a", 1), ("b", -1)):
        if row[net] != row["class"]:
            count[row["class"], row[net]] += sign
c = result["confusion"]
assert abs(c["a"] - c["b"]) == max(map(abs, count.values())), (c, count)
assert count[c["class"], c["guess"]] == c["a"] - c["b"], (c, count)
PY
}
check 'the list and the figures agree' listed
lines() {
    cat "$scratch/out"
    figures='top-1 [0-9.]+, top-2 [0-9.]+, guesses for 90 % [0-9.]+'
    ahead='(b is ahead of a by [0-9.]+ points|a is ahead of b by [0-9.]+ points|a and b are equal)'
    interval='95 % interval [-+][0-9.]+ to [-+][0-9.]+'
    alone="of 35 images a alone is right on [0-9]+, b alone on [0-9]+; McNemar's test p="
    sets='sets calibrated on 17 images, measured on 18 others: the right class is in [0-9.]+ and [0-9.]+ %'
    confusion='char_[0-9]+_ taken for char_[0-9]+_, [0-9]+ times by a, [0-9]+ by b'
    grep -Eq "^a: $figures   $scratch/a.cfg $scratch/backup/a.weights$" "$scratch/out" &&
        grep -Eq "^top-2: $ahead, $interval; $alone" "$scratch/out" &&
        grep -Eq "^guesses for 90 %: b - a = [-+][0-9.]+, $interval; $sets$" "$scratch/out" &&
        grep -Eq "^the confusion that differs most: $confusion$" "$scratch/out" &&
        grep -Eq "^they disagree on [0-9]+ images: $scratch/list.csv$" "$scratch/out"
}
check 'its lines' lines
guesses() { # as calibrate and valid -sets have them
    for net in a b; do
        sed "s#^train=.*#train=$scratch/none.txt#" "$scratch/x.data" >"$scratch/apart.data"
        : >"$scratch/none.txt"
        "$darknet" classifier calibrate "$scratch/apart.data" "$scratch/$net.cfg" \
            "$scratch/backup/$net.weights" >/dev/null 2>&1 || return 1
        "$darknet" classifier valid "$scratch/apart.data" "$scratch/$net.cfg" "$scratch/backup/$net.weights" \
            -sets "$scratch/backup/$net.sets" -report "$scratch/$net.json" >/dev/null 2>&1 || return 1
    done
    python3 -B - "$scratch" <<'PY'
import json, sys
scratch = sys.argv[1]
with open(scratch + "/json") as file:
    result = json.load(file)["guesses"]
assert result["cover"] == 0.9 and result["calibrated"] == 17 and result["measured"] == 18
for net in "ab":
    with open(f"{scratch}/{net}.json") as file:
        sets = json.load(file)["sets"]
    assert abs(sets["mean_set_size"] - result[net]) < 2e-6, (sets, result)
    assert abs(sets["coverage"] - result["coverage_" + net]) < 2e-6, (sets, result)
assert abs(result["difference"] - result["b"] + result["a"]) < 2e-6 and result["low"] <= result["high"]
PY
}
check 'guesses for 90 % are those of calibrate and valid -sets' guesses
# Images of one color each, which to the gray network are six grays: to each its own, in either order.
gray_beside_color() {
    mkdir -p "$scratch/color"
    python3 -B - "$scratch" <<'PY'
import sys
scratch = sys.argv[1]
paths = []
for number, color in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (250, 200, 0), (5, 120, 120), (128, 0, 255)]):
    for copy in range(6):
        paths.append(f"{scratch}/color/char_{65 + number}_{copy}.ppm")
        with open(paths[-1], "wb") as file:
            file.write(b"P6\n16 16\n255\n" + bytes(min(255, part + copy) for part in color) * 256)
with open(scratch + "/color.txt", "w") as file:
    print(*paths, sep="\n", file=file)
PY
    sed "s#^\(train\|valid\)=.*#\1=$scratch/color.txt#" "$scratch/x.data" >"$scratch/color.data"
    sed 's/^max_batches=.*/max_batches=60/' "$scratch/b.cfg" >"$scratch/color.cfg"
    sed 's/^channels=.*/channels=1/' "$scratch/color.cfg" >"$scratch/gray.cfg"
    for net in color gray; do
        "$darknet" classifier train "$scratch/color.data" "$scratch/$net.cfg" -seed 1 >"$scratch/train.out" 2>&1 ||
            return 1
        "$darknet" classifier valid "$scratch/color.data" "$scratch/$net.cfg" "$scratch/backup/$net.weights" \
            -verbose 2>/dev/null | grep 'top 1' | tail -n 1 | sed 's/.*top 1: \([^,]*\), .*/\1/' >"$scratch/$net.valid"
    done
    for order in 'color gray' 'gray color'; do
        # shellcheck disable=SC2086
        set -- $order
        "$darknet" classifier versus "$scratch/color.data" "$scratch/$1.cfg" "$scratch/backup/$1.weights" \
            "$scratch/$2.cfg" "$scratch/backup/$2.weights" -json >"$scratch/color.json" || return 1
        cat "$scratch/$1.valid" "$scratch/$2.valid" "$scratch/color.json"
        python3 -B -c 'import json, sys
got = json.load(open(sys.argv[1]))
assert all(abs(got[net]["top1"] - float(open(file).read())) < 2e-6 for net, file in zip("ab", sys.argv[2:]))' \
    "$scratch/color.json" "$scratch/$1.valid" "$scratch/$2.valid" || return 1
    done
}
check 'a gray network beside one of colors' gray_beside_color
ties() { # of two confusions of one image each, the last in the list is of the first class, and it is named
    sed 's/^max_batches=.*/max_batches=1/' "$scratch/color.cfg" >"$scratch/poor.cfg" # one guess for almost all
    "$darknet" classifier train "$scratch/color.data" "$scratch/poor.cfg" -seed 1 >"$scratch/train.out" 2>&1 || return 1
    versus_poor() {
        "$darknet" classifier versus "$1" "$scratch/poor.cfg" "$scratch/backup/poor.weights" "$scratch/color.cfg" \
            "$scratch/backup/color.weights" -list "$scratch/poor.csv" 2>/dev/null
    }
    versus_poor "$scratch/color.data" >"$scratch/tie.out"
    python3 -B - "$scratch" <<'PY' || return 1
import csv, sys
scratch = sys.argv[1]
with open(scratch + "/poor.csv") as file:
    rows = [row for row in csv.DictReader(file) if row["b"] == row["class"] != row["a"]]
one = {(row["class"], row["a"]): row["path"] for row in rows}
first, *_, last = sorted(one)
with open(scratch + "/tie.txt", "w") as file:
    print(one[last], one[first], sep="\n", file=file)
with open(scratch + "/tie", "w") as file:
    print("the confusion that differs most: %s taken for %s, 1 times by a, 0 by b" % first, file=file)
PY
    sed "s#^valid=.*#valid=$scratch/tie.txt#" "$scratch/color.data" >"$scratch/tie.data"
    versus_poor "$scratch/tie.data" >"$scratch/tie.out"
    cat "$scratch/tie" "$scratch/tie.out"
    grep -qxFf "$scratch/tie" "$scratch/tie.out"
}
check 'of confusions that differ alike the first is named' ties
itself() {
    "$darknet" classifier versus "$scratch/x.data" "$scratch/a.cfg" "$scratch/backup/a.weights" "$scratch/a.cfg" \
        "$scratch/backup/a.weights" >"$scratch/same" 2>/dev/null || return 1
    cat "$scratch/same"
    equal='top-1: a and b are equal, 95 % interval -5.30 to +5.30'
    grep -q "$equal; of 35 images a alone is right on 0, b alone on 0.*p=1$" "$scratch/same" &&
        grep -q '^they disagree on 0 images$' "$scratch/same" && ! grep -q confusion "$scratch/same"
}
check 'a network and itself do not differ' itself
unread() {
    cp "$scratch/x.data" "$scratch/y.data"
    { head -n 3 "$scratch/valid.txt"; echo "$scratch/no_char_65_.png"; } >"$scratch/some.txt"
    sed -i "s#^valid=.*#valid=$scratch/some.txt#" "$scratch/y.data"
    "$darknet" classifier versus "$scratch/y.data" "$scratch/a.cfg" "$scratch/backup/a.weights" "$scratch/b.cfg" \
        "$scratch/backup/b.weights" >"$scratch/out" 2>"$scratch/err"
    [ $? -eq 1 ] && grep -q 'Left out: .*no_char_65_.png' "$scratch/err" &&
        grep -q '1 of 4 images were left out: the figures are those of the other 3' "$scratch/err" &&
        grep -q 'of 3 images' "$scratch/out"
}
check 'an image that cannot be read is named and left out, and the exit code says so' unread
without_stderr() { # the list, which would get its number, has no message in it
    for closed in '2>&-' '>&- 2>&-'; do
        eval '"$darknet" classifier versus "$scratch/y.data" "$scratch/a.cfg" "$scratch/backup/a.weights" \
            "$scratch/b.cfg" "$scratch/backup/b.weights" -list "$scratch/closed.csv" >"$scratch/out"' "$closed"
        cat "$scratch/closed.csv"
        ! grep -q 'Left out' "$scratch/closed.csv" && grep -q '^path,class,a,b' "$scratch/closed.csv" || return 1
    done
}
check 'without descriptors 1 and 2 no message goes into a file' without_stderr
# refused TEXT ARGUMENT...
refused() {
    text=$1
    shift
    "$darknet" classifier "$@" >"$scratch/message" 2>&1
    code=$?
    tail -n 3 "$scratch/message"
    [ $code -eq 1 ] && grep -qF -- "$text" "$scratch/message"
}
a=$scratch/a.cfg aw=$scratch/backup/a.weights
check 'without a second network there is a line of usage' refused 'usage: darknet classifier versus' versus \
    "$scratch/x.data" "$a" "$aw"
check 'a list that cannot be written is refused' refused 'nowhere/l.csv: cannot be written' versus "$scratch/x.data" \
    "$a" "$aw" "$a" "$aw" -list "$scratch/nowhere/l.csv"
sed 's/^filters=6/filters=5/' "$a" >"$scratch/five.cfg"
head -n 25 "$scratch/valid.txt" >"$scratch/five.txt"
sed "s/^classes=6/classes=5/; s#^valid=.*#valid=$scratch/five.txt#" "$scratch/x.data" >"$scratch/five.data"
check 'data of other classes are refused' refused 'a.cfg' versus "$scratch/five.data" "$a" "$aw" "$a" "$aw"
check 'weights of another network are refused' refused 'a.weights' versus "$scratch/x.data" "$a" "$aw" \
    "$scratch/five.cfg" "$scratch/backup/a.weights"
check '-json is not for valid' refused '-json: no such option; classifier predict has it' valid "$scratch/x.data" "$a" \
    "$aw" -json
echo "$scratch/no_char_65_.png" >"$scratch/none.txt"
sed "s#^valid=.*#valid=$scratch/none.txt#" "$scratch/x.data" >"$scratch/none.data"
check 'a list of which no image can be read' refused 'none of the 1 images can be read' versus "$scratch/none.data" \
    "$a" "$aw" "$a" "$aw" -list "$scratch/none.csv"
check 'leaves no list' [ ! -e "$scratch/none.csv" ]
with_tree() {
    printf 'char_%d_ -1\n' 65 66 67 68 69 70 >"$scratch/x.tree"
    sed "s#^\[softmax\]#&\ntree=$scratch/x.tree#" "$a" >"$scratch/tree.cfg"
    refused 'not for networks with a tree of classes' versus "$scratch/x.data" "$scratch/tree.cfg" "$aw" "$a" "$aw"
}
check 'a network with a tree of classes is refused' with_tree
odd_names() { # quotes and control characters in a path are JSON's
    odd="$scratch/a\"b\\c$(printf '\t')d.cfg"
    cp "$a" "$odd"
    "$darknet" classifier versus "$scratch/x.data" "$odd" "$aw" "$a" "$aw" -json >"$scratch/odd.json" 2>/dev/null &&
        python3 -B -c 'import json, sys; assert json.load(open(sys.argv[1]))["a"]["cfg"] == sys.argv[2]' \
            "$scratch/odd.json" "$odd" &&
        grep -q '"confusion": null' "$scratch/odd.json"
}
check 'any path is quoted in JSON' odd_names
progress() {
    script -qec "'$darknet' classifier versus '$scratch/x.data' '$a' '$aw' '$a' '$aw'" /dev/null </dev/null |
        tr '\r' '\n' | grep -q '^35/35 images'
}
check 'on a terminal there is a line of progress' progress
finish
