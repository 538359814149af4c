#!/bin/sh
# What make compare reads and writes, without training: images and their classes, draws, losses, tables, plots, refusals.
. tests/compare_set.sh
sums() { (cd "$set" && find . -type f -exec cksum {} + | sort); }
sums >"$scratch/set.sums"

# --- How an image gets its class
# tree DIR PATH...: a directory with these files, each a small image.
tree() {
    (
        root=$1
        shift
        for path in "$@"; do
            mkdir -p "$(dirname "$root/$path")" && cp build/source/data/labels/65_0.png "$root/$path"
        done
    )
}
cat >"$scratch/classes.py" <<'PY'
import compare_data as c
def classes(directory, k=1):
    data = c.DataSet(directory, k)
    return [data.labels[i] for i in data.train_classes], [data.labels[i] for i in data.valid_classes]
def refused(call, *texts):
    try:
        call()
    except c.Refused as reason:
        for text in texts:
            assert text in str(reason), (text, str(reason))
    else:
        raise AssertionError(f"not refused: {texts}")
PY
classes() { { cat "$scratch/classes.py" && cat; } >"$scratch/now.py" && (cd "$scratch" && PYTHONPATH="$OLDPWD/tools" python3 -B now.py); }
folders() { # CIFAR-100 has bee, beetle, and train; the directory's own path has apple
    tree "$scratch/apple/a" train/apple/1.png train/bee/1.png train/beetle/1.png train/train/1.png valid/train/1.png valid/beetle/7.png valid/apple/x.png
    classes <<'PY'
assert classes("apple/a") == (["apple", "bee", "beetle", "train"], ["apple", "beetle", "train"])
with open("apple/a/labels.txt", "w") as file:
    file.write("train\nbeetle\nbee\napple\n")
assert classes("apple/a") == (["apple", "bee", "beetle", "train"], ["apple", "beetle", "train"])
assert c.DataSet("apple/a", 1).labels[0] == "train"
with open("apple/a/labels.txt", "w") as file:
    file.write("/train/\n/beetle/\n/bee/\n/apple/\n")
assert classes("apple/a")[0] == ["/apple/", "/bee/", "/beetle/", "/train/"]
PY
}
check 'a folder a class just works, whatever the names, with labels.txt and without' folders
lists() {
    tree "$scratch/l" train/bee/1.png train/train/1.png valid/bee/1.png other/beetle/1.png flat/1_bee.png flat/2_beetle.png
    classes <<'PY'
def write(name, *lines):
    with open("l/" + name, "w") as file:
        file.write("".join(line + "\n" for line in lines))
write("labels.txt", "bee", "beetle", "train")
write("train.txt", "train/bee/1.png", "train/train/1.png", "flat/1_bee.png", "flat/2_beetle.png")
write("valid.txt", "valid/bee/1.png", "other/beetle/1.png")
assert classes("l") == (["bee", "train", "bee", "beetle"], ["bee", "beetle"])
write("train.txt", "train/bee/1.png", "flat/none.png")
refused(lambda: classes("l"), "train.txt: there is no flat/none.png, seen from l")
PY
}
check 'with lists, by folder or by the longest label in the name' lists
labels() {
    tree "$scratch/m" train/1_bee_beetle.png train/2_cup.png valid/3_cup.png
    classes <<'PY'
def write(*lines):
    with open("m/labels.txt", "w") as file:
        file.write("".join(line + "\n" for line in lines))
refused(lambda: classes("m"), "has no labels.txt, and m/train/1_bee_beetle.png is in no folder of a class", "train/NAME/")
write("bee", "beetle", "cup")
refused(lambda: classes("m"), "1_bee_beetle.png: its path below m holds the labels bee, beetle, and must hold one; put the images of each class into a folder")
write("x", "y", "cup")
refused(lambda: classes("m"), "1_bee_beetle.png: its path below m holds none of the 3 labels of m/labels.txt (x, y, cup)")
write("bee", "cup", "/bee/")
refused(lambda: classes("m"), "labels.txt: the label /bee/ is on the lines 1 and 3")
write("beetle", "cup", "plate")
assert classes("m") == (["beetle", "cup"], ["cup"]) and c.DataSet("m", 1).without_images() == ["plate"]
refused(lambda: classes("m", 3), "K=3: must be smaller than 3")
write("png", "cup", "beetle")
refused(lambda: classes("m"), "beetle, png")
PY
}
check 'labels that do not tell are named, with the way out; a label listed twice is refused' labels
paths() { # what Darknet reads: one label in each path, whatever the names
    classes <<'PY'
data = c.DataSet("apple/a", 1)
train = c.draw(data, "made", 0, 1, 1, range(len(data.train)))
valid, labels = c.write_valid(data, "made", "valid", range(len(data.valid)))
with open(train) as one, open(valid) as two, open(labels) as three:
    train, valid, labels = one.read().split(), two.read().split(), three.read().split()
assert all(sum(label in path for label in labels) == 1 for path in train + valid)
assert [[l for l in labels if l in path][0] for path in train] == [labels[i] for i in data.train_classes]
import os
assert [os.path.realpath(path) for path in train] == [os.path.realpath(path) for path in data.train]
PY
}
check 'the paths that Darknet gets hold one label each, and lead to the images' paths

# --- The draws
draws() {
    python "$set" "$scratch" <<'PY'
import sys
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
    with open(f"{scratch}/{name}/draws/p0.5_f0.5_s7.labels.csv") as file:
        return file.read().replace(f"{scratch}/{name}", "")
assert table("one") == table("two")
data.groups = [str(k % 2) for k in range(95)]  # as a groups file would say
drawn = [c.redrawn_class(data, i, 1, 7) for i in range(n)]
assert all(a % 2 == b % 2 for a, b in zip(drawn, data.train_classes)) and len(set(drawn)) > 80
PY
}
check 'noise has its share, stays in its group and is nested; subsets are nested; all of it is the same again' draws

check_untouched() { sums | diff "$scratch/set.sums" -; }
check 'the data set is as it was' check_untouched

folders_and_lists() { # without lists
    mkdir "$scratch/folders" && cp "$set/labels.txt" "$scratch/folders" && ln -s "$set/train" "$scratch/folders/train" && ln -s "$set/valid" "$scratch/folders/val" &&
        python "$set" "$scratch/folders" <<'PY'
import os, sys
import compare_data as c
lists, folders = (c.DataSet(directory, 5) for directory in sys.argv[1:])
assert [os.path.basename(p) for p in folders.train] == sorted(os.path.basename(p) for p in lists.train)
assert [os.path.basename(p) for p in folders.valid] == sorted(os.path.basename(p) for p in lists.valid)
PY
}
check 'folders do in place of lists' folders_and_lists

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
    "$darknet" partial "$scratch/cifar.cfg" '' "$scratch/cifar.weights" 99 2>/dev/null
    "$darknet" classifier valid "$scratch/cifar.data" "$scratch/cifar.cfg" "$scratch/cifar.weights" -verbose | grep -q '_cup.png, 2,'
}
check 'Darknet reads its images' reads

# --- Losses and networks
losses() {
    python "$scratch/tiny" <<'PY'
import os, sys
from compare_settings import read_settings
from compare_losses import network_text
from compare_data import Refused
def read(**more):
    return read_settings({"DATA": os.path.dirname(sys.argv[1]), "NETWORK": sys.argv[1], "BATCHES": "40", **more}, False)
def text(loss, settings, **more):
    return network_text(loss, settings, 7, loss.rate, **more)
settings = read(LOSSES="softmax smooth_topk 'smooth_topk k=1,5 rate=0.2' 'topk_loss type=lml' 'topk_loss type=l2svm'", K="3", ALPHA="2", LR_SOFTMAX="0.5")
softmax, smooth, both, lml, l2svm = settings["losses"]
assert [loss.label for loss in settings["losses"]] == ["softmax", "smooth_topk", "smooth_topk k=1,5", "topk_loss type=lml", "topk_loss type=l2svm"]
assert text(softmax, settings).endswith("output=7\nactivation=linear\n\n[softmax]\n")
assert text(smooth, settings).endswith("\n[smooth_topk]\nk=3\ntau=0.5\nalpha=2\n"), "K and ALPHA, and tau of the file"
assert text(both, settings).endswith("\n[smooth_topk]\nk=1,5\ntau=0.5\nalpha=2\n")
assert text(lml, settings).endswith("\n[topk_loss]\nk=3\ntype=lml\n") and text(lml, settings, tau=4).endswith("type=lml\ntau=4\n")
assert text(l2svm, settings).endswith("\n[topk_loss]\ntype=l2svm\n")
assert settings["EVERY"] == 4 and read(EVERY="7")["EVERY"] == 7 and read(BATCHES="9")["EVERY"] == 1
assert (softmax.rate, smooth.rate, both.rate) == (0.5, 0.05, 0.2)
assert "learning_rate=0.2\n" in text(both, settings) and "max_batches=40\n" in text(both, settings) and "steps=20,32\n" in text(both, settings)
assert text(lml, settings).count("[connected]") == 1 and "smooth_topk" not in text(lml, settings)
one = f"{sys.argv[1]}_softmax.cfg"
assert read(NETWORK=one)["losses"][1].base == one, "one file does for all losses"
alike = read(LOSSES="'softmax rate=0.1' 'softmax rate=0.2'")["losses"]
assert [loss.label for loss in alike] == ["softmax rate=0.1", "softmax rate=0.2"]
for losses, message in (("softmax softmax", "softmax is given twice"), ("'softmax k'", "k is not an option, name=value"), ("''", "must begin with the name of a section"),
                        ("'softmax", "put each loss that has options in quotes"), ("'softmax rate=0'", "rate=0 must be a number above 0"), ("5", "must begin"),
                        ("'softmax a=1 a=2'", "a is given twice")):
    try:
        read(LOSSES=losses)
    except Refused as reason:
        assert message in str(reason), reason
    else:
        raise AssertionError(losses)
PY
}
check 'a loss is a last section with options; what it does not say is from settings, then from the file' losses

candidates() {
    python "$scratch/tiny" <<'PY'
import os, sys
from compare import candidates_of
from compare_settings import read_settings
def tried(lrs, taus, loss):
    settings = read_settings({"DATA": os.path.dirname(sys.argv[1]), "NETWORK": sys.argv[1], "LRS": lrs, "TAUS": taus, "LOSSES": loss}, True)
    return candidates_of(settings["losses"][0], settings)
assert tried("0.01 0.04", "0.3 1", "smooth_topk") == [(0.01, 0.3), (0.04, 0.3), (0.01, 1), (0.04, 1)]
assert tried("0.01 0.08", "0.3 1", "softmax") == [(0.01, None), (0.02, None), (0.04, None), (0.08, None)]
assert tried("0.01 0.08", "0.3 1", "'smooth_topk tau=2'") == tried("0.01 0.08", "0.3 1", "softmax"), "LOSSES says tau"
assert tried("0.01", "0.3 1", "softmax") == [(0.01, None)] and tried("0.01", "0.3 1", "'topk_loss type=lml'") == [(0.01, 0.3), (0.01, 1)]
PY
}
check 'tune tries as many rates, or rates and temperatures, for each loss' candidates

# --- Tables and plots, of results that are made up
tables() {
    python "$scratch/report" "$(command -v gnuplot)" <<'PY'
import csv, os, re, sys
from compare_report import exceeds, plot, report, run_name
from compare_runs import results_text
assert exceeds([1.0, 1.1, 0.9]) == "yes" and exceeds([1.0, -1.1, 0.9]) == "no" and exceeds([-1.0, -1.1, -0.9]) == "yes" and exceeds([5.0]) == "one seed"
# t of 4 and 6 is 5: beyond no 95 % of two seeds (12.706)
assert exceeds([4.0, 6.0]) == "no" and exceeds([4.9, 5.1]) == "yes" and exceeds([1.0, 1.0]) == "no"
out = sys.argv[1]
labels = ["softmax", "smooth_topk", "smooth_topk k=1,5"]
def result(loss, noise, seed, top1, topk, **more):
    name = run_name(loss, noise, 1, seed)
    os.makedirs(f"{out}/runs/{name}")
    row = {"loss": loss, "noise": noise, "fraction": 1, "seed": seed, "batches": 100, "top1_last": top1, "topk_last": topk, "top1_best": top1 + 0.01,
           "topk_best": topk + 0.01, "best_batch": 90, "train_loss": 0.25, "train_top1": 0.9, "seconds": 5, **more}
    with open(f"{out}/runs/{name}/result.csv", "w") as file:
        file.write(results_text([row]))
    with open(f"{out}/runs/{name}/log.csv", "w") as file:
        file.write("batch,epoch,loss,rate,top1,top5,seconds\n" + "".join(f"{b},1,1,1,{top1},{topk * b / 100},1\n" for b in (50, 100)))
for seed, top1, topk in ((1, 0.40, 0.70), (2, 0.42, 0.71), (3, 0.41, 0.72)):
    result("softmax", 0, seed, top1, topk)
    result("smooth_topk", 0, seed, top1 - 0.1 + 0.001 * seed, topk + 0.10 + 0.001 * seed)
    result("smooth_topk k=1,5", 0, seed, top1 + 0.05 * seed - 0.1, topk)
result("softmax", 1, 1, 0.1, 0.2, train_top1="")
result("smooth_topk", 1, 2, 0.3, 0.4)
settings = {"OUT": out, "DATA": "data", "NETWORK": "network", "BATCHES": 100, "K": 5, "losses": {label: {"sentence": label} for label in labels}}
text = report(settings)
with open(out + "/table.csv") as file:
    rows = {(r["weights"], r["noise"], r["loss"]): r for r in csv.DictReader(file)}
assert len(rows) == 10, "five settings and losses, last and best"
row = rows["last", "0.0", "smooth_topk"]
assert (row["top1"], row["topk"], row["difference_top1"], row["difference_topk"], row["topk_sd"]) == ("31.200", "81.200", "-9.800", "10.200", "1.100"), row
assert row["exceeds_top1"] == row["exceeds_topk"] == "yes" and row["seeds"] == "3" and row["train_loss"] == "0.25" and row["train_top1"] == "90.000"
assert rows["last", "0.0", "smooth_topk k=1,5"]["exceeds_top1"] == "no"
assert rows["best", "0.0", "softmax"]["top1"] == "42.000" and rows["last", "0.0", "softmax"]["difference_top1"] == ""
assert rows["last", "1.0", "smooth_topk"]["difference_top1"] == "", "no seed in common"
assert rows["last", "1.0", "softmax"]["train_top1"] == ""
with open(out + "/table.md") as file:
    markdown = file.read()
lines = [line for line in markdown.splitlines() if line.startswith("| 1 | 0 | 3 |")]
assert len(lines) == 5, lines
assert lines[0] == "| 1 | 0 | 3 | **41.0 ± 1.0** | 31.2 ± 1.1 (-9.8 ± 0.1 *) | **41.0 ± 5.6** (+0.0 ± 5.0) |", lines[0]
assert lines[1] == "| 1 | 0 | 3 | 71.0 ± 1.0 | **81.2 ± 1.1** (+10.2 ± 0.1 *) | 71.0 ± 1.0 (+0.0 ± 0.0) |", lines[1]
assert lines[2] == "| 1 | 0 | 3 | 0.25 / 90.0 | 0.25 / 90.0 | 0.25 / 90.0 |", lines[2]
assert "| 1 | 1 | 1 | 10.0 | **30.0** |  |" in markdown and "**" not in text
with open(out + "/results.csv") as file:
    results = file.read()
assert results.count("\n") == 12 and '"smooth_topk k=1,5",0,1,1,' in results
for name in ("noise.svg", "training.svg"):
    with open(f"{out}/{name}") as file:
        svg = file.read()
    assert "</svg>" in svg and "smooth_topk k=1,5" in svg and float(min(re.findall(r">\s*(-?[0-9.]+)<", svg), key=float)) >= 0, name
    os.remove(f"{out}/{name}")
assert "batches" in svg
import compare_report
drawn = []
compare_report.plot = lambda path, panels, columns, x_label, x_range: drawn.append((x_label, x_range))
for noises, span in (((0, 1), (0, 1)), ((0,), (0, 0.1)), ((0.5,), (0.4, 0.6))):
    compare_report.plot_noise("x", [{"fraction": 1, "noise": noise, "loss": "softmax", "topk": 1, "topk_sd": None} for noise in noises], labels, settings)
    assert drawn.pop() == ("label noise p", span), "the axis ends where the noise does, and never below 0"
compare_report.plot_training("x", out, [], [{"fraction": 1, "noise": 0}], labels, settings)
assert drawn.pop() == ("batches", (0, 100))
compare_report.plot = plot
os.environ["PATH"] = ""
report(settings)
assert not os.path.exists(out + "/noise.svg"), "without gnuplot there are tables"
PY
}
check 'tables: means, deviations, differences from the first loss, the best in bold, any number of losses; plots over noise and batches' tables
legend() {
    python "$scratch/legend.svg" <<'PY'
import sys
from plot import plot
names = [f"topk_loss type=calibrated_hinge k={k} scale=0.5 temperature=2" for k in range(9)]
for panels in (1, 2, 3):
    plot(sys.argv[1], [("title", "%", [(name, c, [(0, c), (1, c + panels)]) for c, name in enumerate(names)])] * panels, min(2, panels), "batches")
    with open(sys.argv[1]) as file:
        svg = file.read()
    assert all(svg.count(f"<text>{name}</text>") == 1 for name in names), svg[:3000]
PY
}
check 'one legend with all names, however many and long' legend
progress() {
    python <<'PY'
import time
import compare_runs as r
class Fake:
    def __init__(self, batches, batch, pace):
        self.facts, self.at, self.speed = {"batches": batches}, batch, pace
    def pace(self):
        return self.speed
    def saved_batch(self):
        return self.at
assert r.time_left([], [(Fake(100, 5, None), 5)], [], 2) is None, "nothing before ten batches"
assert r.time_left([Fake(100, 0, None)] * 4, [(Fake(100, 50, 0.5), 50), (Fake(100, 50, 0.5), 50)], [], 2) == 0.5 * 250
assert r.time_left([], [(Fake(100, 0, 0.5), 0)], [1.5], 8) == 100
assert r.duration(17 * 60 + 3) == "17:03" and r.duration(91843) == "25:30:43"
run = r.Run("x", {})
run.seen = [(10.0, 1), (14.5, 10)]
assert run.pace() is None
run.seen = [(10.0, 1), (15.0, 11)]
assert run.pace() == 0.5
PY
}
check 'the time left is said once ten batches have run, from their pace' progress

# --- What is refused
check 'NOISE above 1 is refused' refused 'NOISE=0 1.5: 1.5 must be a number from 0 to 1' NOISE='0 1.5'
check 'FRACTION 0 is refused' refused 'FRACTION=0: 0 must be a number above 0' FRACTION=0
check 'SEEDS x is refused' refused 'SEEDS=1 x: x must be a whole number' SEEDS='1 x'
check 'blank NOISE is refused' refused 'must be one or more values' NOISE=' '
check 'BATCHES 0 is refused' refused 'BATCHES=0: must be a whole number from 1' BATCHES=0
check 'EVERY 0 is refused' refused 'EVERY=0: must be a whole number from 1' EVERY=0
check 'JOBS 0 is refused' refused 'JOBS=0: must be' JOBS=0
endless() {
    for loss in softmax smooth_topk; do sed "/^max_batches/d" "$scratch/tiny_$loss.cfg" >"$scratch/endless_$loss.cfg"; done
    refused "endless_softmax.cfg has no max_batches" NETWORK="$scratch/endless" BATCHES=
}
check 'a network that says no max_batches needs BATCHES' endless
check 'LR 0 is refused' refused 'LR=0: must be a number above 0' LR=0
check 'TAU -1 is refused' refused 'TAU=-1: must be' TAU=-1
check 'TAU nan is refused' refused 'TAU=nan: must be' TAU=nan
check 'K as great as the number of classes is refused' refused 'K=95: must be smaller than 95' K=95 OUT="$scratch/k"
check 'no such DATA is refused' refused 'DATA=nowhere: must be glyphs, cifar100 or a directory' DATA=nowhere
check 'no such NETWORK is refused' refused 'there is no nowhere_softmax.cfg, nowhere.cfg' NETWORK=nowhere
check 'an odd loss is refused' refused 'must begin with the name of a section' LOSSES='softmax 5'
check 'OUT with a space is refused' refused 'choose another' OUT="$scratch/a b"
overlap() {
    mkdir -p "$scratch/overlap" && cp "$set"/*.txt "$scratch/overlap" && head -n 1 "$set/valid.txt" >>"$scratch/overlap/train.txt"
    refused 'is to train and to validate on' DATA="$scratch/overlap" OUT="$scratch/o"
}
check 'an image to train and to validate on is refused' overlap
finish
