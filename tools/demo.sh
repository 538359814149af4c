#!/bin/sh
# The demo: trains one network twice on "glyphs", with [softmax] and with [smooth_topk], and compares the two.
#
# usage: tools/demo.sh [DIR]     (run from the root of the repository, after `make`; `make demo` does both)
#
# Environment: NOISE    probability that a training label is redrawn among the 5 classes of its group
#              SEED     what the images, their labels and both trainings are drawn from
#              BATCHES  how long to train, if not as cfg/glyphs_*.cfg say
#              DATA     another demo: disturbances, oneclass
# Everything is made afresh in DIR (build/demo), a path without spaces: Darknet drops them in .data files.
set -eu
. tools/own_directory.sh
noise=${NOISE:-0.4} seed=${SEED:-1} dir=${1:-build/demo}
losses='softmax smooth_topk'
pids=
trap 'kill $pids 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

fail() {
    echo "demo: $*" >&2
    exit 1
}

case ${DATA:-glyphs} in
glyphs) ;;
disturbances | oneclass) exec "tools/demo_$DATA.sh" "$@" ;;
*) fail "DATA=$DATA: must be glyphs, disturbances or oneclass" ;;
esac
case $dir in *[[:space:]#]*) fail "$dir: the directory's path must be without spaces and #" ;; esac
case ${BATCHES-1} in *[!0-9]* | '' | 0*) fail "BATCHES=$BATCHES: must be a whole number from 1" ;; esac
for program in build/darknet build/make_glyphs; do
    [ -x "$program" ] || fail "$program is missing; run make demo in the root of the repository"
done

# --- Data and networks
own_directory "$dir" "${1-}"
rm -rf "$dir/data" "$dir/weights"
mkdir -p "$dir/weights"
build/make_glyphs build/source/data/labels "$dir/data" -noise "$noise" -seed "$seed"
sed "s#build/demo#$dir#" cfg/glyphs.data >"$dir/glyphs.data"
for loss in $losses; do
    sed -e "${BATCHES:+s/^max_batches=.*/max_batches=$BATCHES/}" "cfg/glyphs_$loss.cfg" >"$dir/glyphs_$loss.cfg"
done
batches=$(sed -n 's/^max_batches=//p' "$dir/glyphs_softmax.cfg")
images=$(($(wc -l <"$dir/data/valid.txt")))
echo "glyphs: 95 classes, $(($(wc -l <"$dir/data/train.txt"))) images to train on," \
    "labels redrawn with probability $noise; $images to validate on"

# --- Both trainings at once
# Without stdbuf Darknet's lines come in lumps, and so does the progress.
line_by_line=
command -v stdbuf >/dev/null && line_by_line='stdbuf -oL'

# show_end LOSS WHAT: where a darknet went wrong.
show_end() {
    echo >&2
    tail -n 15 "$dir/$1.$2.log" >&2
    fail "darknet failed ($2 with [$1]); the above is the end of $dir/$1.$2.log"
}

# The last batch of LOSS in its log and the loss's running mean.
last_batch() {
    tail -n 20 "$dir/$1.train.log" |
        awk '/^[0-9]+, [0-9.]+: [^ ]+, [^ ]+ avg, / { batch = $1 + 0; mean = $4 }
            END { print batch + 0, mean == "" ? "-" : mean }'
}

start=$(date +%s)
for loss in $losses; do
    rm -f "$dir/$loss.csv"
    $line_by_line build/darknet classifier train "$dir/glyphs.data" "$dir/glyphs_$loss.cfg" -seed "$seed" \
        -topk 5 -every $(((batches + 9) / 10)) -log "$dir/$loss.csv" >"$dir/$loss.train.log" 2>&1 &
    pids="$pids $!"
    eval "pid_$loss=$!"
done

printed=$start running=$losses
while [ -n "$running" ]; do
    sleep 1
    now=$(date +%s)
    for loss in $running; do
        eval "pid=\$pid_$loss"
        kill -0 "$pid" 2>/dev/null && continue
        wait "$pid" && [ -f "$dir/weights/glyphs_$loss.weights" ] || show_end "$loss" train
        eval "seconds_$loss=$((now - start))"
        running=$(echo "$running" |
            awk -v ended="$loss" '{ for (i = 1; i <= NF; i++) if ($i != ended) printf "%s ", $i }')
    done
    [ -t 1 ] || [ $((now - printed)) -ge 10 ] || continue
    printed=$now
    line=$(echo $(last_batch softmax) $(last_batch smooth_topk) |
        awk -v batches="$batches" -v elapsed=$((now - start)) '{
        slower = $1 < $3 ? $1 : $3
        printf "batch %d/%d  softmax loss %s  smooth_topk loss %s", slower, batches, short($2), short($4)
        if (slower) {
            left = int(elapsed * (batches - slower) / slower)
            printf "  %d:%02d left", left / 60, left % 60
        }
    }
    function short(loss) { return loss ~ /^[0-9.]+$/ ? sprintf("%.3f", loss) : loss } # or nan
    ')
    if [ -t 1 ]; then printf '\r%s\033[K' "$line"; else echo "$line"; fi
done
[ -t 1 ] && printf '\r\033[K'
echo "trained for $batches batches; comparing"

# --- The comparison
pids=
build/darknet classifier versus "$dir/glyphs.data" "$dir/glyphs_softmax.cfg" "$dir/weights/glyphs_softmax.weights" \
    "$dir/glyphs_smooth_topk.cfg" "$dir/weights/glyphs_smooth_topk.weights" \
    >"$dir/versus.txt" 2>"$dir/smooth_topk.versus.log" ||
    show_end smooth_topk versus

# figures a|b: top-1, top-5 and guesses for 90 % of a network.
figures() {
    sed -n "s/^$1: top-1 \([0-9.]*\), top-5 \([0-9.]*\), guesses for 90 % \([0-9.]*\) .*/\1 \2 \3/p" "$dir/versus.txt"
}
# named START: the line of versus that begins so, with the losses' names; what it is counted from is left out.
named() {
    sed -n "/^$1/{s/;.*//;s/b is ahead of a/smooth_topk is ahead of softmax/
s/a is ahead of b/softmax is ahead of smooth_topk/
s/b - a/smooth_topk - softmax/;s/a and b/softmax and smooth_topk/;p;}" "$dir/versus.txt"
}

printf '\n%-12s %7s %7s %7s %18s %8s\n' loss noise top-1 top-5 'guesses for 90 %' seconds
printf '%-12s %7s %7s %7s %18s %8d\n' softmax "$noise" $(figures a) "$seconds_softmax" \
    smooth_topk "$noise" $(figures b) "$seconds_smooth_topk"
echo
for start in top-1 top-5 guesses; do named $start; done
cat <<TEXT

Guesses for 90 %: how many guesses an image it takes to be right nine times in ten, more for a hard image, fewer for an
easy one; from one half of the validation images, measured on the other. The losses that were shown in training are in
units of their own (a likelihood; a margin between the label and the fifth best guess): compare the table, not them.

TEXT
if command -v python3 >/dev/null && command -v gnuplot >/dev/null; then
    LOGS="$dir/softmax.csv $dir/smooth_topk.csv" OUT="$dir/chart" tools/chart.py >/dev/null &&
        echo "Chart of both trainings: $dir/chart.svg"
else
    echo "A chart of both trainings needs python3 and gnuplot: apt-get install python3 gnuplot-nox"
fi
cat <<TEXT
Logs (*.log, *.csv), networks (*.cfg) and weights are in $dir.

Next, with images of your own in photos/train/CLASS/ and photos/valid/CLASS/, the same comparison:
    make compare DATA=photos
or, with a network of your own, [smooth_topk] with k=1,5 where its .cfg has [softmax]:
    build/darknet classifier train x.data x.cfg -topk 5 -progress
Shortlists that are right nine times in ten: build/darknet classifier calibrate (docs/sets.md).
TEXT
