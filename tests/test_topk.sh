#!/bin/sh
# classifier train's -topk, -every, -progress, -log and -chart: what they say, what they keep, what they leave as it
# was.
. tests/tap.sh
images 6
network "$scratch/net.cfg" '[smooth_topk]
k=2' 20

# train NAME OPTION...: a run whose output is $scratch/NAME.out and whose weights are in $scratch/NAME.
train() {
    run=$1
    shift
    mkdir -p "$scratch/$run"
    sed "s#^backup=.*#backup=$scratch/$run#" "$scratch/x.data" >"$scratch/$run.data"
    "$darknet" classifier train "$scratch/$run.data" "$scratch/net.cfg" "$@" >"$scratch/$run.out" 2>&1 ||
        { tail "$scratch/$run.out"; return 1; }
}

check 'a run without the flags' train plain -seed 3
check 'a run with them' train tracked -seed 3 -topk 2 -every 5 -log "$scratch/log.csv"
check 'the same weights' cmp "$scratch/plain/net.weights" "$scratch/tracked/net.weights"
kept() { [ "$(ls "$scratch/tracked" | tr '\n' ' ')" = "net.backup net.weights net_best.weights " ]; }
check 'the last and the best weights are kept, and none an epoch' kept
check 'without -progress, the lines of upstream stay' grep -q '^20, .* images$' "$scratch/tracked.out"

rows() {
    cat "$scratch/log.csv"
    [ "$(head -n 1 "$scratch/log.csv")" = "batch,epoch,loss,rate,top1,top2,seconds" ] &&
        [ "$(cut -d, -f1 "$scratch/log.csv" | tr '\n' ' ')" = "batch 5 10 15 20 " ]
}
check 'the log has a row every 5 batches' rows

# accuracy WEIGHTS: top 1 and top 2 as `classifier valid` has them.
accuracy() {
    "$darknet" classifier valid "$scratch/x.data" "$scratch/net.cfg" "$1" -verbose 2>/dev/null | grep 'top 1' |
        tail -n 1 | sed 's/.*top 1: \([^,]*\), top 2: /\1,/'
}
as_valid() {
    echo "$(accuracy "$scratch/tracked/net.weights")" "$(tail -n 1 "$scratch/log.csv")"
    tail -n 1 "$scratch/log.csv" | grep -qF ",$(accuracy "$scratch/tracked/net.weights"),"
}
check 'its figures are those of classifier valid' as_valid
best() {
    want=$(sed 1d "$scratch/log.csv" | cut -d, -f6 | sort -n | tail -n 1)
    echo "$want" "$(accuracy "$scratch/tracked/net_best.weights")"
    accuracy "$scratch/tracked/net_best.weights" | grep -q ",$want\$"
}
check 'the best weights are those of the best row' best
done_line() {
    sed 1d "$scratch/log.csv" | awk -F, -v file="$scratch/tracked/net_best.weights" '
        $6 > best || NR == 1 { best = $6; batch = $1 }
        END { printf "Done: last top-2 %.2f; best %.2f at batch %d in %s\n", 100 * $6, 100 * best, batch, file }' \
        >"$scratch/want"
    tail -n 1 "$scratch/tracked.out" | diff - "$scratch/want"
}
check 'the last line has the last and the best top 2, and where the best weights are' done_line

check 'every epoch without -every' train epochs -seed 3 -topk 1 -log "$scratch/epochs.csv"
epochs() { # 12 of 36 images a batch
    cat "$scratch/epochs.csv"
    [ "$(cut -d, -f1 "$scratch/epochs.csv" | tr '\n' ' ')" = "batch 3 6 9 12 15 18 20 " ]
}
check 'a row an epoch and one at the end' epochs

check 'a run with -progress' train progress -seed 3 -topk 2 -every 5 -progress
one_line() {
    cat "$scratch/progress.out"
    figures='epoch [0-9.]+  loss [0-9.]+  rate [0-9.e-]+  top-1 [0-9.]+  top-2 [0-9.]+ \(best [0-9.]+\)'
    grep -Eq "^batch 20/20  $figures  0:00 left$" "$scratch/progress.out" &&
        ! grep -Eq '^Loaded|images$|^Validation' "$scratch/progress.out"
}
check 'one line that says how far and how long, in place of upstream'"'"'s' one_line
check 'and the same weights again' cmp "$scratch/plain/net.weights" "$scratch/progress/net.weights"

# A run that goes on: from batch 10, with a log that already has later rows, as after a kill.
goes_on() {
    rm -rf "$scratch/part" && mkdir "$scratch/part"
    sed 's/^max_batches=20/max_batches=10/' "$scratch/net.cfg" >"$scratch/half.cfg"
    mv "$scratch/net.cfg" "$scratch/whole.cfg" && cp "$scratch/half.cfg" "$scratch/net.cfg"
    train part -seed 3 -topk 2 -every 5 -log "$scratch/part.csv"
    mv "$scratch/whole.cfg" "$scratch/net.cfg"
    before=$(sed -n 3p "$scratch/part.csv")
    sed -i 's/^\(5,.*\),[0-9.]*,\([0-9.]*\)$/\1,0.999,\2/' "$scratch/part.csv" # the best row, of batch 5
    cp "$scratch/part/net.backup" "$scratch/part/net_best.weights"
    printf '\074' | dd of="$scratch/part/net_best.weights" bs=1 seek=12 conv=notrunc 2>/dev/null # 5 x 12 images seen
    cksum <"$scratch/part/net_best.weights" >"$scratch/best.before"
    echo '15,5.0,1,0.05,0.1,0.2,9.9' >>"$scratch/part.csv"
    printf '20,6.0,1,0.0' >>"$scratch/part.csv"
    train part "$scratch/part/net.backup" -seed 3 -topk 2 -every 5 -log "$scratch/part.csv" -chart "$scratch/part.svg"
    cat "$scratch/part.csv"
    [ "$(sed -n 3p "$scratch/part.csv")" = "$before" ] &&
        [ "$(cut -d, -f1 "$scratch/part.csv" | tr '\n' ' ')" = "batch 5 10 15 20 " ] &&
        ! grep -q '9.9$' "$scratch/part.csv" &&
            awk -F, 'NR > 2 && $7 < last { exit 1 } { last = $7 }' "$scratch/part.csv"
}
check 'a run that goes on keeps the rows up to its start, and no others' goes_on
best_kept() { [ "$(cksum <"$scratch/part/net_best.weights")" = "$(cat "$scratch/best.before")" ]; }
check 'and the best weights so far, as no later ones are better' best_kept

first_of_equals() { # a rate of almost 0: every validation has the same accuracy
    cp "$scratch/net.cfg" "$scratch/whole.cfg"
    sed -i 's/^max_batches=.*/max_batches=3/; s/^learning_rate=.*/learning_rate=1e-30/; s/^decay=.*/decay=0/' \
        "$scratch/net.cfg"
    train equals -seed 4 -topk 2 -every 1 -log "$scratch/equals.csv"
    cp "$scratch/whole.cfg" "$scratch/net.cfg"
    cat "$scratch/equals.csv"
    [ "$(sed 1d "$scratch/equals.csv" | cut -d, -f6 | sort -u | wc -l)" = 1 ] || return 1
    [ "$(od -An -tu8 -j12 -N8 "$scratch/equals/net_best.weights" | tr -d ' ')" = 12 ] # images seen: one batch
}
check 'of equal accuracies the first is the best' first_of_equals

# Without a log: a rate of almost 0, from worse weights than the best, may not replace those.
best_without_log() {
    rm -rf "$scratch/lost" && mkdir "$scratch/lost"
    cp "$scratch/tracked/net_best.weights" "$scratch/lost/net_best.weights"
    cksum <"$scratch/lost/net_best.weights" >"$scratch/best.before"
    sed 's/^max_batches=20/max_batches=3/; s/^learning_rate=.*/learning_rate=1e-9/' \
        "$scratch/net.cfg" >"$scratch/slow.cfg"
    mv "$scratch/net.cfg" "$scratch/whole.cfg" && cp "$scratch/slow.cfg" "$scratch/net.cfg"
    sed -i 's/^max_batches=3/max_batches=1/' "$scratch/net.cfg"
    train worse -seed 4
    cp "$scratch/slow.cfg" "$scratch/net.cfg"
    train lost "$scratch/worse/net.weights" -seed 4 -topk 2 -every 1
    mv "$scratch/whole.cfg" "$scratch/net.cfg"
    cat "$scratch/lost.out"
    grep -q '^Validation at batch 3' "$scratch/lost.out" &&
        [ "$(cksum <"$scratch/lost/net_best.weights")" = "$(cat "$scratch/best.before")" ]
}
check 'the best weights are kept without a log too' best_without_log

stopped_validation() { # of 120000 images; the row of its batch stays, without accuracies
    awk '{ path[NR] = $0 } END { for (i = 0; i < 120000; ++i) print path[1 + i % NR] }' \
        "$scratch/train.txt" >"$scratch/many.txt"
    mkdir -p "$scratch/stopped"
    sed "s#^valid=.*#valid=$scratch/many.txt#; s#^backup=.*#backup=$scratch/stopped#" \
        "$scratch/x.data" >"$scratch/many.data"
    stdbuf -oL "$darknet" classifier train "$scratch/many.data" "$scratch/net.cfg" -seed 3 -topk 2 -every 1 \
        -log "$scratch/stopped.csv" >"$scratch/stopped.out" 2>&1 &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do # until the first batch is trained
        grep -q '^1, ' "$scratch/stopped.out" && break
        sleep 0.2
    done
    sleep 0.2
    kill -s TERM $pid
    wait $pid
    code=$?
    cat "$scratch/stopped.csv"
    [ $code = 143 ] && sed -n 2p "$scratch/stopped.csv" | grep -q '^1,[0-9.]*,[0-9.]*,[0-9.e-]*,,,[0-9.]*$' &&
        [ "$(wc -l <"$scratch/stopped.csv")" = 2 ]
}
check 'a stop within a validation keeps the row of its batch' stopped_validation

left_out() {
    { cat "$scratch/train.txt" && echo "$scratch/data/char_65_missing.png"; } >"$scratch/valid.txt"
    cp "$scratch/x.data" "$scratch/whole.data"
    sed -i "s#^valid=.*#valid=$scratch/valid.txt#" "$scratch/x.data"
    train left -seed 3 -topk 2 -every 5 -log "$scratch/left.csv"
    code=$?
    cp "$scratch/whole.data" "$scratch/x.data"
    [ $code = 0 ] && [ "$(grep -c 'Left out of the validation: .*char_65_missing.png: No such file' \
        "$scratch/left.out")" = 1 ] &&
        [ "$(cut -d, -f5,6 "$scratch/left.csv")" = "$(cut -d, -f5,6 "$scratch/log.csv")" ]
}
check 'an image that cannot be read is named once, and left out of the figures' left_out

# From a part of weights that were trained for 3 batches: what the part lacks is not taken from the best weights.
from_part() {
    "$darknet" partial "$scratch/net.cfg" "$scratch/tracked/net.weights" "$scratch/part_0.weights" 1 2>/dev/null
    { head -c 12 "$scratch/part_0.weights" && printf '\044\0\0\0\0\0\0\0' &&
        tail -c +21 "$scratch/part_0.weights"; } >"$scratch/part.weights"
    train alone "$scratch/part.weights" -seed 3
    mkdir -p "$scratch/beside" && cp "$scratch/tracked/net_best.weights" "$scratch/beside"
    train beside "$scratch/part.weights" -seed 3 -topk 2
    grep 'keep their initial values' "$scratch/beside.out" &&
        cmp "$scratch/alone/net.weights" "$scratch/beside/net.weights"
}
check 'weights that are a part are not filled up with the best ones' from_part

# refused TEXT OPTION...: exit code 1 and a message with TEXT in it.
refused() {
    text=$1
    shift
    "$darknet" classifier train "$scratch/x.data" "$scratch/net.cfg" "$@" >"$scratch/message" 2>&1
    code=$?
    tail -n 3 "$scratch/message"
    [ $code -eq 1 ] && grep -qF -- "$text" "$scratch/message"
}
check '-topk 0 is refused' refused '-topk 0: must be a whole number from 1' -topk 0
check '-topk 2x is refused' refused '-topk 2x: must be a whole number' -topk 2x
check 'more guesses than classes are refused' refused '-topk 7: must be at most 6' -topk 7
check '-every 0 is refused' refused '-every 0: must be a whole number' -topk 2 -every 0
check '-every alone is refused' refused '-every 5: needs -topk, -log or -chart' -every 5
without_labels() { # tag=1: rows of truth from files
    { cat "$scratch/x.data" && echo 'tag=1'; } >"$scratch/tag.data"
    ! "$darknet" classifier train "$scratch/tag.data" "$scratch/net.cfg" -topk 2 >"$scratch/message" 2>&1 &&
        grep -q -- '-topk: needs labels; it is not for tag= or tree=' "$scratch/message"
}
check '-topk without labels is refused' without_labels
check 'a log that cannot be written is refused' refused 'nowhere/log.csv: cannot be written' -topk 2 \
    -log "$scratch/nowhere/log.csv"
check 'a misspelt flag is refused' refused 'classifier train: -evry: no such option' "$scratch/tracked/net.weights" \
    -evry 2
check 'a flag without its value is refused' refused '-seed: its value is missing' -seed
# -chart FILE: drawn after every validation, and with the log's rows when a run goes on.
charted() {
    train charted -seed 3 -topk 2 -every 5 -chart "$scratch/chart.svg"
    grep -q '</svg>' "$scratch/chart.svg" && grep -q 'validation top-1, %<' "$scratch/chart.svg" &&
        [ "$(grep -c 'Validation at' "$scratch/charted.out")" -eq 4 ] &&
        [ "$(grep -c '> *20<' "$scratch/chart.svg")" -ge 3 ] &&
        cmp "$scratch/plain/net.weights" "$scratch/charted/net.weights" && ! ls "$scratch" | grep 'svg\..*tmp'
}
check '-chart draws an SVG, and the weights are the same' charted
best_marked() { # the first of the best rows, as _best.weights
    want=$(awk -F, 'NR > 1 && $6 > best { best = $6; batch = $1 }
        END { printf "validation top-2, %%: best %.2f at batch %d", 100 * best, batch }' "$scratch/log.csv")
    echo "$want"
    grep -q "$want<" "$scratch/chart.svg" &&
        grep -q 'validation top-2, %: best 99.90 at batch 5<' "$scratch/part.svg" &&
        [ "$(grep -c "href='#gpPt5'" "$scratch/chart.svg")" -ge 2 ]
}
check 'with a ring where the best weights are from' best_marked
points() { grep -o "href='#gpPt" "$1" | wc -l; }
resumed_chart() { # as many points as a run that draws all four validations
    [ "$(points "$scratch/part.svg")" -ge 8 ] &&
        [ "$(points "$scratch/part.svg")" -eq "$(points "$scratch/chart.svg")" ]
}
check 'that of a run that goes on has the rows of its log' resumed_chart
without_gnuplot() {
    mkdir "$scratch/none"
    env PATH="$scratch/none" "$darknet" classifier train "$scratch/charted.data" "$scratch/net.cfg" -seed 3 -topk 2 \
        -every 5 -chart "$scratch/none.svg" >"$scratch/none.out" 2>&1 || return 1
    install='apt-get install --no-install-recommends gnuplot-nox'
    grep -q -- "-chart .*none.svg: not drawn without gnuplot; install it with: $install" "$scratch/none.out"
}
check 'without gnuplot a line says so' without_gnuplot
broken_gnuplot() {
    mkdir "$scratch/broken"
    printf '#!/bin/sh\nhead -c 200 | sed -n "s/.*set output \x27\(.*\)\x27.*/\\1/p" |\n' >"$scratch/broken/gnuplot"
    printf 'while read -r file; do echo half >"$file"; done\nexit 1\n' >>"$scratch/broken/gnuplot"
    chmod +x "$scratch/broken/gnuplot"
    echo '<svg>before</svg>' >"$scratch/kept.svg"
    env PATH="$scratch/broken:$PATH" "$darknet" classifier train "$scratch/charted.data" "$scratch/net.cfg" -seed 3 \
        -topk 2 -every 5 -chart "$scratch/kept.svg" >"$scratch/broken.out" 2>&1 || return 1
    cat "$scratch/broken.out"
    [ "$(grep -c -- '-chart .*kept.svg: cannot be drawn; training goes on without it' "$scratch/broken.out")" -eq 1 ] &&
        [ "$(cat "$scratch/kept.svg")" = '<svg>before</svg>' ] && ! ls "$scratch" | grep 'svg\..*tmp'
}
check 'a gnuplot that fails leaves the picture as it was, and says so once' broken_gnuplot
check 'a chart that cannot be written is refused' refused 'nowhere/x.svg: cannot be written' -topk 2 \
    -chart "$scratch/nowhere/x.svg"
another() {
    echo 'something else' >"$scratch/other.csv"
    refused 'not the log of such a run' "$scratch/part/net_best.weights" -topk 2 -log "$scratch/other.csv" &&
        grep -q 'something else' "$scratch/other.csv"
}
check 'a run that goes on does not write over a file that is no log' another
finish
