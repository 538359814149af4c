#!/bin/sh
# What runs leave is not lost: each network has its own names, a new run keeps an earlier one's weights and log, other
# files are not replaced, and a closed pipe ends nothing.
. tests/tap.sh
images 2
topk='[smooth_topk]
k=2'
cd "$scratch" || exit

train() { # CFG OPTION...
    cfg=$1
    shift
    timeout 120 "$darknet" classifier train x.data "$cfg" -seed 1 "$@" >out 2>err
}
saved_names() { # CFG: of the files that a run of it saves
    rm -rf backup && mkdir backup && network "$1" "$topk" 2 && train "$1" && ls -A backup | tr '\n' ' '
}
mkdir -p dir.1
for cfg in net.lr0.1.cfg net dir.1/net.cfg net.cfg.cfg net.txt 'my net.v2.cfg' .cfg ..cfg; do
    base=$(basename "$cfg")
    [ "$base" = .cfg ] || base=${base%.cfg}
    check "$cfg saves $base.weights" [ "$(saved_names "$cfg")" = "$base.weights ${base}_1.weights ${base}_2.weights " ]
done

# Three runs of one name, the second from batch 0 without a word of the first; the third goes on with the first.
rm -rf backup && mkdir backup && network a.cfg "$topk" 4
first_run() { train a.cfg -topk 2 -every 2 -log a.csv; }
check 'a run' first_run
mkdir first && cp backup/* a.csv first
kept() { # NUMBER
    for file in a.weights a.backup a_best.weights; do cmp "first/$file" "backup/$file.$1" || return; done
    cmp first/a.csv "a.csv.$1"
}
new_run() {
    sed 's/^max_batches=.*/max_batches=2/' a.cfg >b && mv b a.cfg && train a.cfg -topk 2 -every 2 -log a.csv &&
        kept 1 || return
    ! cmp first/a.weights backup/a.weights && [ "$(wc -l <a.csv)" = 2 ]
}
check 'a new run of its name leaves its weights and its log' new_run
told() {
    cat err
    grep -q 'backup has weights of an earlier run named a\.' err &&
        grep -q 'a_best.weights.1 (batch [24], saved 20' err &&
        grep -q '^-log a.csv has the rows of an earlier run; they are now in a.csv.1' err &&
        grep 'To go on with that run instead: ' err | sed 's/.*instead: //' >go_on
}
check 'and says what is where, and how to go on' told
goes_on() { # the command that was said, with more batches
    sed -i 's/^max_batches=.*/max_batches=6/' a.cfg && grep -q 'a.backup.1$' go_on &&
        sed 's/^classifier train x.data //' go_on >rest &&
        read -r cfg weights <rest && train "$cfg" "$weights" -topk 2 && cat out && grep -q '^5, ' out && kept 1 &&
            [ ! -e backup/a.weights.2 ]
}
check 'as that command does, and a run that goes on keeps nothing anew' goes_on
third_run() { mv backup/a_best.weights.1 x && train a.cfg -topk 2 -clear backup/a.weights &&
    mv x backup/a_best.weights.1 && [ -e backup/a.backup.2 ] && kept 1; }
check 'a third run, by -clear: the next number, one for all' third_run
epochs() {
    rm -rf backup && mkdir backup && echo 'of net_1.cfg' >backup/a_1.weights && train a.cfg &&
        [ -s backup/a_1.weights ] &&
        [ "$(cat backup/a_1.weights.1)" = 'of net_1.cfg' ] &&
            grep -q 'a_1.weights is of an earlier run; it is now ' err && [ ! -e backup/a_2.weights.1 ]
}
check "an epoch's weights of the same name stay as well" epochs
no_room_for_a_name() { # of 255 characters, the most that a file's name may have
    long=$(printf 'n%.0s' $(seq 242))
    network "$long.cfg" "$topk" 2 && : >"backup/${long}_best.weights"
    ! train "$long.cfg" -topk 2 && cat err && [ -e "backup/${long}_best.weights" ] &&
        grep -q '_best.weights is of an earlier run and cannot be renamed to .*: File name too long' err
}
check 'what cannot be renamed is not replaced: the run ends' no_room_for_a_name
not_before_it_trains() { # what cannot train renames nothing
    ! train a.cfg -topk 9 && ls backup && [ ! -e backup/a.weights.1 ]
}
check 'a run that is refused renames nothing' not_before_it_trains

# refused FILE FLAG WORDS: FILE is neither replaced nor trained beside.
refused() {
    cp "$1" before && ! train a.cfg "$2" "$1" && tail -n 1 err && cmp before "$1" && cat err &&
        grep -qF -- "$2 $1: that file is not $3" err && ! grep -q '^1, ' out
}
printf 'batch,epoch,loss\n1,2,3\n' >other.csv
printf '<?xml version="1.0"?>\n<svg xmlns="x">old</svg>\n' >old.svg
for file in a.cfg x.data other.csv old.svg backup/a.weights data/char_65_0.png; do
    check "-log $file is refused" refused "$file" -log 'a log of classifier train'
done
printf '<?xml version="1.0"?>\n<html></html>\n' >page.svg
for file in a.cfg x.data other.csv a.csv backup/a.weights page.svg; do
    check "-chart $file is refused" refused "$file" -chart 'an SVG picture'
done
: >empty
replaced() { train a.cfg -log empty -chart old.svg && [ -s empty ]; }
check 'an empty file is not, nor a picture' replaced
versus_list() {
    cp a.cfg before && ! "$darknet" classifier versus x.data a.cfg backup/a.weights a.cfg backup/a.weights \
        -list a.cfg >out 2>err &&
        tail -n 1 err && cmp a.cfg before && grep -q '^-list a.cfg: that file is not ' err
}
check 'versus -list x.cfg is refused' versus_list
versus_again() {
    for _ in 1 2; do
        "$darknet" classifier versus x.data a.cfg backup/a.weights a.cfg backup/a.weights -list list.csv >out 2>err ||
            return
    done
}
check 'its own list is replaced' versus_again

# Readers that end before the run does.
pipe() { # COMMAND...: run with stdout, or both, to a reader of one line
    rm -rf backup && mkdir backup
    sed -i 's/^max_batches=.*/max_batches=300/' a.cfg
    { timeout 120 "$darknet" classifier train x.data a.cfg -seed 1 "$@" 2>err && echo ended >ended; } | head -n 1
    [ -e ended ] && rm ended && [ -s backup/a.weights ]
}
check 'stdout is a closed pipe: training goes on' pipe -topk 2 -every 100
check 'with -progress too' pipe -progress
pipe_of_both() {
    rm -rf backup && mkdir backup
    { timeout 120 "$darknet" classifier train x.data a.cfg -seed 1 2>&1 && echo ended >ended; } | head -n 1
    [ -e ended ] && rm ended && [ -s backup/a.weights ]
}
check 'stderr is one as well' pipe_of_both
finish
