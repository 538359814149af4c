#!/bin/sh
# What make compare reads and writes, without training: images and their classes, draws, losses, tables, plots,
# refusals.
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
classes() { { cat "$scratch/classes.py" && cat; } >"$scratch/now.py" && (cd "$scratch" &&
    PYTHONPATH="$OLDPWD/tools" python3 -B now.py); }
folders() { # CIFAR-100 has bee, beetle, and train; the directory's own path has apple
    tree "$scratch/apple/a" train/apple/1.png train/bee/1.png train/beetle/1.png train/train/1.png \
        valid/train/1.png valid/beetle/7.png valid/apple/x.png
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
    tree "$scratch/l" train/bee/1.png train/train/1.png valid/bee/1.png other/beetle/1.png \
        flat/1_bee.png flat/2_beetle.png
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
refused(lambda: classes("m"), "has no labels.txt, and m/train/1_bee_beetle.png is in no folder of a class",
    "train/NAME/")
write("bee", "beetle", "cup")
refused(lambda: classes("m"),
    "1_bee_beetle.png: its path below m holds the labels bee, beetle, and must hold one; "
    "put the images of each class into a folder")
write("x", "y", "cup")
refused(lambda: classes("m"),
    "1_bee_beetle.png: its path below m holds none of the 3 labels of m/labels.txt (x, y, cup)")
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

hidden() { # what a Mac, a waste bin and Jupyter leave; a link that leads back; other formats
    tree "$scratch/h" train/bee/1.png train/ant/1.png valid/bee/1.png valid/ant/1.png train/bee/._1.png \
        train/.ipynb_checkpoints/1.png valid/.Trashes/x/1.png other/bee/2.png
    ln -s .. "$scratch/h/train/bee/up" && ln -s ../../other/bee "$scratch/h/train/bee/linked" &&
        touch "$scratch/h/train/bee/2.webp" || return 1
    classes <<'PY'
assert classes("h") == (["ant", "bee", "bee"], ["ant", "bee"]), classes("h")
data = c.DataSet("h", 1)
assert data.labels == ["ant", "bee"] and data.other_files == ["h/train/bee/2.webp"], (data.labels, data.other_files)
PY
}
check 'hidden files, links that lead back and other formats are no images of a class' hidden
odd_names() { # no UTF-8; a line break; a mark at the beginning of a text
    tree "$scratch/odd" train/ant/1.png valid/ant/1.png
    classes <<'PY'
import os, shutil
for split in (b"train", b"valid"):
    shutil.copytree(b"odd/" + split + b"/ant", b"odd/" + split + b"/caf\xe9")
os.rename(b"odd/train/ant/1.png", b"odd/train/ant/a\n\xe9.png")
cafe = os.fsdecode(b"caf\xe9")
assert classes("odd") == (["ant", cafe], ["ant", cafe]), classes("odd")
data = c.DataSet("odd", 1)
with open(c.draw(data, "odd_out", 0, 1, 1, range(2)), "rb") as file:
    lines = file.read().split(b"\n")
assert [os.path.realpath(line) for line in lines[:2]] == [os.path.realpath(os.fsencode(path)) for path in data.train]
with open("odd_out/draws/p0_f1_s1.labels.csv", "rb") as file:
    assert b"odd/train/ant/a\n\xe9.png" in file.read()
def labels(text):
    with open("odd/labels.txt", "wb") as file:
        file.write(text)
labels(b"\xef\xbb\xbfant \r\ncaf\xe9\r\n")
assert c.DataSet("odd", 1).labels == ["ant", cafe], c.DataSet("odd", 1).labels
labels("ant\ncat\n".encode("utf-16"))
refused(lambda: c.DataSet("odd", 1), "odd/labels.txt: no text, or in UTF-16; save it as UTF-8")
refused(lambda: c.write_whole("/dev/null/x", "x"), "/dev/null/x: cannot be written: Not a directory")
os.remove("odd/labels.txt")
PY
}
check 'names need not be UTF-8; labels may begin with a mark; UTF-16 is refused' odd_names

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
    mkdir "$scratch/folders" && cp "$set/labels.txt" "$scratch/folders" &&
        ln -s "$set/train" "$scratch/folders/train" && ln -s "$set/valid" "$scratch/folders/val" &&
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
         "train.bin": record(0, 1, 1) + record(1, 2, 2) + record(0, 0, 3) + record(0, 3, 4), "test.bin": record(1, 2,
             5)}
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
assert [os.path.basename(p) for p in data.train] == ["00000_beetle.png", "00001_cup.png", "00002_bee.png",
    "00003_porcupine.png"]
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
    printf 'classes=4\nvalid=%s/valid.txt\nlabels=%s/labels.txt\ntop=2\n' "$scratch/cifar" "$scratch/cifar" \
        >"$scratch/cifar.data"
    sed 's/^output=.*/output=4/; s/^k=5/k=2/' "$scratch/tiny_smooth_topk.cfg" >"$scratch/cifar.cfg"
    "$darknet" partial "$scratch/cifar.cfg" '' "$scratch/cifar.weights" 99 2>/dev/null
    "$darknet" classifier valid "$scratch/cifar.data" "$scratch/cifar.cfg" "$scratch/cifar.weights" -verbose |
        grep -q '_cup.png, 2,'
}
check 'Darknet reads its images' reads

# --- Losses and networks
losses() {
    python "$scratch/tiny" <<'PY'
import os, sys
from compare_settings import choose_by_data, read_settings
from compare_losses import network_text, titles
from compare_data import Refused
class Data:
    several = False
    train = [""] * 1000
def read(k=3, **more):
    settings = read_settings({"DATA": os.path.dirname(sys.argv[1]), "NETWORK": sys.argv[1], "BATCHES": "40", **more},
        False)
    Data.k = k
    choose_by_data(settings, Data)
    return settings
def text(loss, settings, **more):
    return network_text(loss, settings, 7, loss.rate, **more)
settings = read(LOSSES="softmax smooth_topk 'smooth_topk k=1,5 rate=0.2' 'topk_loss type=lml' 'topk_loss type=l2svm'",
    ALPHA="2", LR_SOFTMAX="0.5")
softmax, smooth, both, lml, l2svm = settings["losses"]
assert [loss.label for loss in settings["losses"]] == ["softmax", "smooth_topk", "smooth_topk k=1,5",
    "topk_loss type=lml", "topk_loss type=l2svm"]
assert text(softmax, settings).endswith("output=7\nactivation=linear\n\n[softmax]\n")
assert text(smooth, settings).endswith("\n[smooth_topk]\nk=3\ntau=0.5\nalpha=2\n"), "K and ALPHA, and tau of the file"
assert text(both, settings).endswith("\n[smooth_topk]\nk=1,5\ntau=0.5\nalpha=2\n")
assert text(lml, settings).endswith("\n[topk_loss]\nk=3\ntype=lml\n") and text(lml, settings,
    tau=4).endswith("type=lml\ntau=4\n")
assert text(l2svm, settings).endswith("\n[topk_loss]\ntype=l2svm\n")
assert settings["EVERY"] == 4 and read(EVERY="7")["EVERY"] == 7 and read(BATCHES="9")["EVERY"] == 1
assert (softmax.rate, smooth.rate, both.rate) == (0.5, 0.05, 0.2)
assert "learning_rate=0.2\n" in text(both, settings) and "max_batches=40\n" in text(both,
    settings) and "steps=20,32\n" in text(both, settings)
assert text(lml, settings).count("[connected]") == 1 and "smooth_topk" not in text(lml, settings)
assert "steps=1,2\n" in text(both, read(BATCHES="3")) and "steps=2,3\n" in text(both,
    read(BATCHES="4")), "each above the last"
one = f"{sys.argv[1]}_softmax.cfg"
assert read(NETWORK=one)["losses"][1].base == one, "one file does for all losses"
alike = read(LOSSES="'softmax rate=0.1' 'softmax rate=0.2'")["losses"]
assert [loss.label for loss in alike] == ["softmax rate=0.1", "softmax rate=0.2"]
for losses, message in (("softmax softmax", "softmax is given twice"), ("'softmax k'",
    "k is not an option, name=value"), ("''", "must begin with the name of a section"),
                        ("'softmax", "put each loss that has options in quotes"), ("'softmax rate=0'",
                            "rate=0 must be a number above 0"), ("5", "must begin"),
                        ("'softmax a=1 a=2'", "a is given twice")):
    try:
        read(LOSSES=losses)
    except Refused as reason:
        assert message in str(reason), reason
    else:
        raise AssertionError(losses)
# What is not said
chosen = read(k=4, BATCHES="")
assert [loss.label for loss in chosen["losses"]] == ["softmax", "smooth_topk", "smooth_topk k=1,4"]
assert chosen["losses"][1].options["k"] == "4" and chosen["BATCHES"] == 20, "of NETWORK"
assert [loss.label for loss in read(k=1)["losses"]] == ["softmax", "smooth_topk"]
assert (chosen["NOISE"], chosen["FRACTION"], chosen["SEEDS"]) == ([0], [1], [1, 2, 3])
chosen = read(NETWORK="", BATCHES="", FRACTION="0.1 0.5")
assert chosen["NETWORK"] == "cfg/cifar100_small" and chosen["BATCHES"] == 235, "15 passes over 500 images, 32 a batch"
assert read(DATA="glyphs", NETWORK="", BATCHES="")["BATCHES"] == 500 and read(DATA="glyphs")["NOISE"] == [0, 0.3, 0.6,
    1]
# Names for people
smoothed = "smooth_topk k=1 tau=1 alpha=0 label_smooth_eps=0.1"
labels = ["softmax", "softmax rate=0.1", "smooth_topk", "smooth_topk k=1,5", smoothed, "topk_loss",
    "topk_loss type=lml tau=2", "topk_loss type=new", "topk_loss type=entropy"]
assert list(titles(labels, 3).values()) == ["softmax", "softmax rate=0.1", "smooth_topk k=3", "smooth_topk k=1,5",
    "label smoothing 0.1", "topk_loss", "LML tau=2",
                                            "topk_loss type=new", "topk_loss type=entropy"], titles(labels, 3)
PY
}
check 'a loss is a last section with options; what it does not say is from settings, then from the file' losses

candidates() {
    python "$scratch/tiny" <<'PY'
import os, sys
from compare_settings import choose_by_data, read_settings
from compare_tune import list_candidates
class Data:
    several = False
    train, k = [], 5
def tried(lrs, taus, loss):
    settings = read_settings({"DATA": os.path.dirname(sys.argv[1]), "NETWORK": sys.argv[1], "LRS": lrs, "TAUS": taus,
        "LOSSES": loss}, True)
    choose_by_data(settings, Data)
    return list_candidates(settings["losses"][0], settings)
assert tried("0.01 0.04", "0.3 1", "smooth_topk") == [(0.01, 0.3), (0.04, 0.3), (0.01, 1), (0.04, 1)]
assert tried("0.01 0.08", "0.3 1", "softmax") == [(0.01, None), (0.02, None), (0.04, None), (0.08, None)]
assert tried("0.01 0.08", "0.3 1", "'smooth_topk tau=2'") == tried("0.01 0.08", "0.3 1", "softmax"), "LOSSES says tau"
assert tried("0.01", "0.3 1", "softmax") == [(0.01, None)] and tried("0.01", "0.3 1", "'topk_loss type=lml'") == [(0.01,
    0.3), (0.01, 1)]
PY
}
check 'tune tries as many rates, or rates and temperatures, for each loss' candidates

edge() { # a tuning whose results are made up
    python <<'PY'
import compare_tune as t
class Loss:
    label, said = "a", {}
    def has_tau(self):
        return False
class Run:
    def __init__(self, rate):
        self.rate, self.tau, self.facts = rate, None, {"loss": "a"}
    def is_done(self):
        return True
def search(results, lrs):
    tuning = object.__new__(t.Tuning)
    tuning.settings, tuning.runs, tuning.results = {"losses": [Loss()], "LRS": lrs, "TAUS": [1], "BATCHES": 1}, [], {}
    tuning.images, tuning.description = 1000, ""
    def train_new():
        for run in tuning.runs:
            top, loss = results(run.rate)
            tuning.results[run] = top and {"topk_last": top, "top1_last": top, "train_loss": loss}
    tuning.add, tuning.train_new = lambda loss, rate, tau: tuning.runs.append(Run(rate)), train_new
    tuning.search()
    return [run.rate for run in tuning.runs], tuning.chosen(tuning.settings["losses"][0]).rate, t.edges(tuning, Loss())
# The more the rate the better, up to 1: it goes on from 0.1 to 1 and 10, which is worse.
rates, chosen, said = search(lambda rate: (0.9 if rate > 5 else 0.5 + rate / 4 if rate < 0.5 else 0.99, 1), [0.01, 0.1])
assert rates == [0.01, 0.1, 1, 10] and chosen == 1 and not said, (rates, chosen, said)
# A rate at which it diverges is an edge.
rates, chosen, said = search(lambda rate: (None, None) if rate > 5 else (0.3 + rate / 4, 1), [0.1, 1])
assert rates == [0.1, 1, 10] and chosen == 1 and not said, (rates, chosen, said)
# Within an error of the best (1.6 points) the least training loss.
rates, chosen, said = search(lambda rate: {0.01: (0.500, 2.0), 0.1: (0.495, 1.0), 1: (0.45, 0.1)}[rate], [0.01, 0.1, 1])
assert rates == [0.01, 0.1, 1] and chosen == 0.1, (rates, chosen)
# Not beyond what Darknet can compute with, nor for ever.
rates, chosen, said = search(lambda rate: (None, None) if rate > 1 else (0.3, 1), [0.01, 1e38])
assert rates == [0.01, 1e38] and chosen == 0.01 and not said, (rates, chosen, said)
rates, chosen, said = search(lambda rate: (1 / (1 + rate), 1 + rate), [0.01, 0.1])
assert len(rates) <= 6, rates
PY
}
check 'tune goes on where the best rate is at the edge' edge

# --- Tables and plots, of results that are made up
tables() {
    python "$scratch/report" "$(command -v gnuplot)" <<'PY'
import csv, os, re, sys
from compare_report import exceeds, plot, report, run_name
from compare_runs import results_text
assert exceeds([1.0, 1.1, 0.9]) == "yes" and exceeds([1.0, -1.1, 0.9]) == "no" and exceeds([-1.0, -1.1,
    -0.9]) == "yes" and exceeds([5.0]) == "one seed"
# t of 4 and 6 is 5: beyond no 95 % of two seeds (12.706)
assert exceeds([4.0, 6.0]) == "no" and exceeds([4.9, 5.1]) == "yes" and exceeds([1.0, 1.0]) == "no"
out = sys.argv[1]
labels = ["softmax", "smooth_topk", "smooth_topk k=1,5"]
def result(loss, noise, seed, top1, topk, **more):
    name = run_name(loss, noise, 1, seed)
    os.makedirs(f"{out}/runs/{name}")
    row = {"loss": loss, "noise": noise, "fraction": 1, "seed": seed, "batches": 100, "top1_last": top1,
        "topk_last": topk, "top1_best": top1 + 0.01,
           "topk_best": topk + 0.01, "best_batch": 90, "train_loss": 0.25, "train_top1": 0.9, "seconds": 5,
           "cpu_seconds": 65,
           "guesses": 10 - 5 * topk, "coverage": 0.9, **more}
    with open(f"{out}/runs/{name}/result.csv", "w") as file:
        file.write(results_text([row]))
    with open(f"{out}/runs/{name}/log.csv", "w") as file:
        file.write("batch,epoch,loss,rate,top1,top5,seconds\n")
        file.write("".join(f"{b},1,1,1,{top1},{topk * b / 100},1\n" for b in (50, 100)))
for seed, top1, topk in ((1, 0.40, 0.70), (2, 0.42, 0.71), (3, 0.41, 0.72)):
    result("softmax", 0, seed, top1, topk)
    result("smooth_topk", 0, seed, top1 - 0.1 + 0.001 * seed, topk + 0.10 + 0.001 * seed)
    result("smooth_topk k=1,5", 0, seed, top1 + 0.05 * seed - 0.1, topk)
result("softmax", 1, 1, 0.1, 0.2, train_top1="", guesses="")
result("smooth_topk", 1, 2, 0.3, 0.4)
settings = {"OUT": out, "DATA": "data", "NETWORK": "net<work", "BATCHES": 100, "EVERY": 50, "K": 5,
    "commands": ["make compare DATA=data"],
            "losses": {label: {"sentence": label, "base": "x.cfg"} for label in labels}}
text = report(settings)
with open(out + "/table.csv") as file:
    rows = {(r["weights"], r["noise"], r["loss"]): r for r in csv.DictReader(file)}
assert len(rows) == 10, "five settings and losses, last and best"
row = rows["last", "0.0", "smooth_topk"]
assert (row["top1"], row["topk"], row["difference_top1"], row["difference_topk"], row["topk_sd"]) == ("31.200",
    "81.200", "-9.800", "10.200", "1.100"), row
assert row["exceeds_top1"] == row["exceeds_topk"] == "yes" and row["seeds"] == "3"
assert row["train_loss"] == "0.25" and row["train_top1"] == "90.000"
assert rows["last", "0.0", "smooth_topk k=1,5"]["exceeds_top1"] == "no"
assert rows["best", "0.0", "softmax"]["top1"] == "42.000" and rows["last", "0.0", "softmax"]["difference_top1"] == ""
assert rows["last", "1.0", "smooth_topk"]["difference_top1"] == "", "no seed in common"
assert rows["last", "1.0", "softmax"]["train_top1"] == ""
with open(out + "/table.md") as file:
    markdown = file.read()
lines = [line for line in markdown.splitlines() if line.startswith("| 1 | 0 | 3 |")]
assert len(lines) == 6, lines
fewer = lines.pop(2)
want = "| 1 | 0 | 3 | 6.5 ± 0.0 | **5.9 ± 0.1** (-0.5 ± 0.0 *) | 6.5 ± 0.0 (+0.0 ± 0.0) |"
assert fewer == want, "fewer guesses are better: " + fewer
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
    assert "</svg>" in svg and ">smooth_topk k=5<" in svg and "smooth_topk k=1,5" in svg
    assert float(min(re.findall(r">\s*(-?[0-9.]+)<", svg), key=float)) >= 0, name
    os.remove(f"{out}/{name}")
assert "batches" in svg
with open(out + "/report.html") as file:
    html = file.read()
assert "net&lt;work" in html and "<b>81.2 ± 1.1</b> (+10.2 ± 0.1 *)" in html, "settings, tables"
assert "make compare DATA=data" in html and ">1:05<" in html, "command, CPU time"
from html.parser import HTMLParser
class Balanced(HTMLParser):
    open_tags = []
    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open_tags.append(tag)
    def handle_endtag(self, tag):
        assert self.open_tags.pop() == tag, (tag, self.getpos())
Balanced().feed(html)
assert not Balanced.open_tags
assert html.count("data:image/svg+xml;base64,") == 2 and "<script" not in html and not re.search(r"(src|href)=.?http",
    html)
import compare_report
drawn = []
compare_report.plot = lambda path, panels, columns, x_label, x_range: drawn.append((x_label, x_range))
compare_report.plot_noise("x", [{"fraction": 1, "noise": noise, "loss": "softmax", "topk": 1, "topk_sd": None,
    "guesses": None} for noise in (0, 0.5)], settings)
assert drawn.pop() == ("label noise p", (0, 0.5)), "the axis ends where the noise does"
compare_report.plot_training("x", out, [], [{"fraction": 1, "noise": 0}], settings)
assert drawn.pop() == ("batches", (0, 100))
compare_report.plot = plot
os.environ["PATH"] = ""
report(settings)
assert not os.path.exists(out + "/noise.svg"), "without gnuplot there are tables"
PY
}
meeting() { # two programs that report at once: the one that waits sees what the other has not seen
    python "$scratch/report" <<'PY'
import csv, os, shutil, sys, threading, time
from compare_out import Locked
from compare_report import report
out = sys.argv[1]
settings = {"OUT": out, "DATA": "d", "NETWORK": "n", "BATCHES": 100, "EVERY": 50, "K": 5,
            "losses": {"softmax": {"sentence": "s", "base": "b"}}}
def lines():
    with open(out + "/results.csv") as file:
        return len(file.readlines())
before = lines()
with Locked(out + "/report.lock"):
    waiting = threading.Thread(target=report, args=(settings,))
    waiting.start()
    time.sleep(0.3)
    shutil.copytree(out + "/runs/softmax_p0_f1_s1", out + "/runs/softmax_p0_f1_s9")
    assert waiting.is_alive() and lines() == before
waiting.join()
assert lines() == before + 1
shutil.rmtree(out + "/runs/softmax_p0_f1_s9")
PY
}
redrawn() { # a table.csv, by itself: the plot of the page
    tools/draw_table.py "$scratch/report/table.csv" "$scratch/again.svg" &&
        grep -q '>smooth_topk k=5<' "$scratch/again.svg" && grep -q '>guesses for 90 %<' "$scratch/again.svg" ||
        return 1
    tools/draw_table.py docs/results/cifar100.csv "$scratch/again.svg" &&
        grep -q '>label smoothing 0.1<' "$scratch/again.svg" || return 1
    sed '/,0.0,/d' "$scratch/report/table.csv" >"$scratch/single.csv"
    ! tools/draw_table.py "$scratch/single.csv" "$scratch/none.svg" 2>"$scratch/message" &&
        grep -q 'has one noise, 1; two are the least' "$scratch/message" || return 1
    ! tools/draw_table.py "$scratch/report/results.csv" "$scratch/none.svg" 2>"$scratch/message" &&
        grep -q 'cannot be read as a table of make compare' "$scratch/message" && [ ! -e "$scratch/none.svg" ]
}
check 'tables: means, deviations, differences from the first loss, the best in bold; plots over noise and batches' \
    tables
if command -v gnuplot >/dev/null; then
    check 'draw_table.py draws a table again, and those of docs/results' redrawn
else
    skip 'draw_table.py draws a table again, and those of docs/results' 'gnuplot is not installed'
fi
check 'of two programs that write tables at once the last has all results' meeting
shorter() {
    python "$scratch/tiny" <<'PY'
import os, shlex, sys
from compare_settings import choose_by_data, read_settings, shorter
class Data:
    several = False
    train, k = [""] * 3200, 5
def advice(seconds, cost=0, **more):
    settings = read_settings({"DATA": os.path.dirname(sys.argv[1]), "NETWORK": sys.argv[1], "BATCHES": "1000", **more},
        False)
    choose_by_data(settings, Data)
    text = shorter(settings, seconds, cost)
    return text, dict(word.split("=", 1) for word in shlex.split(text) if "=" in word and word[0].isupper())
assert advice(3600)[0] == ""
text, settings = advice(2 * 3600, LOSSES="softmax 'smooth_topk k=1,5'")
assert text.startswith("This takes 2 hours. Shorter: make compare DATA=") and text.endswith("(40 minutes)"), text
assert settings["SEEDS"] == "1" and settings["BATCHES"] == "1000"
assert settings["LOSSES"] == "softmax 'smooth_topk k=1,5'"
text, settings = advice(83 * 86400, NOISE="0.1 0.5", FRACTION="1 0.5")
assert text.startswith("This takes 83 days.") and (settings["SEEDS"], settings["NOISE"], settings["FRACTION"]) == ("1",
    "0.1", "1"), text
assert settings["BATCHES"] == "10" and text.endswith("(100 minutes)"), "no less than ten batches: " + text
text, settings = advice(12 * 3600)
assert settings["BATCHES"] == "220" and "EVERY" not in settings and text.endswith("(53 minutes)"), text
# Ten validations that take as long as the batches: ten in what is shorter too.
text, settings = advice(12 * 3600, cost=100)
assert settings["BATCHES"] == settings["EVERY"] == "350" and text.endswith("(54 minutes)"), text
PY
}
check 'over an hour, it says how long and which settings take less' shorter
named_apart() {
    python <<'PY'
from compare_losses import file_name
labels = ["a_b", "a=b", "a b", "a+b", "a,b", "a-b", "smooth_topk k=1,5", "smooth_topk k=15", "smooth_topk k=1 5"]
assert len({file_name(label) for label in labels}) == len(labels) and file_name("softmax") == "softmax"
PY
}
check 'two losses never have one directory' named_apart
legend() {
    python "$scratch/legend.svg" <<'PY'
import sys
from plot import plot
names = [f"topk_loss type=calibrated_hinge k={k} scale=0.5 temperature=2" for k in range(9)]
for panels in (1, 2, 3):
    plot(sys.argv[1], [("title", "%", [(name, c, [(0, c), (1, c + panels)]) for c, name in enumerate(names)])] * panels,
        min(2, panels), "batches")
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
    def work_from(self, batch):
        return self.facts["batches"] - batch
    def pace(self):
        return self.speed
    def saved_batch(self):
        return self.at
assert r.time_left([], [(Fake(100, 5, None), 5)], [], 2) is None, "nothing before ten batches"
assert r.time_left([Fake(100, 0, None)] * 4, [(Fake(100, 50, 0.5), 50), (Fake(100, 50, 0.5), 50)], [], 2) == 0.5 * 250
assert r.time_left([], [(Fake(100, 0, 0.5), 0)], [1.5], 8) == 100
assert r.duration(17 * 60 + 3) == "17:03" and r.duration(91843) == "25:30:43"
run = r.Run("x", {"batches": 100, "every": 50})
run.seen = [(10.0, 1), (14.5, 10)]
assert run.pace() is None
run.seen = [(10.0, 1), (15.0, 11)]
assert run.pace() == 0.5
run = r.Run("x", {"batches": 100, "every": 50, "validation": 20})
assert (run.work(49), run.work(50), run.work_from(49)) == (49, 70, 91)
run.seen = [(10.0, 40), (25.0, 50)]
assert run.pace() == 0.5, "a validation is work too"
words = r.time_in_words
assert (words(83 * 86400), words(30 * 3600), words(100 * 60), words(5)) == ("83 days", "30 hours", "100 minutes",
    "a minute")
PY
}
check 'the time left is said once ten batches have run, from their pace' progress

# --- What is refused
misspelled() { # TEXT NAME: as make hands it on
    tools/compare.py compare DATA "$2" >"$scratch/message" 2>&1
    code=$?
    cat "$scratch/message"
    [ $code -eq 1 ] && grep -qF "$1" "$scratch/message" && ! grep -q Traceback "$scratch/message"
}
check 'a misspelled setting is refused, with the nearest name' misspelled \
    'LOSES: there is no such setting; did you mean LOSSES?' LOSES
check 'one that is near none is refused' misspelled 'XYZZY: there is no such setting (tools/compare.py -h lists them)' \
    XYZZY
by_make() { # which names make hands on
    MAKEFLAGS= make -n compare LOSES=softmax DATA=x GPU=0 2>/dev/null | grep 'tools/compare.py' | tee "$scratch/message"
    grep -Eq '^tools/compare.py compare (LOSES DATA|DATA LOSES)$' "$scratch/message"
}
check 'make hands on what its command line sets, but for how Darknet is built' by_make
check 'BATCHES below the steps of the rate is blamed, not a file of ours' refused \
    "too few for the 2 steps of the learning rate in $scratch/tiny_smooth_topk.cfg (policy=steps); at least 3" BATCHES=2
check 'NOISE above 1 is refused' refused 'NOISE=0 1.5: 1.5 must be a number from 0 to 1' NOISE='0 1.5'
check 'FRACTION 0 is refused' refused 'FRACTION=0: 0 must be a number above 0' FRACTION=0
check 'SEEDS x is refused' refused 'SEEDS=1 x: x must be a whole number' SEEDS='1 x'
alike() { # numbers that one name of a run stands for are one
    python <<'PY'
from compare_settings import SETTINGS
assert SETTINGS["NOISE"][0]("0.12345671 0.12345672 0.2") == [0.123457, 0.2]
PY
}
check 'NOISE has six digits, as the names of the runs' alike
check 'blank NOISE is refused' refused 'must be one or more values' NOISE=' '
check 'BATCHES 0 is refused' refused 'BATCHES=0: must be a whole number from 1' BATCHES=0
check 'EVERY 0 is refused' refused 'EVERY=0: must be a whole number from 1' EVERY=0
check 'JOBS 0 is refused' refused 'JOBS=0: must be' JOBS=0
endless() {
    for loss in softmax smooth_topk; do sed "/^max_batches/d" "$scratch/tiny_$loss.cfg" >"$scratch/endless_$loss.cfg"; \
        done
    refused "endless_softmax.cfg has no max_batches" NETWORK="$scratch/endless" BATCHES=
}
check 'a network that says no max_batches needs BATCHES' endless
odd_network() { # SED-SCRIPT TEXT
    for loss in softmax smooth_topk; do sed "$1" "$scratch/tiny_$loss.cfg" >"$scratch/odd_$loss.cfg"; done
    refused "$2" NETWORK="$scratch/odd" BATCHES=20 OUT="$scratch/k"
}
check 'steps that are no numbers are refused' odd_network 's/^steps=.*/steps=10,x/' \
    'odd_smooth_topk.cfg: steps=10,x: must be whole numbers from 0 to'
check 'max_batches that is no number is refused' odd_network 's/^max_batches=.*/max_batches=many/' \
    'odd_softmax.cfg: max_batches=many: must be a whole number from 0 to'
check 'burn_in that is no whole number is refused' odd_network 's/^max_batches=.*/&\nburn_in=1.5/' \
    'odd_softmax.cfg: burn_in=1.5: must be a whole number'
check 'a learning rate that is no number is refused' odd_network 's/^learning_rate=.*/learning_rate=fast/' \
    'odd_softmax.cfg: learning_rate=fast: is no number; say LR='
as_darknet_reads() { # blanks, comments behind values, short names
    sed 's/^\[net\]/ [ network ]/; s/^\[connected\]/[conn]/; s/=\(.*\)/ = \1 # so/; s/^policy.*/policy=steps/' \
        "$scratch/tiny_softmax.cfg" >"$scratch/written.cfg"
    printf ' steps = 10, 16\n' >"$scratch/steps" && sed -i "/^policy/r $scratch/steps" "$scratch/written.cfg"
    python "$scratch/written.cfg" <<'PY'
import sys
from compare_losses import fill_in, network_text, read_losses
from compare_settings import RATE
settings = {"NETWORK": sys.argv[1], "LR": None, "TAU": None, "ALPHA": None, "K": 5, "BATCHES": 40}
loss, = read_losses("softmax", RATE)
fill_in(loss, settings)
text = network_text(loss, settings, 7, loss.rate).splitlines()
assert loss.rate == 0.05 and text[0] == "[net]" and text.count("max_batches=40") == 1, text
assert text.count("output=7") == 1 and text.count("steps=20,32") == 1, text
assert not [line for line in text if line.startswith("max_batches=20") or "#" in line], text
PY
}
check 'a network is read as Darknet reads it' as_darknet_reads
check 'LR 0 is refused' refused 'LR=0: must be a number above 0' LR=0
check 'TAU -1 is refused' refused 'TAU=-1: must be' TAU=-1
check 'TAU nan is refused' refused 'TAU=nan: must be' TAU=nan
check 'K as great as the number of classes is refused' refused 'K=95: must be smaller than 95' K=95 OUT="$scratch/k"
single() {
    mkdir -p "$scratch/single/valid" && cp -r "$scratch/apple/a/train/bee" "$scratch/single/valid/" &&
        mkdir "$scratch/single/train" && cp -r "$scratch/apple/a/train/bee" "$scratch/single/train/" || return 1
    refused 'has one class, bee; two are the least' DATA="$scratch/single" OUT="$scratch/k"
}
check 'one class is refused' single
kept() { # settings.json of something else
    mkdir -p "$scratch/kept/runs/x" && touch "$scratch/kept/runs/x/log.csv" &&
        echo "$1" >"$scratch/kept/settings.json" && refused "$scratch/kept/settings.json: $2" OUT="$scratch/kept"
}
check 'a settings.json that is a list is refused' kept '[1, 2]' \
    'is not what this program writes there; choose another OUT'
check 'one whose losses are none is refused' kept '{"DATA": "x", "NETWORK": "x", "K": 5, "losses": {"softmax": 3}}' \
    'is not what'
check 'a cut one is refused' kept '{"DATA": ' 'cannot be read'
check 'no such DATA is refused' refused 'DATA=nowhere: must be glyphs, cifar100 or a directory' DATA=nowhere
check 'no such NETWORK is refused' refused 'there is no nowhere_softmax.cfg, nowhere.cfg' NETWORK=nowhere
check 'an odd loss is refused' refused 'must begin with the name of a section' LOSSES='softmax 5'
check 'OUT with a space is refused' refused 'choose another' OUT="$scratch/a b"
check 'OUT among the images is refused' refused "OUT=$set/train/out: is within $set/train" OUT="$set/train/out"
check 'OUT below a file is refused' refused "$set/train.txt/out: Not a directory" OUT="$set/train.txt/out"
mkdir "$scratch/theirs" && echo theirs >"$scratch/theirs/results.csv"
check 'an OUT with files of somebody else is refused' refused \
    "$scratch/theirs/results.csv is not of an earlier call and would be replaced; choose another" OUT="$scratch/theirs"
damaged_log() { # as after a crash of the machine
    python "$scratch/log.csv" <<'PY'
import sys
from compare_runs import Refused, read_log
def refused(text):
    with open(sys.argv[1], "w") as file:
        file.write(text)
    try:
        read_log(sys.argv[1])
    except Refused as reason:
        assert f"{sys.argv[1]}: line 3 is no row of a log" in str(reason), reason
    else:
        raise AssertionError(text)
for line in ("\0\0\0", "abc", "2,"):
    refused("batch,loss,top1\n1,2,3\n" + line + "\n")
with open(sys.argv[1], "w") as file:
    file.write("batch,loss\n1,2\n2,")
assert [row["batch"] for row in read_log(sys.argv[1])] == ["1"], "a line that is being written is not whole"
PY
}
check 'a damaged log is named, with its line' damaged_log
default_out() { # of folders whose names Darknet cannot read; a command that can be pasted
    mkdir -p "$scratch/my photos, \$x" || return 1
    python "$scratch/my photos, \$x" <<'PY'
import re, subprocess, sys
from compare_out import command_line
from compare_settings import read_settings
chosen = read_settings({"DATA": sys.argv[1]}, False)["OUT"]
assert re.fullmatch(r"build/compare_my_photos_+x\.[0-9a-f]{6}", chosen), chosen
assert read_settings({"OUT": "-x"}, False)["OUT"] == "./-x", "Darknet takes -x for a flag"
words = {"DATA": sys.argv[1] + "#'\"", "LOSSES": "softmax 'smooth_topk k=1,5'"}
made = subprocess.run(command_line("-s -f - show", words), shell=True, text=True, capture_output=True,
                      input='show:\n\t@echo "$$DATA" "$$LOSSES"\n')
assert made.stdout == f"{words['DATA']} {words['LOSSES']}\n", made
PY
}
check 'a folder of any name has an OUT, and its command can be pasted' default_out
full_output() {
    env K=5 tools/compare.py plan OUT >/dev/full 2>"$scratch/message"
    code=$?
    cat "$scratch/message"
    [ $code -eq 1 ] && grep -q '^plan: standard output, .*: No space left on device' "$scratch/message" &&
        ! grep -q Traceback "$scratch/message"
}
check 'an output that is full is said' full_output
other_locale() {
    env LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 DATA="$scratch/odd" OUT="$scratch/other_locale" K=1 \
        tools/compare.py plan >"$scratch/message" 2>&1 || { cat "$scratch/message"; return 1; }
    xargs -d '\n' ls -L <"$scratch/other_locale/data/draws/p0_f1_s1.txt"
}
check 'names are read alike in a locale that is not UTF-8' other_locale
overlap() {
    mkdir -p "$scratch/overlap" && cp "$set"/*.txt "$scratch/overlap" &&
        head -n 1 "$set/valid.txt" >>"$scratch/overlap/train.txt"
    refused 'is to train and to validate on' DATA="$scratch/overlap" OUT="$scratch/o"
}
check 'an image to train and to validate on is refused' overlap

# --- labels.tsv
table() { # one label an image: names that are parts of others, a folder that says otherwise
    tree "$scratch/t" train/x/1.png train/2.png train/3.png valid/4.png valid/5.png
    printf '%s\t%s\n' train/x/1.png bee train/2.png beetle ./train/3.png ' bee ' valid/4.png bee \
        valid/5.png beetle more.png bee >"$scratch/t/labels.tsv"
    classes <<'PY'
assert classes("t") == (["beetle", "bee", "bee"], ["bee", "beetle"])
data = c.DataSet("t", 1)
assert not data.several and data.labels == ["bee", "beetle"] and data.labels_from == "t/labels.tsv"
c.draw(data, "out", 0, 1, 1, range(3))
lines = open("out/draws/p0_f1_s1.txt").read().split()
assert [line.split("/")[-2] for line in lines] == ["1_beetle", "0_bee", "0_bee"], lines
PY
}
check 'labels.tsv says the class of each image' table
several() { # labels.txt gives the order; an image of none
    printf 'night\nbee\nbeetle\n' >"$scratch/t/labels.txt"
    printf '%s\t%s\n' train/x/1.png bee,night train/2.png '' train/3.png beetle valid/4.png 'night, beetle' \
        valid/5.png bee >"$scratch/t/labels.tsv"
    classes <<'PY'
data = c.DataSet("t", 1)
assert data.several and data.train_labels == [[], [2], [0, 1]] and data.valid_labels == [[0, 2], [1]], data.train_labels
assert data.without_images() == []
train = c.draw(data, "out", 0, 1, 2, range(3))
assert open(train).read() == "t/train/2.png\t\nt/train/3.png\tbeetle\nt/train/x/1.png\tnight,bee\n", open(train).read()
valid, labels = c.write_valid(data, "out", "valid", range(2))
assert open(valid).read() == "t/valid/4.png\tnight,beetle\nt/valid/5.png\tbee\n"
assert open(labels).read() == "night\nbee\nbeetle\n"
refused(lambda: c.draw(data, "out", 0.5, 1, 2, range(3)), "NOISE=0.5: must be 0 where images have several labels")
def table(*lines):
    with open("t/labels.tsv", "w") as file:
        file.write("".join(line + "\n" for line in lines))
table("train/2.png bee")
refused(lambda: c.DataSet("t", 1), "t/labels.tsv: line 1 has no TAB")
table("train/2.png\tbee", "train/2.png\tbee")
refused(lambda: c.DataSet("t", 1), "train/2.png is on the lines 1 and 2")
table("train/2.png\tbee,,night")
refused(lambda: c.DataSet("t", 1), "line 1 has a label that is empty")
table("train/2.png\tbee,bee")
refused(lambda: c.DataSet("t", 1), "there twice")
table("train/2.png\tant")
refused(lambda: c.DataSet("t", 1), "line 1: the label ant is none of t/labels.txt")
table("train/2.png\tbee")
refused(lambda: c.DataSet("t", 1), "has no line for t/train/3.png")
PY
}
check 'several labels go into the lists behind a TAB; what is wrong is named with its line' several
finish
