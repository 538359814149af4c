#!/bin/sh
# classifier predict: lists, CSV and JSON, prediction sets, and that it looks at what classifier valid looks at.
. tests/tap.sh
images 5
network "$scratch/a.cfg" '[smooth_topk]
k=2' 300
"$darknet" classifier train "$scratch/x.data" "$scratch/a.cfg" -seed 1 >"$scratch/train.out" 2>&1 ||
    cat "$scratch/train.out"
weights=$scratch/backup/a.weights
predict() { "$darknet" classifier predict "$scratch/x.data" "$scratch/a.cfg" "$weights" "$@" 2>"$scratch/err"; }

# Images that are not square: the middle of a wide one is another than the whole.
python3 -B - "$scratch" <<'PY'
import sys
scratch, paths = sys.argv[1], []
for number in range(8):
    paths.append(f"{scratch}/wide_{number}_char_{65 + number % 6}_.ppm")
    with open(paths[-1], "wb") as file:
        width, height = (40, 20) if number % 2 else (17, 33)
        file.write(b"P6\n%d %d\n255\n" % (width, height))
        file.write(bytes((x * (number + 3) + y * 7 + c * 50) % 256
                         for y in range(height) for x in range(width) for c in range(3)))
with open(scratch + "/wide.txt", "w") as file:
    print(*paths, sep="\n", file=file)
PY
sed "s#^valid=.*#valid=$scratch/wide.txt#" "$scratch/x.data" >"$scratch/wide.data"
as_valid() { # the probabilities of classes 0 and 1, which valid -verbose prints
    "$darknet" classifier valid "$scratch/wide.data" "$scratch/a.cfg" "$weights" -verbose 2>/dev/null >"$scratch/valid"
    predict -list "$scratch/wide.txt" -json -t 6 >"$scratch/out" &&
        predict -list "$scratch/wide.txt" -json -t 6 -letterbox >"$scratch/boxed" || return 1
    python3 -B - "$scratch" <<'PY'
import json, re, sys
scratch = sys.argv[1]
def read(name):
    with open(f"{scratch}/{name}") as file:
        return [(r["path"], {g["class"]: g["probability"] for g in r["guesses"]}) for r in map(json.loads, file)]
with open(scratch + "/valid") as file:
    valid = re.findall(r"^(.*), \d+, ([0-9.]+), ([0-9.]+), $", file.read(), re.M)
out, boxed = read("out"), read("boxed")
assert len(valid) == len(out) == len(boxed) == 8
for (path, first, second), (other, p) in zip(valid, out):
    assert path == other
    assert abs(p["char_65_"] - float(first)) < 1e-6 and abs(p["char_66_"] - float(second)) < 1e-6, (path, p, first)
    assert abs(sum(p.values()) - 1) < 1e-5 and len(p) == 6 and list(p.values()) == sorted(p.values(), reverse=True)
assert any(abs(p["char_65_"] - q["char_65_"]) > 1e-3 for (_, p), (_, q) in zip(out, boxed))
PY
}
check 'it shows the network what classifier valid does; -letterbox shows another view' as_valid
formats() { # the same in text, CSV and JSON, of one image and of several at once
    predict -list "$scratch/train.txt" -csv -t 3 >"$scratch/csv" &&
        predict -list "$scratch/train.txt" -json -t 3 >"$scratch/json" || return 1
    while read -r path; do predict "$path" -t 3; done <"$scratch/train.txt" >"$scratch/text"
    python3 -B - "$scratch" <<'PY'
import csv, json, sys
scratch = sys.argv[1]
with open(scratch + "/csv", newline="") as file:
    rows = list(csv.reader(file))
with open(scratch + "/json") as file:
    objects = list(map(json.loads, file))
with open(scratch + "/text") as file:
    text = [line.split("%: ") for line in file.read().splitlines()]
with open(scratch + "/train.txt") as file:
    paths = file.read().splitlines()
assert [row[0] for row in rows] == [o["path"] for o in objects] == paths and len(text) == 3 * len(paths)
for i, (row, o) in enumerate(zip(rows, objects)):
    assert row[1] == "" and len(row) == 8 and list(o) == ["path", "guesses"]
    for j, g in enumerate(o["guesses"]):
        assert row[2 + 2 * j] == g["class"] == text[3 * i + j][1]
        assert float(row[3 + 2 * j]) == g["probability"]
        assert abs(float(text[3 * i + j][0]) - 100 * g["probability"]) < 0.006
PY
}
check 'text, CSV and JSON say the same; one image or several a forward pass' formats
bad_images() {
    sed -n "1,3p; 2a\\
$scratch/no \"image\", this.png" "$scratch/train.txt" >"$scratch/some.txt"
    predict -list "$scratch/some.txt" -csv >"$scratch/csv"
    [ $? -eq 1 ] && grep -q 'No guesses for ".*/no "image", this.png": No such file' "$scratch/err" || return 1
    predict -list "$scratch/some.txt" -json >"$scratch/json"
    [ $? -eq 1 ] && python3 -B - "$scratch" <<'PY'
import csv, json, sys
scratch = sys.argv[1]
rows = list(csv.reader(open(scratch + "/csv", newline="")))
objects = list(map(json.loads, open(scratch + "/json")))
assert len(rows) == len(objects) == 4
assert rows[2] == [scratch + '/no "image", this.png', "No such file or directory"]
assert objects[2] == {"path": scratch + '/no "image", this.png', "error": "No such file or directory"}
assert all("guesses" in o for o in objects[:2] + objects[3:])
PY
}
check 'a bad image is named on stderr and in its line; the exit code is 1' bad_images
pipes() { # one that nobody writes to; one whose writer takes its time
    mkfifo "$scratch/pipe.png" || return 1
    timeout 60 "$darknet" classifier predict "$scratch/x.data" "$scratch/a.cfg" "$scratch/backup/a.weights" \
        "$scratch/pipe.png" >"$scratch/out" 2>&1
    [ $? -eq 1 ] && grep -q 'No guesses for ".*/pipe.png": the file is empty' "$scratch/out" || return 1
    image=$(head -n 1 "$scratch/train.txt")
    { head -c 50 "$image" && sleep 0.5 && tail -c +51 "$image"; } |
        "$darknet" classifier predict "$scratch/x.data" "$scratch/a.cfg" "$scratch/backup/a.weights" /dev/stdin -csv \
            >"$scratch/csv" 2>"$scratch/err" && grep -q '^"/dev/stdin",,"' "$scratch/csv"
}
check 'an image may come through a pipe; one that nobody writes to is empty' pipes
odd_path() { # quotes, control characters and what is no UTF-8
    python3 -B - "$scratch" "$darknet" <<'PY'
import json, os, subprocess, sys
scratch, darknet = sys.argv[1:]
path = os.fsencode(scratch) + b'/a"b\\c\x01 \xc3\xa4 \xff\xed\xa0\x80.png'
with open(scratch + "/data/char_65_0.png", "rb") as source, open(path, "wb") as copy:
    copy.write(source.read())
network = [scratch + "/x.data", scratch + "/a.cfg", scratch + "/backup/a.weights"]
command = [darknet, "classifier", "predict", *network, "-list", "-", "-json"]
out = subprocess.run(command, input=path + b"\n", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
result = json.loads(out.decode())
assert os.fsencode(result["path"]) == path and len(result["guesses"]) == 2, result
PY
}
check 'any path is quoted in JSON' odd_path
coming() { # each answer is there before the next path is sent
    python3 -B - "$scratch" "$darknet" <<'PY'
import json, subprocess, sys
scratch, darknet = sys.argv[1:]
network = [scratch + "/x.data", scratch + "/a.cfg", scratch + "/backup/a.weights"]
command = [darknet, "classifier", "predict", *network, "-list", "-", "-json"]
process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
with open(scratch + "/train.txt") as file:
    paths = file.read().splitlines()
for path in paths[:4]:
    process.stdin.write(b"\n  " + path.encode() + b"\r\n")
    assert json.loads(process.stdout.readline())["path"] == path
process.stdin.write("\n".join(paths).encode())  # the last line has no end
process.stdin.close()
assert [json.loads(line)["path"] for line in process.stdout] == paths
assert process.wait() == 0
PY
}
check 'paths from stdin are answered as they come' coming
nothing_else() { predict -list "$scratch/train.txt" -csv >"$scratch/csv" &&
    [ "$(wc -l <"$scratch/csv")" = "$(wc -l <"$scratch/train.txt")" ]; }
check 'a line an image, nothing else on stdout' nothing_else
with_labels() { # a list for training is one for prediction
    sed 's/$/	char_65_/' "$scratch/train.txt" >"$scratch/labelled.txt"
    predict -list "$scratch/labelled.txt" -csv >"$scratch/labelled.csv" && cmp "$scratch/csv" "$scratch/labelled.csv" &&
        predict -list - -csv <"$scratch/labelled.txt" >"$scratch/labelled.csv" &&
        cmp "$scratch/csv" "$scratch/labelled.csv"
}
check 'labels behind a TAB are left out' with_labels
empty() { predict -list - -csv </dev/null >"$scratch/out" && ! [ -s "$scratch/out" ]; }
check 'no path, no line' empty
# refused TEXT FLAG...
refused() {
    text=$1
    shift
    predict "$@" >"$scratch/out" </dev/null
    [ $? -eq 1 ] && ! [ -s "$scratch/out" ] && grep -qF -- "$text" "$scratch/err"
}
check '-list needs a format' refused 'needs -csv or -json' -list "$scratch/train.txt"
image=$scratch/data/char_65_0.png
check 'a list or an image, not both' refused 'one of the two' "$image" -list "$scratch/train.txt" -csv
check 'a list that is not there' refused 'none.txt' -list "$scratch/none.txt" -csv
check 'a directory is no list' refused 'data' -list "$scratch/data" -json
directory_as_stdin() {
    predict -list - -csv <"$scratch/data" >"$scratch/out"
    [ $? -eq 1 ] && grep -q -- '-list -: cannot be read: Is a directory' "$scratch/err"
}
check 'a directory as stdin' directory_as_stdin

sed "s#^train=.*#train=$scratch/no.txt#" "$scratch/x.data" >"$scratch/sets.data"
: >"$scratch/no.txt"
"$darknet" classifier calibrate "$scratch/sets.data" "$scratch/a.cfg" "$weights" -cover 0.8 >"$scratch/said" 2>&1 ||
    cat "$scratch/said"
sets() {
    sets=$scratch/backup/a.sets
    predict -list "$scratch/train.txt" -json -t 6 >"$scratch/all" &&
        predict -list "$scratch/train.txt" -json -sets "$sets" >"$scratch/json" &&
        predict -list "$scratch/train.txt" -csv -sets "$sets" >"$scratch/csv" &&
        predict "$(head -n 1 "$scratch/train.txt")" -sets "$sets" >"$scratch/text" || return 1
    python3 -B - "$scratch" <<'PY'
import csv, json, math, sys
scratch = sys.argv[1]
options = dict(line.strip().split("=") for line in open(scratch + "/backup/a.sets") if line[0] != "#")
threshold, factor = float(options["threshold"]), float(options["fitted_temperature"]) / float(options["temperature"])
every = [json.loads(line)["guesses"] for line in open(scratch + "/all")]
found = [json.loads(line)["set"] for line in open(scratch + "/json")]
rows = list(csv.reader(open(scratch + "/csv", newline="")))
for p, s, row in zip(every, found, rows):
    inside = [g["class"] for g in p if 1 - g["probability"] <= threshold + 1e-9]
    assert [g["class"] for g in s] == inside == row[2::2], (p, s)
    powers = {g["class"]: g["probability"] ** (1 / factor) for g in p}
    for g in s:
        assert abs(g["probability"] - powers[g["class"]] / sum(powers.values())) < 1e-5, (g, factor)
text = open(scratch + "/text").read().splitlines()
n = len(found[0])
assert text[0] == f"a set of {n} class{'' if n == 1 else 'es'} (80 % of all sets hold the right one):"
assert len(text) == n + 1
PY
}
check '-sets: the classes of each set, at the temperature of the file' sets
check '-letterbox shows what the sets are not calibrated on' \
    refused 'calibrated on what classifier valid shows' "$image" -sets "$scratch/backup/a.sets" -letterbox
check '-t is not for sets' \
    refused '-t 2: not with -sets, which have as many' "$image" -sets "$scratch/backup/a.sets" -t 2
check '-t beyond the classes' refused '-t 7: must be from 1 to 6, the number of classes' "$image" -t 7
check 'two formats are refused' refused '-csv and -json: one of the two' "$image" -csv -json
check 'a flag that is there twice is refused' refused 'classifier predict: -t: is given twice' "$image" -t 2 -t 3
sed 's/^weights=.*/weights=0123456789abcdef/' "$scratch/backup/a.sets" >"$scratch/other.sets"
check 'sets of other weights are refused' \
    refused 'these prediction sets are for other weights' "$image" -sets "$scratch/other.sets"
finish
