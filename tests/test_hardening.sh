#!/bin/sh
# Checks what the hardening patches promise: each fault of tests/faults.sh ends as it should, killed runs lose nothing,
# and whatever loaded or could be written before still does.
. tests/tap.sh
. tests/faults.sh
(make_material)

outcome_matches() { # outcome pattern
    echo "$1"
    printf '%s\n' "$1" | grep -Eq -- "$2"
}

list_faults >"$scratch/faults"
while IFS='|' read -r name fault how pattern; do
    if outcome=$(provoke "$name"); then
        check "$fault" outcome_matches "$outcome" "$pattern"
    else
        check "$fault # SKIP it cannot be provoked here" true
    fi
done <"$scratch/faults"

in_scratch() {
    (cd "$scratch" && "$@")
}
check 'killed at 12 random moments' in_scratch kill_runs 12 backup
mkdir -p "$scratch/disk"
if on_small_disk 1m "$scratch/disk" true 2>/dev/null; then
    check 'killed at 8 random moments with the disk full' in_scratch kill_runs_on_full_disk 8
else
    check 'killed at 8 random moments with the disk full # SKIP no tmpfs can be mounted here' true
fi

cd "$material" || exit
resave() { # network from to [layers]
    "$darknet" partial "$1" "$2" "$3" "${4:-99}"
}
same_again() { # network weights
    resave "$1" "$2" again.weights && cmp "$2" again.weights
}
cat >layers.cfg <<'END'
[net]
batch=1
height=8
width=8
channels=4
[convolutional]
batch_normalize=1
filters=4
groups=2
size=3
pad=1
[deconvolutional]
filters=3
size=2
stride=2
[batchnorm]
[crnn]
batch_normalize=1
output_filters=3
hidden_filters=2
[local]
filters=2
size=3
stride=2
pad=1
[connected]
batch_normalize=1
output=6
[rnn]
batch_normalize=1
hidden=5
output=4
[lstm]
batch_normalize=1
output=5
[gru]
batch_normalize=1
output=4
[connected]
output=3
[softmax]
END
resave layers.cfg '' layers.weights 2>/dev/null >&2
check 'every kind of layer loads as it was saved' same_again layers.cfg layers.weights

parts_load() {
    for layer in 1 2 3 4 5 6 7 8 9; do
        resave layers.cfg layers.weights part.$layer $layer || return
        resave layers.cfg part.$layer again.weights $layer 2>err || return
        cmp part.$layer again.weights || return
        grep "it ends before layer $layer (.*keep their initial values: $layer (" err || return
    done
}
check 'a file that ends before any layer loads as a part' parts_load

cut_files_fail() {
    size=$(wc -c <layers.weights)
    for bytes in 0 3 12 19 20 21 100 371 373 1000 5000 15635 15637 $((size - 1)); do
        head -c "$bytes" layers.weights >cut
        ! resave layers.cfg cut again.weights || return
    done
}
check 'a file that ends anywhere else does not' cut_files_fail

# A header of version 0.1, and one of learning rate 0.001, momentum 0.9 and decay 0.0005: a seen of 4 bytes each.
old_headers_load() {
    { printf '\0\0\0\0\1\0\0\0\0\0\0\0\5\0\0\0' && tail -c +21 layers.weights; } >old.weights
    resave layers.cfg old.weights again.weights && cmp layers.weights again.weights || return
    { printf '\157\022\203\072\146\146\146\077\157\022\003\072\5\0\0\0' && tail -c +21 layers.weights; } >old.weights
    resave layers.cfg old.weights again.weights
}
check 'files with the headers of older versions load' old_headers_load

# Weights of batch 0, so that dontload= holds: the layer's own bytes are passed over, all others are read.
one_left_out() {
    python3 -c 'import array; d = open("layers.weights", "rb").read(); n = len(d) // 4 - 5
open("start.weights", "wb").write(d[:12] + bytes(8) + array.array("f", [2 + i / n for i in range(n)]).tobytes())' ||
    return
    for layer in 1 2 3 4 5 6 7 8 9 10; do
        awk -v n=$layer '/^\[/ && i++ == n { print; print "dontload=1"; next } 1' layers.cfg >dontload.cfg
        resave layers.cfg start.weights part.a $((layer - 1)) && resave layers.cfg start.weights part.b $layer || return
        resave dontload.cfg start.weights again.weights 2>err || return
        from=$(stat -c %s part.a) to=$(stat -c %s part.b)
        cmp -n "$from" start.weights again.weights && cmp -i "$to" start.weights again.weights || return
        ! cmp -s -i "$from" -n $((to - from)) start.weights again.weights || return
        grep -q "keep their initial values: $((layer - 1)) (.*, dontload=1)" err || return
    done
}
check 'dontload=1 in each kind of layer passes over its own bytes' one_left_out

skipped_layers_leave_bytes() {
    sed 's/^output=3/&\ndontload=1/' layers.cfg >dontload.cfg
    resave dontload.cfg layers.weights again.weights
}
check 'bytes may be left over for layers with dontload=1' skipped_layers_leave_bytes

from_pipe() {
    cat layers.weights | resave layers.cfg /dev/stdin again.weights && cmp layers.weights again.weights || return
    ! head -c 5000 layers.weights | resave layers.cfg /dev/stdin again.weights
}
check 'weights load from a pipe, and not from one that ends early' from_pipe

to_pipe() {
    mkfifo pipe && { timeout 10 cat pipe >again.weights & }
    resave layers.cfg layers.weights pipe && wait && [ -p pipe ] && cmp layers.weights again.weights
}
check 'weights save to a pipe, and it stays one' to_pipe

to_link() {
    mkdir -p elsewhere && echo old >elsewhere/file && chmod 640 elsewhere/file && ln -s elsewhere/file link || return
    resave layers.cfg layers.weights link && [ -h link ] && cmp layers.weights elsewhere/file || return
    [ "$(stat -c %a elsewhere/file)" = 640 ] && [ "$(ls elsewhere)" = file ]
}
check "weights save to a link's file, which keeps its permissions" to_link

bad_images_reproduce() {
    { cat train.list && echo img/class65_cut.jpg && echo img/class66_missing.png; } >bad.list
    sed s/train.list/bad.list/ soft.data >bad.data
    for run in 1 2; do
        "$darknet" classifier train bad.data soft.cfg -seed 7 2>err.$run || return
        mv backup/soft.weights run.$run
    done
    cmp run.1 run.2 && [ "$(grep -c '^Left out' err.1)" = 2 ] && [ "$(grep -c '^Left out' err.2)" = 2 ]
}
check 'a seeded run with bad images reproduces itself, and names each once' bad_images_reproduce

finish
