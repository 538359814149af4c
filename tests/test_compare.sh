#!/bin/sh
# make compare and make tune: a small grid that is killed and started again, its tables, wider and narrower calls,
# shared runs, tuning.
. tests/compare_set.sh
NOISE="0 1" FRACTION="1 0.5" SEEDS="1 2" BATCHES=400 LOSSES="softmax 'smooth_topk k=3'"
export LOSSES

# --- A grid that is killed when it has results, and started again
in_training() { # the weights of the runs that have saved some and go on; those that are measured have their last ones
    for saved in "$scratch"/out/runs/*/weights/run.backup; do
        [ ! -e "$saved" ] || [ -e "${saved%backup}weights" ] || echo "$saved"
    done
}
kill_it() {
    start='exec setsid' # a process group of its own, whose number is that of the program
    program compare >"$scratch/first.out" 2>&1 &
    pid=$!
    start=
    tries=0
    until [ "$(wc -l <"$scratch/out/results.csv" 2>/dev/null || echo 0)" -ge 3 ] &&
        [ "$(in_training)" ]; do
        sleep 0.05
        tries=$((tries + 1))
        [ $tries -lt 600 ] && kill -0 $pid || { cat "$scratch/first.out"; return 1; }
    done >/dev/null 2>&1
    kill -KILL -$pid
    wait $pid
    [ $? -eq 137 ] && [ "$(in_training)" ]
}
check 'a grid is killed, its trainings too' kill_it
cp "$scratch/out/results.csv" "$scratch/before.csv"
killed=$(in_training | head -n 1)
killed=${killed%/weights/run.backup}
# directory LOSS: what the names of its runs begin with.
directory() { python "$1" <<'PY'
import sys
from compare_losses import file_name
print(file_name(sys.argv[1]))
PY
}
finished=$(sed -n 2p "$scratch/before.csv" | { IFS=, read -r loss noise fraction seed _ &&
    echo "$(directory "$loss")_p${noise}_f${fraction}_s$seed"; })
smooth=$(directory 'smooth_topk k=3')
cksum "$scratch/out/runs/$finished/train.log" >"$scratch/finished.sum"
[ -f "$killed/log.csv" ] && cp "$killed/log.csv" "$scratch/killed.csv"

goes_on() { program compare >"$scratch/second.out" 2>&1 || { tail -n 20 "$scratch/second.out"; return 1; }; }
check 'started again, it ends' goes_on
says() { grep -q "16 runs of 400 batches, $(($(wc -l <"$scratch/before.csv") - 1)) of them done before" \
    "$scratch/second.out"; }
check 'it says how many runs were done before' says
not_again() { cksum "$scratch/out/runs/$finished/train.log" | cmp - "$scratch/finished.sum" &&
    head -n 3 "$scratch/out/results.csv" |
    cmp - "$scratch/before.csv" -n "$(head -n 3 "$scratch/before.csv" | wc -c)"; }
check 'what was finished is not trained again' not_again
continued() {
    cut -d, -f1 "$killed/log.csv"
    grep -q "Loading weights from $killed/weights/run.backup" "$killed/train.log" &&
        [ "$(cut -d, -f1 "$killed/log.csv" | tr '\n' ' ')" = "batch 40 80 120 160 200 240 280 320 360 400 " ] &&
        [ "$(sed -n 2p "$killed/log.csv")" = "$(sed -n 2p "$scratch/killed.csv")" ]
}
check 'what was killed goes on from its last weights, and so does its log' continued
sixteen() { [ "$(sed 1d "$scratch/out/results.csv" | cut -d, -f1-4 | sort -u | wc -l)" -eq 16 ] &&
    [ "$(wc -l <"$scratch/out/results.csv")" -eq 17 ]; }
check 'each of the 16 runs has one line of results' sixteen
again() { goes_on && grep -q '16 of them done before' "$scratch/second.out" &&
    cmp "$scratch/out/results.csv" "$scratch/results.csv"; }
cp "$scratch/out/results.csv" "$scratch/results.csv"
check 'a third start trains nothing' again

garbled() { # results that cannot be read: trained again, and no column stays empty
    cp "$scratch/out/table.csv" "$scratch/whole.csv"
    for text in '' 'loss,noise
softmax,x'; do
        printf '%s' "$text" >"$scratch/out/runs/$finished/result.csv"
        goes_on && grep -q '15 of them done before' "$scratch/second.out" &&
            cmp "$scratch/out/table.csv" "$scratch/whole.csv" || return 1
    done
}
check 'a result.csv that is empty or garbled is made again' garbled
cpu_time() { awk -F, \
    'NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    !($column["cpu_seconds"] > 0 && $column["seconds"] > 0) { print; exit 1 }' "$scratch/out/results.csv"; }
check 'results.csv has the time and the CPU time of each run' cpu_time

orphans() {
    rm -rf "$scratch/orphan"
    start='exec setsid'
    program compare OUT="$scratch/orphan" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=100000 >"$scratch/orphan.out" 2>&1 &
    pid=$!
    start=
    tries=0
    until [ -s "$scratch/orphan/runs/softmax_p0_f1_s1/train.log" ] &&
        [ -s "$scratch/orphan/runs/${smooth}_p0_f1_s1/train.log" ]; do
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
    [ "$(grep -c '^| [0-9]' "$scratch/out/table.md")" -eq 24 ] && [ "$(wc -l <"$scratch/out/table.csv")" -eq 17 ] &&
        grep -q '<svg' "$scratch/out/noise.svg" && grep -q '</svg>' "$scratch/out/training.svg"
}
check 'table.txt, .md, .csv and the plots are there' there
figures() { # mean, standard deviation and difference of top 5 at noise 1, all of the training set, last weights
    want=$(awk -F, '$2 == 1 && $3 == 1 { x[$1, ++n[$1]] = 100 * $7 }
        END { a = x["softmax", 1]; b = x["softmax", 2]; c = x["smooth_topk k=3", 1]; d = x["smooth_topk k=3", 2]
              s = (a - b) ^ 2 / 2; t = (c - d) ^ 2 / 2
              printf "%.3f,%.3f,%.3f,%.3f,%.3f", (a + b) / 2, sqrt(s), (c + d) / 2, sqrt(t), (c + d - a - b) / 2 }' \
                  "$scratch/out/results.csv")
    got=$(awk -F, 'NR == 1 { for (i = 1; i <= NF; ++i) at[$i] = i; next }
        $1 == "last" && $2 == 1 && $3 == 1 && $4 == "softmax" { printf "%s,%s,", $at["topk"], $at["topk_sd"] }
        $1 == "last" && $2 == 1 && $3 == 1 &&
            $4 == "smooth_topk k=3" { print $at["topk"] "," $at["topk_sd"] "," $at["difference_topk"] }' \
                "$scratch/out/table.csv")
    echo "want $want"
    echo "got  $got"
    [ "$want" = "$got" ]
}
check 'its means, deviations and differences are those of results.csv' figures
training() { # loss and top 1 on what it trained on, of the last weights
    run=$scratch/out/runs/softmax_p1_f0.5_s1
    sed 's#^valid=.*#valid='"$scratch"'/out/data/draws/p1_f0.5_s1.txt#' "$run/run.data" >"$scratch/again.data"
    top1=$("$darknet" classifier valid "$scratch/again.data" "$run/run.cfg" "$run/weights/run.weights" -verbose |
        sed -n 's/^284: top 1: \([0-9.]*\),.*/\1/p')
    want="$(tail -n 1 "$run/log.csv" | cut -d, -f3) $top1"
    got=$(awk -F, '$1 == "softmax" && $2 == 1 && $3 == 0.5 && $4 == 1 { print $11, $12 }' "$scratch/out/results.csv")
    echo "want $want, got $got"
    [ -n "$top1" ] && python "$want" "$got" <<'PY'
import sys
want, got = ([float(word) for word in line.split()] for line in sys.argv[1:])
assert want == got
PY
}
check 'training loss and training top 1 are those of the last weights' training
guesses() { # prediction sets of the last weights, as the two commands make and measure them
    run=$scratch/out/runs/softmax_p1_f0.5_s1
    cp "$run/weights/run.weights" "$scratch/again.weights"
    "$darknet" classifier calibrate "$run/run.data" "$run/run.cfg" "$scratch/again.weights" >"$scratch/again.out" &&
        "$darknet" classifier valid "$run/run.data" "$run/run.cfg" "$scratch/again.weights" \
            -sets "$scratch/again.sets" >>"$scratch/again.out"
    want=$(sed -n 's/^sets: .*mean size \([0-9.]*\),.*/\1/p' "$scratch/again.out")
    got=$(awk -F, '$1 == "softmax" && $2 == 1 && $3 == 0.5 && $4 == 1 { print $15, $16 }' "$scratch/out/results.csv")
    echo "want $want, got $got"
    [ -n "$want" ] && python "$want" "$got" <<'PY'
import sys
assert float(sys.argv[1]) == float(sys.argv[2].split()[0]) and 0.5 < float(sys.argv[2].split()[1]) <= 1
PY
}
check 'guesses for 90 % are those of classifier calibrate and valid -sets' guesses
best_not_below() { awk -F, 'NR > 1 && $9 < $7 { print; exit 1 }' "$scratch/out/results.csv"; }
check 'the best top 5 is never below the last' best_not_below

# --- A narrower call, a wider one, another program
narrower() {
    cp "$scratch/out/table.csv" "$scratch/wide.csv"
    program compare NOISE=0 SEEDS=1 LOSSES="'smooth_topk k=3'" >"$scratch/second.out" 2>&1 &&
        cmp "$scratch/out/table.csv" "$scratch/wide.csv"
}
check 'a narrower call in the same OUT leaves the tables as wide as they are' narrower
wider() {
    program compare NOISE=0 FRACTION=0.5 SEEDS=1 LOSSES="smooth_topk" >"$scratch/second.out" 2>&1 ||
        { cat "$scratch/second.out"; return 1; }
    head -n 1 "$scratch/out/table.csv"
    [ "$(sed '/,smooth_topk,/d' "$scratch/out/table.csv")" = "$(cat "$scratch/wide.csv")" ] &&
        [ "$(grep -c ',smooth_topk,1,' "$scratch/out/table.csv")" -eq 2 ] &&
        grep -q '^| fraction | noise | seeds | softmax | smooth_topk k=3 | smooth_topk k=5 |' "$scratch/out/table.md"
}
check 'another loss joins them, compared with the first' wider
one_line() { # of 80 columns
    env OUT="$scratch/lines" LOSSES="softmax 'smooth_topk k=1'" NOISE=0 FRACTION=1 SEEDS='1 2 3 4 5 6' \
        JOBS=12 python3 - "$scratch/terminal" <<'PY'
import os, pty, sys
seen = []
def read(fd):
    data = os.read(fd, 10000)
    seen.append(data)
    return data
code = pty.spawn(["tools/compare.py", "compare"], read, lambda fd: b"")
text = b"".join(seen).decode()
lines = [line.split("\x1b")[0] for line in text.replace("\n",
    "\r").split("\r") if "runs done" in line or "estimated" in line]
assert code == 0 and any("12 at work: " in line for line in lines), text[-2000:]
assert max(map(len, lines)) <= 79, max(lines, key=len)
PY
}
check 'the line of progress has at most 80 columns, for 12 runs at once' one_line
taken() { # by another program: left to it, and waited for
    run=$scratch/shared/runs/softmax_p0_f1_s1
    program plan OUT="$scratch/shared" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=3000 >"$scratch/runs.txt" \
        2>"$scratch/plan.out" || { cat "$scratch/plan.out"; return 1; }
    cat "$scratch/runs.txt" "$scratch/plan.out"
    [ "$(wc -l <"$scratch/runs.txt")" -eq 2 ] && [ ! -e "$run/log.csv" ] || return 1
    first=$(head -n 1 "$scratch/runs.txt")
    sh -c "$first" >"$scratch/one.out" 2>&1 &
    one=$!
    tries=0
    until [ -s "$run/log.csv" ]; do
        sleep 0.05
        tries=$((tries + 1))
        [ $tries -lt 200 ] || return 1
    done
    sh -c "$first" >"$scratch/two.out" 2>&1 &&
        grep -q 'softmax_p0_f1_s1: another program is training it; left to that' "$scratch/two.out" ||
        { cat "$scratch/two.out"; return 1; }
    kill -0 $one || { echo "it ended too early for this test"; return 1; }
    program compare OUT="$scratch/shared" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=3000 >"$scratch/second.out" 2>&1 &&
        wait $one || { cat "$scratch/second.out" "$scratch/one.out"; return 1; }
    [ "$(wc -l <"$scratch/shared/results.csv")" -eq 3 ] && [ "$(cut -d, -f1 "$run/log.csv" | wc -l)" -eq 11 ] &&
        ! grep -q Resuming "$run/train.log" &&
        sh -c "$first" | grep -q 'done before' &&
            [ "$(program plan OUT="$scratch/shared" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=3000 2>/dev/null)" = "" ]
}
check 'plan prints a command a run; of two takers of one run one yields; compare waits for what another trains' taken
in_parallel() { # RUNNER...: what takes the commands from standard input
    rm -rf "$scratch/parallel"
    program plan OUT="$scratch/parallel" SEEDS=1 BATCHES=50 2>/dev/null | "$@" >"$scratch/parallel.out" 2>&1 ||
        { cat "$scratch/parallel.out"; return 1; }
    [ "$(wc -l <"$scratch/parallel/results.csv")" -eq 9 ] && [ "$(wc -l <"$scratch/parallel/table.csv")" -eq 17 ] &&
        ! ls "$scratch/parallel" | grep tmp
}
check 'commands side by side meet in one OUT' in_parallel xargs -P 4 -I% sh -c %
if command -v parallel >/dev/null; then
    check 'so they do with parallel' in_parallel parallel -j 4
else
    skip 'so they do with parallel' 'GNU parallel is not installed'
fi
as_slurm() { # the two lines that compare.py's help has for Slurm, with its variables set by hand
    sed -n "s/.*srun -n 16 sh -c '\(.*\)'$/\1/p; s/.*--wrap '\(.*\)'$/\1/p" tools/compare.py >"$scratch/slurm.txt"
    [ "$(wc -l <"$scratch/slurm.txt")" -eq 2 ] || return 1
    program plan OUT="$scratch/slurm" FRACTION=1 SEEDS=1 BATCHES=20 2>/dev/null >"$scratch/runs.txt"
    for i in $(seq 0 15); do (cd "$scratch" &&
        SLURM_PROCID=$i SLURM_STEP_NUM_TASKS=16 sh -c "$(sed -n 1p slurm.txt)"); done
    [ "$(wc -l <"$scratch/slurm/results.csv")" -eq 5 ] || return 1
    program plan OUT="$scratch/slurm2" EVERY=8 FRACTION=1 SEEDS=1 BATCHES=20 2>/dev/null >"$scratch/runs.txt"
    for i in 1 2 3 4; do (cd "$scratch" && SLURM_ARRAY_TASK_ID=$i sh -c "$(sed -n 2p slurm.txt)") &&
        [ "$(wc -l <"$scratch/slurm2/results.csv")" -eq $((i + 1)) ] || return 1; done
}
check 'the lines for srun and sbatch do each run once' as_slurm
every() {
    [ "$(cut -d, -f1 "$scratch/slurm2/runs/softmax_p1_f1_s1/log.csv" | tr '\n' ' ')" = 'batch 8 16 20 ' ] &&
        refused 'EVERY=9: the results in' OUT="$scratch/slurm2" FRACTION=1 SEEDS=1 BATCHES=20 EVERY=9
}
check 'EVERY says how often a run is validated' every

# --- Tuning
mkdir "$scratch/bin" && ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$scratch/bin/python3"
tuned() { # without gnuplot
    program tune OUT="$scratch/tune" NOISE=0.5 FRACTION=1 SEEDS=1 BATCHES=20 LRS="0.01 0.1" TAUS="0.1 1" \
        PATH="$scratch/bin" >"$scratch/tune.out" 2>&1
    code=$?
    cat "$scratch/tune.out"
    [ $code -eq 0 ] &&
        losses="'softmax rate=[0-9.]*' 'smooth_topk k=3 tau=[0-9.]* rate=[0-9.]*'" &&
        settings='DATA=.* NOISE=0.5 FRACTION=1 BATCHES=20 JOBS=2 OUT=.*tune_compared' &&
        grep -q "make compare $settings LOSSES=\"$losses\"$" "$scratch/tune.out" &&
        [ "$(grep -c '^softmax,' "$scratch/tune/tune.csv")" -ge 4 ] &&
            [ "$(grep -c '^smooth_topk k=3,' "$scratch/tune/tune.csv")" -ge 4 ] &&
        grep -q 'The last weights, on 95 images; ± is a standard error' "$scratch/tune.out" &&
            grep -Eq '^softmax .* ± .* chosen$' "$scratch/tune.out"
}
check 'tuning tries as much for each loss, says how sure that is and how to compare' tuned
as_printed() { # the command, taken from the terminal
    (eval "env $(sed -n 's/^  make compare //p' "$scratch/tune.out") SEEDS=1 tools/compare.py compare") \
        >"$scratch/second.out" 2>&1 || { cat "$scratch/second.out"; return 1; }
    tail -n 1 "$scratch/second.out"
    grep -q "^Tables: $scratch/tune_compared/table.txt" "$scratch/second.out" &&
        [ "$(wc -l <"$scratch/tune_compared/results.csv")" -eq 3 ] &&
        grep -q "^learning_rate=$(sed -n "s/.*'softmax rate=\([^']*\)'.*/\1/p" "$scratch/tune.out")$" \
            "$scratch"/tune_compared/runs/softmax_p0.5_f1_s1/run.cfg
}
check 'the command that it prints compares with what it chose' as_printed
# The figures are theirs; the choice is the one with the least training loss of what is within an error of the best.
last_weights() {
    python "$scratch/tune" <<'PY'
import csv, glob, sys
from compare_losses import file_name
with open(sys.argv[1] + "/tune.csv") as file:
    rows = [row for row in csv.DictReader(file)]
for row in rows:
    name = f"{file_name(row['loss'])}_p0.5_f1_s1_b20_lr{row['rate']}" + (f"_tau{row['tau']}" if row["tau"] else "")
    with open(f"{sys.argv[1]}/runs/{name}/log.csv") as file:
        last = list(csv.DictReader(file))[-1]
    assert (float(last["top1"]), float(last["top5"]), float(last["loss"])) == tuple(float(row[x]) for x in ("top1",
        "topk", "train_loss"))
for loss in {row["loss"] for row in rows}:
    own = [row for row in rows if row["loss"] == loss]
    best = max(own, key=lambda row: float(row["topk"]))
    alike = [row for row in own if row["tau"] == best["tau"]
             and float(best["topk"]) - float(row["topk"]) <= float(best["topk_error"])]
    chosen, = [row for row in own if row["choice"] == "chosen"]
    assert chosen["train_loss"] == min(alike, key=lambda row: float(row["train_loss"]))["train_loss"], own
PY
}
check 'of what cannot be told apart by the last weights it chooses what has learned most' last_weights
held_apart() {
    awk -F, 'NR > 1 { print $4 }' "$scratch/tune/data/draws/p0.5_f1_s1.labels.csv" | sort >"$scratch/trained"
    xargs readlink -f <"$scratch/tune/data/draws/valid.txt" | sort >"$scratch/held" &&
        [ "$(wc -l <"$scratch/held")" -eq 95 ] &&
        sort "$set/train.txt" | comm -23 "$scratch/held" - | cmp - /dev/null &&
            comm -12 "$scratch/held" "$scratch/trained" | cmp - /dev/null
}
check 'on images of the training set that no run of it trains on' held_apart
divergent() {
    program tune OUT="$scratch/diverge" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=20 LRS="0.01 1e30" TAUS=1 \
        LOSSES="softmax smooth_topk" >"$scratch/tune.out" 2>&1
    ! grep -l 'Stopped by signal' "$scratch"/diverge/runs/*/train.log &&
        grep -q '^smooth_topk .* diverged$' "$scratch/tune.out" &&
        grep -q "make compare .*'softmax rate=0.01'" "$scratch/tune.out" || { cat "$scratch/tune.out"; return 1; }
}
check 'a rate at which the training diverges is said to, and does not win' divergent
divergent_output() { # seen by a validation, before the next loss
    program tune OUT="$scratch/diverge2" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=20 EVERY=1 LRS="0.01 0.1 1e38" TAUS=1 \
        LOSSES="softmax" >"$scratch/tune.out" 2>&1
    grep -l 'No image of the validation set' "$scratch"/diverge2/runs/*/train.log &&
        grep -q '^softmax .* diverged$' "$scratch/tune.out" || { cat "$scratch/tune.out"; return 1; }
}
check 'so is one whose validation has no output' divergent_output
single() ( # a class of one image is trained on; where all are such, none is left to validate on
    mkdir -p "$scratch/single/train/a" "$scratch/single/train/b" "$scratch/single/valid/a" "$scratch/single/valid/b"
    for image in train/a/1 train/a/2 train/b/1 valid/a/1 valid/b/1; do
        cp build/source/data/labels/65_0.png "$scratch/single/$image.png"
    done
    export NOISE=0 FRACTION=1 BATCHES=20 K=1 LRS=0.01 SEEDS=1
    program tune DATA="$scratch/single" OUT="$scratch/single_out" LOSSES=softmax || return 1
    grep -c '/1_b/' "$scratch/single_out/data/draws/p0_f1_s1.txt" || return 1
    rm "$scratch/single/train/a/2.png"
    program tune DATA="$scratch/single" OUT="$scratch/single_out2" LOSSES=softmax >"$scratch/message" 2>&1
    [ $? -eq 1 ] && grep -q 'tune validates on a part of the images to train on; at least one class must have two' \
        "$scratch/message"
)
check 'tune leaves a class its only image' single
measuring() { # killed when it has trained and measures
    start='exec setsid'
    program compare OUT="$scratch/measuring" SEEDS=1 NOISE=0 FRACTION=1 BATCHES=20 JOBS=1 LOSSES=softmax \
        >"$scratch/first.out" 2>&1 &
    pid=$!
    start=
    tries=0
    until ls "$scratch"/measuring/runs/*/measure.log >/dev/null 2>&1; do
        sleep 0.01
        tries=$((tries + 1))
        [ $tries -lt 3000 ] && kill -0 $pid || { cat "$scratch/first.out"; return 1; }
    done
    kill -KILL -$pid
    wait $pid
    ls "$scratch"/measuring/runs/*/result.csv && { echo "it ended too early for this test"; return 1; }
    program compare OUT="$scratch/measuring" SEEDS=1 NOISE=0 FRACTION=1 BATCHES=20 JOBS=1 LOSSES=softmax &&
        [ "$(wc -l <"$scratch/measuring/results.csv")" -eq 2 ] &&
        [ "$(cat "$scratch"/measuring/runs/*/cpu.csv | wc -l)" -eq 1 ]
}
check 'what was killed while it measured is measured, not trained again' measuring
whole_group() { # SIGNAL: to all processes at once, as by timeout, Slurm and a terminal that is closed
    start='exec setsid'
    program compare OUT="$scratch/group$1" SEEDS=1 NOISE=0 FRACTION=1 BATCHES=1000000 EVERY=1000000 LOSSES=softmax \
        >"$scratch/first.out" 2>&1 &
    pid=$!
    start=
    log=$scratch/group$1/runs/softmax_p0_f1_s1/train.log
    tries=0
    until [ -e "${log%train.log}weights/run.backup" ]; do
        sleep 0.1
        tries=$((tries + 1))
        [ $tries -lt 600 ] && kill -0 $pid || { cat "$scratch/first.out"; return 1; }
    done
    kill -"$1" -$pid
    wait $pid
    tries=0
    until grep 'to go on, train from' "$log"; do
        sleep 0.1
        tries=$((tries + 1))
        [ $tries -lt 100 ] || { tail -n 3 "$log"; return 1; }
    done
}
check 'at SIGTERM to all processes each training saves' whole_group TERM
check 'so it does at SIGHUP' whole_group HUP
damaged() { # an image to train on and one to validate on
    cp -r "$set" "$scratch/damaged" || return 1
    for list in train valid; do
        sed "s|$set|$scratch/damaged|" "$set/$list.txt" >"$scratch/damaged/$list.txt"
        true >"$(sed -n 5p "$scratch/damaged/$list.txt")"
    done
    program compare DATA="$scratch/damaged" OUT="$scratch/damaged_out" SEEDS=1 NOISE=0 FRACTION=1 BATCHES=20 \
        LOSSES="softmax smooth_topk" >"$scratch/second.out" 2>&1 || { cat "$scratch/second.out"; return 1; }
    grep 'left out' "$scratch/second.out"
    for list in train valid; do
        [ "$(grep -c "left out: $(sed -n 5p "$scratch/damaged/$list.txt"): the file is empty" \
            "$scratch/second.out")" -eq 1 ] || return 1
    done
    [ "$(cut -d, -f12 "$scratch/damaged_out/results.csv" | grep -c '[0-9]')" -eq 3 ] # top1 in the head too
}
check 'images that cannot be read are named once, and a comparison does without them' damaged

check 'results of other settings are refused' refused 'BATCHES=401: the results in' BATCHES=401
check 'another TAU in the same OUT is refused' refused 'are of [smooth_topk] k=3 tau=0.5 alpha=1 at rate 0.05' TAU=2
failed_start() { # does not stand in the way of the corrected one
    refused 'ended with exit code 1' OUT="$scratch/failed" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=20 \
        LOSSES="'smooth_topk k=300'" || return 1
    ! grep -q 'goes on from its last weights' "$scratch/message" && grep -q 'k=300: out of range' "$scratch/message" &&
        program compare OUT="$scratch/failed" NOISE=0 FRACTION=1 SEEDS=1 BATCHES=30 LR_SMOOTH_TOPK=0.01 \
            LOSSES="'smooth_topk k=30'"
}
check 'a first start that fails says why and nothing of weights, and a corrected second one runs' failed_start
finish
