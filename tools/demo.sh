#!/bin/sh
# The demo: trains one network twice on "glyphs", with [softmax] and with [smooth_topk], and compares the two.
#
# usage: tools/demo.sh [DIR]     (run from the root of the repository, after `make`; `make demo` does both)
#
# Environment: NOISE    probability that a training label is redrawn among the 5 classes of its group
#              SEED     what the images, their labels and both trainings are drawn from
#              BATCHES  how long to train, if not as cfg/glyphs_*.cfg say
#              DATA     another demo: disturbances
# Everything is made afresh in DIR (build/demo), a path without spaces: Darknet drops them in .data files.
set -eu
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
disturbances) exec tools/demo_disturbances.sh "$dir" ;;
*) fail "DATA=$DATA: must be glyphs or disturbances" ;;
esac
case $dir in *[[:space:]#]*) fail "$dir: the directory's path must be without spaces and #" ;; esac
case ${BATCHES-1} in *[!0-9]* | '' | 0*) fail "BATCHES=$BATCHES: must be a whole number from 1" ;; esac
for program in build/darknet build/make_glyphs; do
    [ -x "$program" ] || fail "$program is missing; run make demo in the root of the repository"
done

# --- Data and networks
rm -rf "$dir/data" "$dir/weights"
mkdir -p "$dir/weights"
build/make_glyphs build/source/data/labels "$dir/data" -noise "$noise" -seed "$seed"
sed "s#build/demo#$dir#" cfg/glyphs.data >"$dir/glyphs.data"
for loss in $losses; do
    sed -e "${BATCHES:+s/^max_batches=.*/max_batches=$BATCHES/}" "cfg/glyphs_$loss.cfg" >"$dir/glyphs_$loss.cfg"
done
batches=$(sed -n 's/^max_batches=//p' "$dir/glyphs_softmax.cfg")
images=$(($(wc -l <"$dir/data/valid.txt")))
echo "glyphs: 95 classes, $(($(wc -l <"$dir/data/train.txt"))) images to train on, labels redrawn with probability $noise; $images to validate on"

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
        awk '/^[0-9]+, [0-9.]+: [^ ]+, [^ ]+ avg, / { batch = $1 + 0; mean = $4 } END { print batch + 0, mean == "" ? "-" : mean }'
}

start=$(date +%s)
for loss in $losses; do
    $line_by_line build/darknet classifier train "$dir/glyphs.data" "$dir/glyphs_$loss.cfg" -seed "$seed" \
        >"$dir/$loss.train.log" 2>&1 &
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
        running=$(echo "$running" | awk -v ended="$loss" '{ for (i = 1; i <= NF; i++) if ($i != ended) printf "%s ", $i }')
    done
    [ -t 1 ] || [ $((now - printed)) -ge 10 ] || continue
    printed=$now
    line=$(echo $(last_batch softmax) $(last_batch smooth_topk) | awk -v batches="$batches" -v elapsed=$((now - start)) '{
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
echo "trained for $batches batches; validating"

# --- Validation and the table
pids=
for loss in $losses; do
    build/darknet classifier valid "$dir/glyphs.data" "$dir/glyphs_$loss.cfg" "$dir/weights/glyphs_$loss.weights" \
        >"$dir/$loss.valid.log" 2>&1 &
    pids="$pids $!"
    eval "pid_$loss=$!"
done
for loss in $losses; do
    eval "pid=\$pid_$loss"
    wait "$pid" && grep -q "^$images images: top-1 " "$dir/$loss.valid.log" || show_end "$loss" valid
done
pids=
find "$dir/weights" -name '*_[0-9]*.weights' -exec rm {} + # Darknet keeps the weights of every pass

for loss in $losses; do
    eval "seconds=\$seconds_$loss"
    sed -n "s/^$images images: top-1 \([0-9.]*\) %, top-5 \([0-9.]*\) %.*/$loss \1 \2 $seconds/p" "$dir/$loss.valid.log"
done | awk -v noise="$noise" -v n="$images" '
    function points(x) { return sprintf("%.1f point%s", x, sprintf("%.1f", x) == "1.0" ? "" : "s") }
    NR == 1 { printf "\n%-12s %7s %7s %7s %8s\n", "loss", "noise", "top-1", "top-5", "seconds" }
    { printf "%-12s %7s %7.2f %7.2f %8d\n", $1, noise, $2, $3, $4; top1[NR] = $2 / 100; top5[NR] = $3 / 100 }
    END {
        if (NR != 2) exit 1
        difference = 100 * (top5[2] - top5[1])
        size = difference < 0 ? -difference : difference
        chance = 200 * sqrt((top5[1] * (1 - top5[1]) + top5[2] * (1 - top5[2])) / n)
        printf "\ntop-5 of smooth_topk is %s %s than that of softmax, its top-1 %s %s.\n",
            points(size), difference < 0 ? "lower" : "higher",
            points(100 * (top1[2] > top1[1] ? top1[2] - top1[1] : top1[1] - top1[2])), top1[2] < top1[1] ? "lower" : "higher"
        if (size > chance)
            printf "That is more than the %s that the choice of validation images explains; another SEED may differ.\n", points(chance)
        else
            printf "That is within the %s that the choice of validation images explains: no winner here.\n", points(chance)
    }'
echo "Logs (*.log), networks (*.cfg) and weights are in $dir."
