#!/bin/sh
# make compare and make tune: the draws, a small grid that is killed and started again, its tables and plots, what is refused.
. tests/tap.sh
set=$scratch/set
build/make_glyphs build/upstream/data/labels "$set" -train 6 -valid 2 -size 16 || echo "# make_glyphs failed"
for loss in softmax smooth_topk; do
    network "$scratch/tiny_$loss.cfg" "[connected]
output=9
activation=linear
[$loss]" 20
done
sed -i 's/^\[smooth_topk\]/&\nk=5\ntau=1\nalpha=1/' "$scratch/tiny_smooth_topk.cfg"
sums() { (cd "$set" && find . -type f -exec cksum {} + | sort); }
sums >"$scratch/set.sums"

# program COMMAND SETTING...: compare.py on the small set, in $scratch/out but for other settings.
start=
program() {
    command=$1
    shift
    $start env DATA="$set" NETWORK="$scratch/tiny" OUT="$scratch/out" NOISE="0 1" FRACTION="1 0.5" SEEDS="1 2" BATCHES=400 JOBS=2 "$@" \
        tools/compare.py "$command"
}

# --- A grid that is killed when it has results, and started again
kill_it() {
    start='exec setsid' # a process group of its own, whose number is that of the program
    program compare >"$scratch/first.out" 2>&1 &
    pid=$!
    start=
    tries=0
    until [ "$(wc -l <"$scratch/out/results.csv" 2>/dev/null || echo 0)" -ge 3 ] && ls "$scratch"/out/runs/*/weights/run.backup; do
        sleep 0.05
        tries=$((tries + 1))
        [ $tries -lt 600 ] && kill -0 $pid || { cat "$scratch/first.out"; return 1; }
    done >/dev/null 2>&1
    kill -KILL -$pid
    wait $pid
    [ $? -eq 137 ] && [ -n "$(ls "$scratch"/out/runs/*/weights/run.backup)" ]
}
check 'a grid is killed, its trainings too' kill_it
cp "$scratch/out/results.csv" "$scratch/before.csv"
killed=$(ls "$scratch"/out/runs/*/weights/run.backup | head -n 1)
killed=${killed%/weights/run.backup}
finished=$(sed -n 2p "$scratch/before.csv" | awk -F, '{ printf "%s_p%s_f%s_s%s", $1, $2, $3, $4 }')
cksum "$scratch/out/runs/$finished/train.log" >"$scratch/finished.sum"
[ -f "$killed/log.csv" ] && cp "$killed/log.csv" "$scratch/killed.csv"

goes_on() { program compare >"$scratch/second.out" 2>&1 || { tail -n 20 "$scratch/second.out"; return 1; }; }
check 'started again, it ends' goes_on
says() { grep -q "16 runs of 400 batches, $(($(wc -l <"$scratch/before.csv") - 1)) of them done before" "$scratch/second.out"; }
check 'it says how many runs were done before' says
not_again() { cksum "$scratch/out/runs/$finished/train.log" | cmp - "$scratch/finished.sum" && head -n 3 "$scratch/out/results.csv" | cmp - "$scratch/before.csv" -n "$(head -n 3 "$scratch/before.csv" | wc -c)"; }
check 'what was finished is not trained again' not_again
continued() {
    cut -d, -f1 "$killed/log.csv"
    grep -q "Loading weights from $killed/weights/run.backup" "$killed/train.log" &&
        [ "$(cut -d, -f1 "$killed/log.csv" | tr '\n' ' ')" = "batch 40 80 120 160 200 240 280 320 360 400 " ] &&
        [ "$(sed -n 2p "$killed/log.csv")" = "$(sed -n 2p "$scratch/killed.csv")" ]
}
check 'what was killed goes on from its last weights, and so does its log' continued
sixteen() { [ "$(sed 1d "$scratch/out/results.csv" | cut -d, -f1-4 | sort -u | wc -l)" -eq 16 ] && [ "$(wc -l <"$scratch/out/results.csv")" -eq 17 ]; }
check 'each of the 16 runs has one line of results' sixteen
again() { goes_on && grep -q '16 of them done before' "$scratch/second.out" && cmp "$scratch/out/results.csv" "$scratch/results.csv"; }
cp "$scratch/out/results.csv" "$scratch/results.csv"
check 'a third start trains nothing' again

orphans() {
    rm -rf "$scratch/orphan"
    start='exec setsid'
    program compare OUT="$scratch/orphan" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=100000 >"$scratch/orphan.out" 2>&1 &
    pid=$!
    start=
    tries=0
    until [ -s "$scratch/orphan/runs/softmax_p0_f1_s1/train.log" ] && [ -s "$scratch/orphan/runs/smooth_topk_p0_f1_s1/train.log" ]; do
        sleep 0.1
        tries=$((tries + 1))
        [ $tries -lt 100 ] || return 1
    done
    kill -KILL $pid
    tries=0
    while kill -0 -$pid 2>/dev/null; do
        sleep 0.1
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { kill -KILL -$pid; return 1; }
    done
}
check 'where the program alone is killed, its trainings stop too' orphans

# --- The tables and plots, against results.csv
there() {
    cat "$scratch/out/table.txt"
    [ "$(grep -c '^| [0-9]' "$scratch/out/table.md")" -eq 8 ] && [ "$(wc -l <"$scratch/out/table.csv")" -eq 9 ] &&
        grep -q '<svg' "$scratch/out/noise.svg" && grep -q '</svg>' "$scratch/out/training.svg"
}
check 'table.txt, .md, .csv and the plots are there' there
figures() { # mean, standard deviation and difference of top 5 at noise 1, all of the training set, last weights
    want=$(awk -F, '$2 == 1 && $3 == 1 { x[$1, ++n[$1]] = 100 * $7 }
        END { a = x["softmax", 1]; b = x["softmax", 2]; c = x["smooth_topk", 1]; d = x["smooth_topk", 2]
              s = (a - b) ^ 2 / 2; t = (c - d) ^ 2 / 2
              printf "%.3f,%.3f,%.3f,%.3f,%.3f", (a + b) / 2, sqrt(s), (c + d) / 2, sqrt(t), (c + d - a - b) / 2 }' "$scratch/out/results.csv")
    got=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
        $1 == "last" && $2 == 1 && $3 == 1 { print $at["softmax_topk"] "," $at["softmax_topk_sd"] "," $at["smooth_topk_topk"] "," $at["smooth_topk_topk_sd"] "," $at["difference_topk"] }' "$scratch/out/table.csv")
    echo "want $want"
    echo "got  $got"
    [ "$want" = "$got" ]
}
check 'its means, deviations and differences are those of results.csv' figures
python() { PYTHONPATH=tools python3 -B - "$@"; }
student() {
    python <<'PY'
from compare_report import exceeds
assert exceeds([1.0, 1.1, 0.9]) == "yes"
assert exceeds([1.0, -1.1, 0.9]) == "no"
assert exceeds([-1.0, -1.1, -0.9]) == "yes"
assert exceeds([5.0]) == "one seed"
# t of 4 and 6 is 5: beyond no 95 % of two seeds (12.706)
assert exceeds([4.0, 6.0]) == "no" and exceeds([4.9, 5.1]) == "yes"
PY
}
check 'a difference is beyond the seeds by Student'"'"'s t' student
best_not_below() { awk -F, 'NR > 1 && $9 < $7 { print; exit 1 }' "$scratch/out/results.csv"; }
check 'the best top 5 is never below the last' best_not_below

# --- The draws
untouched() { sums | diff "$scratch/set.sums" -; }
check 'the data set is as it was' untouched
lists() {
    awk -F, 'FNR == 1 { n = 0 } FNR > 1 { if (index($1, $2) == 0) { print; exit 1 } }' "$scratch"/out/data/draws/*.labels.csv &&
        cut -d, -f1 "$scratch/out/data/draws/p1_f1_s1.labels.csv" | sed 1d | cmp - "$scratch/out/data/draws/p1_f1_s1.txt" &&
        [ "$(wc -l <"$scratch/out/data/draws/p1_f1_s1.txt")" -eq 570 ] && [ "$(wc -l <"$scratch/out/data/draws/p1_f0.5_s2.txt")" -eq 285 ] &&
        xargs ls <"$scratch/out/data/draws/p1_f1_s1.txt" >/dev/null
}
check 'a list has the images it should, and each path the label that its table says' lists
apart() { ! cat "$scratch"/out/data/draws/p*.txt | xargs readlink -f | grep "$set/valid" && diff "$set/valid.txt" "$scratch/out/data/draws/valid.txt"; }
check 'the validation set is whole and no run trains on it' apart
draws() {
    python "$set" "$scratch" <<'PY'
import os, sys
import compare_data as c
directory, scratch = sys.argv[1:]
data = c.DataSet(directory, 5)
n = len(data.train)
labels = {p: [c.redrawn_class(data, i, p, 7) for i in range(n)] for p in (0, 0.5, 1)}
assert labels[0] == data.train_classes
for p in (0.5, 1):
    changed = sum(a != b for a, b in zip(labels[p], data.train_classes)) / n
    assert abs(changed - 0.8 * p) < 4 * (0.25 / n) ** 0.5, (p, changed)
    assert all(a // 5 == b // 5 for a, b in zip(labels[p], data.train_classes)), "left its group"
assert all(b == d for a, b, d in zip(labels[0], labels[0.5], labels[1]) if b != a), "not nested"
assert [c.redrawn_class(data, i, 1, 8) for i in range(n)] != labels[1], "the seed does not matter"
half, quarter = c.subset(data, range(n), 0.5, 7), c.subset(data, range(n), 0.25, 7)
assert set(quarter) < set(half) and len(half) == n // 2
assert all(sum(data.train_classes[i] == k for i in half) == 3 for k in range(95))
assert c.subset(data, range(n), 0.001, 7) and len(c.subset(data, range(n), 0.001, 7)) == 95
for name in ("one", "two"):
    c.draw(data, f"{scratch}/{name}", 0.5, 0.5, 7, range(n))
def table(name):
    with open(f"{scratch}/{name}/p0.5_f0.5_s7.labels.csv") as file:
        return file.read().replace(f"{scratch}/{name}", "")
assert table("one") == table("two")
data.groups = [str(k % 2) for k in range(95)]  # as a groups file would say
drawn = [c.redrawn_class(data, i, 1, 7) for i in range(n)]
assert all(a % 2 == b % 2 for a, b in zip(drawn, data.train_classes)) and len(set(drawn)) > 80
PY
}
check 'noise has its share, stays in its group and is nested; subsets are nested; all of it is the same again' draws

folders() { # without lists
    mkdir "$scratch/folders" && cp "$set/labels.txt" "$scratch/folders" && ln -s "$set/train" "$scratch/folders/train" && ln -s "$set/valid" "$scratch/folders/val" &&
        python "$set" "$scratch/folders" <<'PY'
import os, sys
import compare_data as c
lists, folders = (c.DataSet(directory, 5) for directory in sys.argv[1:])
assert [os.path.basename(p) for p in folders.train] == sorted(os.path.basename(p) for p in lists.train)
assert [os.path.basename(p) for p in folders.valid] == sorted(os.path.basename(p) for p in lists.valid)
PY
}
check 'folders do in place of lists' folders

# --- CIFAR-100, from an archive of the original's layout
cifar() {
    python "$scratch" <<'PY'
import io, os, struct, sys, tarfile, zlib
import compare_data as c
out = sys.argv[1] + "/cifar"
archive = sys.argv[1] + "/cifar.tar.gz"
fine = ["bee", "beetle", "cup", "porcupine"]
def record(coarse, label, seed):
    return bytes([coarse, label]) + bytes((i * 7 + seed) % 256 for i in range(3072))
files = {"fine_label_names.txt": "\n".join(fine) + "\n", "coarse_label_names.txt": "insects\nthings\n",
         "train.bin": record(0, 1, 1) + record(1, 2, 2) + record(0, 0, 3) + record(0, 3, 4), "test.bin": record(1, 2, 5)}
def pack(files):
    with tarfile.open(archive, "w:gz") as tar:
        for name, content in files.items():
            content = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo("cifar-100-binary/" + name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
pack(files)
c.unpack_cifar100(archive, out)
data = c.DataSet(out, 2)
assert [os.path.basename(p) for p in data.train] == ["00000_beetle.png", "00001_cup.png", "00002_bee.png", "00003_porcupine.png"]
assert data.labels == ["_bee.", "_beetle.", "_cup.", "_porcupine."] and data.train_classes == [1, 2, 0, 3]
assert data.groups == ["insects", "insects", "things", "insects"] and len(data.valid) == 1
png = open(data.train[1], "rb").read()
assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) == (32, 32)
size = struct.unpack(">I", png[33:37])[0]
rows = zlib.decompress(png[41:41 + size])
assert len(rows) == 32 * 97
for plane in range(3):
    for x, y in ((0, 0), (31, 0), (5, 17), (31, 31)):
        assert rows[y * 97 + 1 + 3 * x + plane] == ((plane * 1024 + y * 32 + x) * 7 + 2) % 256
def refused(call, text):
    try:
        call()
    except c.Refused as reason:
        assert text in str(reason), reason
    else:
        raise AssertionError("not refused: " + text)
refused(lambda: c.fetch_cifar100(archive), "MD5 checksum")
refused(lambda: c.fetch_cifar100(archive + "x"), "cannot be read")
pack({**files, "train.bin": files["train.bin"][:-1]})
refused(lambda: c.unpack_cifar100(archive, out + "2"), "no whole images")
pack({**files, "test.bin": record(0, 2, 5)})
refused(lambda: c.unpack_cifar100(archive, out + "2"), "cannot be")
PY
}
check 'CIFAR-100 is unpacked to paths, labels, groups and pixels; another archive is refused' cifar
reads() {
    printf 'classes=4\nvalid=%s/valid.txt\nlabels=%s/labels.txt\ntop=2\n' "$scratch/cifar" "$scratch/cifar" >"$scratch/cifar.data"
    sed 's/^output=.*/output=4/; s/^k=5/k=2/' "$scratch/tiny_smooth_topk.cfg" >"$scratch/cifar.cfg"
    "$darknet" classifier valid "$scratch/cifar.data" "$scratch/cifar.cfg" | grep -q '_cup.png, 2,'
}
check 'Darknet reads its images' reads

# --- Tuning
tuned() {
    program tune OUT="$scratch/tune" NOISE=0.5 FRACTION=1 SEEDS=1 BATCHES=20 LRS="0.01 0.1" TAUS="0.1 1" >"$scratch/tune.out" 2>&1
    code=$?
    cat "$scratch/tune.out"
    [ $code -eq 0 ] && grep -q 'make compare DATA=.* BATCHES=20 OUT=.*_compared LR_SOFTMAX=[0-9.]* LR_SMOOTH_TOPK=[0-9.]* TAU=' "$scratch/tune.out" &&
        [ "$(grep -c '^softmax,' "$scratch/tune/tune.csv")" -eq 4 ] && [ "$(grep -c '^smooth_topk,' "$scratch/tune/tune.csv")" -eq 4 ]
}
check 'tuning gives each loss as many runs and says how to compare with the best' tuned
held_apart() {
    sort "$scratch/tune/data/draws/valid.txt" >"$scratch/held" && [ "$(wc -l <"$scratch/held")" -eq 95 ] &&
        sort "$set/train.txt" | comm -23 "$scratch/held" - | cmp - /dev/null &&
        cut -d, -f4 "$scratch/tune/data/draws/p0.5_f1_s1.labels.csv" | sort | comm -12 "$scratch/held" - | cmp - /dev/null
}
check 'on images of the training set that no run of it trains on' held_apart
divergent() {
    program tune OUT="$scratch/diverge" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=20 LRS="0.01 1e30" TAUS=1 >"$scratch/tune.out" 2>&1
    ! grep -l 'Stopped by signal' "$scratch"/diverge/runs/*/train.log && grep -q '^smooth_topk .* diverged$' "$scratch/tune.out" && grep -q 'make compare .*LR_SOFTMAX=0.01' "$scratch/tune.out" || { cat "$scratch/tune.out"; return 1; }
}
check 'a rate at which the training diverges is said to, and does not win' divergent

# refused TEXT SETTING...: exit code 1 and one message with TEXT in it.
refused() {
    text=$1
    shift
    program compare "$@" >"$scratch/message" 2>&1
    code=$?
    cat "$scratch/message"
    [ $code -eq 1 ] && grep -qF -- "$text" "$scratch/message" && ! grep -q Traceback "$scratch/message"
}
check 'NOISE above 1 is refused' refused 'NOISE=0 1.5: 1.5 must be a number from 0 to 1' NOISE='0 1.5'
check 'FRACTION 0 is refused' refused 'FRACTION=0: 0 must be a number above 0' FRACTION=0
check 'SEEDS x is refused' refused 'SEEDS=1 x: x must be a whole number' SEEDS='1 x'
check 'blank NOISE is refused' refused 'must be one or more values' NOISE=' '
check 'BATCHES 0 is refused' refused 'BATCHES=0: must be a whole number from 1' BATCHES=0
check 'JOBS 0 is refused' refused 'JOBS=0: must be' JOBS=0
endless() {
    for loss in softmax smooth_topk; do sed "/^max_batches/d" "$scratch/tiny_$loss.cfg" >"$scratch/endless_$loss.cfg"; done
    refused "endless_smooth_topk.cfg has no max_batches" NETWORK="$scratch/endless" BATCHES=
}
check 'a network that says no max_batches needs BATCHES' endless
check 'LR 0 is refused' refused 'LR=0: must be a number above 0' LR=0
check 'TAU -1 is refused' refused 'TAU=-1: must be' TAU=-1
check 'TAU nan is refused' refused 'TAU=nan: must be' TAU=nan
check 'K as great as the number of classes is refused' refused 'K=95: must be smaller than 95' K=95 OUT="$scratch/k"
check 'no such DATA is refused' refused 'DATA=nowhere: must be glyphs, cifar100 or a directory' DATA=nowhere
check 'no such NETWORK is refused' refused 'there is no nowhere_softmax.cfg' NETWORK=nowhere
check 'OUT with a space is refused' refused 'choose another' OUT="$scratch/a b"
check 'results of other settings are refused' refused 'the results in' BATCHES=401
check 'another TAU in the same OUT is refused' refused 'are of TAU=1' TAU=2
mkdir "$scratch/bin" && ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$scratch/bin/python3"
check 'without gnuplot, it says how to get it' refused 'apt-get install gnuplot-nox' PATH="$scratch/bin"
overlap() {
    mkdir -p "$scratch/overlap" && cp "$set"/*.txt "$scratch/overlap" && head -n 1 "$set/valid.txt" >>"$scratch/overlap/train.txt"
    refused 'is to train and to validate on' DATA="$scratch/overlap" OUT="$scratch/o"
}
check 'an image to train and to validate on is refused' overlap
finish
