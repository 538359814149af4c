#!/bin/sh
# make demo DATA=disturbances: power-quality disturbances as 29 classes and as eight labels an image, each by [softmax]
# and by [smooth_topk].
#
# usage: tools/demo_disturbances.sh [DIR]     (run from the root of the repository, after `make`)
#
# Environment: SNR      power of the signals over that of their noise, in dB
#              SEED     what the images and the trainings are drawn from
#              BATCHES  how long to train, if not as cfg/disturbances_*.cfg say
# Everything is made afresh in DIR (build/demo), a path without spaces: Darknet drops them in .data files.
set -eu
. tools/own_directory.sh
snr=${SNR:-30} seed=${SEED:-1} dir=${1:-build/demo}

fail() {
    echo "demo: $*" >&2
    exit 1
}

case $dir in *[[:space:]#]*) fail "$dir: the directory's path must be without spaces and #" ;; esac
case ${BATCHES-1} in *[!0-9]* | '' | 0*) fail "BATCHES=$BATCHES: must be a whole number from 1" ;; esac
for program in build/darknet build/make_disturbances; do
    [ -x "$program" ] || fail "$program is missing; run make demo DATA=disturbances in the root of the repository"
done

own_directory "$dir" "${1-}"
rm -rf "$dir/disturbances" "$dir/weights"
mkdir -p "$dir/weights"
build/make_disturbances "$dir/disturbances" -valid 100 -snr "$snr" -seed "$seed"
images() { echo $(($(wc -l <"$dir/disturbances/$1.txt"))); }
echo "disturbances: $(images train) images to train on, $(images valid) to validate on, signal over noise $snr dB"

# train TASK LOSS: its log in $dir/TASK_LOSS.csv.
train() {
    name=$1_$2
    sed "s#build/demo#$dir#" "cfg/$1.data" >"$dir/$1.data"
    sed "${BATCHES:+s/^max_batches=.*/max_batches=$BATCHES/}" "cfg/$name.cfg" >"$dir/$name.cfg"
    rm -f "$dir/$name.csv"
    top=$(sed -n 's/^top=//p' "$dir/$1.data")
    echo "$3, [$2]:"
    build/darknet classifier train "$dir/$1.data" "$dir/$name.cfg" -seed "$seed" -topk "$top" -every 500 -progress \
        -log "$dir/$name.csv" 2>"$dir/$name.train.log" | grep --line-buffered '^batch' || true
    [ -f "$dir/weights/$name.weights" ] && return
    tail -n 15 "$dir/$name.train.log" >&2
    fail "darknet failed; the above is the end of $dir/$name.train.log"
}

for loss in softmax smooth_topk; do train disturbances $loss '29 classes'; done
for loss in softmax smooth_topk; do train disturbances_labels $loss 'eight labels'; done

# row TASK LOSS COLUMN...: percents of the last row of a log.
row() {
    file=$dir/$1_$2.csv
    printf '%-12s %6s' "$2" "$snr"
    shift 2
    tail -n 1 "$file" | awk -F, -v columns="$*" '{
        n = split(columns, c, " "); for (i = 1; i <= n; ++i) printf " %12.2f", 100 * $c[i]
        print "" }'
}
echo
printf '%-12s %6s %12s %12s\n' '29 classes' dB top-1 top-5
for loss in softmax smooth_topk; do row disturbances $loss 5 6; done
echo
printf '%-12s %6s %12s %12s %12s %12s %12s\n' 'eight labels' dB precision@1 recall@3 'mean AP' LRAP 'ranking loss'
for loss in softmax smooth_topk; do row disturbances_labels $loss 5 6 9 10 11; done
echo
echo "Percent, of the last weights; of the ranking loss less is better."
echo "Logs (*.csv), networks (*.cfg) and weights are in $dir."
