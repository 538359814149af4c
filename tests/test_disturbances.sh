#!/bin/sh
# What make_disturbances writes: signals by their equation, numbers in range, the same bytes for the same seed.
. tests/tap.sh
make_disturbances=${MAKE_DISTURBANCES:-$PWD/build/make_disturbances}

# draw_set NAME OPTION...: a small data set, made from within $scratch so that its paths are relative.
draw_set() {
    directory=$1
    shift
    (cd "$scratch" && "$make_disturbances" "$directory" "$@")
}
for set in "a -snr 100" "again -snr 100" "other -snr 100 -seed 2" "noisy -snr 20" "quiet -snr 40"; do
    # shellcheck disable=SC2086
    draw_set $set -train 20 -valid 5 || echo "# make_disturbances $set failed"
done
draw_set small -snr 100 -train 3 -valid 1

numbers() { (cd "$scratch" && "$python" -B "$root/tests/disturbances.py" "$@"); }
root=$PWD
if python_with numpy; then
    check "every pixel is the equation's, with all primitives and their combinations" numbers equation a
    check "every number of the equation is in its range, and 0 where its disturbance is not" numbers ranges a
    check "a Fourier transform finds the amplitudes and frequencies" numbers spectrum a
    check "at -snr 20 the noise has that power" numbers noise noisy 20
    check "at -snr 40 the noise has that power" numbers noise quiet 40
else
    skip "signals by their equation" "no python has numpy; install it with: apt-get install python3-numpy"
fi

same_bytes() { (cd "$scratch" && sed -i "s#^again/#a/#" again/*.txt again/signals.tsv && diff -r a again); }
check "two programs of one seed make the same bytes" same_bytes

pictures() { (cd "$scratch/$1" && cksum train/*.pgm valid/*.pgm); }
other_seed() {
    pictures other | cut -d' ' -f1,3 >"$scratch/others"
    [ -s "$scratch/others" ] && ! pictures a | grep -v normal | cut -d' ' -f1,3 | grep -xFf "$scratch/others"
}
check "another seed makes other images" other_seed
part() {
    pictures a >"$scratch/whole" && pictures small >"$scratch/part" && ! grep -vxFf "$scratch/whole" "$scratch/part"
}
check "a smaller set is a part of the larger" part
signals() { cut -f 2- "$scratch/$1/signals.tsv"; }
same_signals() { signals a >"$scratch/s" && [ "$(wc -l <"$scratch/s")" = 726 ] && signals noisy | diff "$scratch/s" -; }
check "the noise changes no signal" same_signals

lists() ( # in a shell of its own
    cd "$scratch/a" || return 1
    [ "$(wc -l <classes.txt)" = 29 ] && [ "$(sort -u classes.txt | wc -l)" = 29 ] && [ "$(wc -l <labels.txt)" = 8 ] &&
        [ "$(cat train.txt train_labels.txt | wc -l)" = 1160 ] &&
        [ "$(cat valid.txt valid_labels.txt | wc -l)" = 290 ] || return 1
    (cd .. && cut -f 1 a/train.txt a/valid.txt | xargs ls >/dev/null) || return 1
    cut -f 1 train.txt >paths && cut -f 1 train_labels.txt | diff paths - || return 1
    # A class is its labels, joined by another sign.
    paste train.txt train_labels.txt | awk -F '\t' '
        { gsub(",", "+", $4); if ($4 == "") $4 = "normal" }
        $2 != $4 || index($1, "/" $2 "_") == 0 { print; bad = 1 }
        { n[$2]++ } END { for (c in n) bad += n[c] != 20; exit bad }'
)
check "the lists name every image, its class and its labels" lists

refused() {
    text=$1
    shift
    "$make_disturbances" "$@" 2>"$scratch/message" >/dev/null
    code=$?
    cat "$scratch/message"
    [ $code -eq 1 ] && grep -qF -- "$text" "$scratch/message"
}
check "no arguments: usage" refused usage
check "an snr out of range is refused" refused "-snr 101: must be a number from 0 to 100" "$scratch/x" -snr 101
check "an unknown option is refused" refused "-noise: no such option" "$scratch/x" -noise 1
check "an existing data set is refused" refused "remove the old data set" "$scratch/a"
check "a directory with a TAB is refused" refused "without a TAB" "$scratch/a	b"
full() {
    mkdir "$scratch/full" && ln -s /dev/full "$scratch/full/signals.tsv" &&
        refused "signals.tsv: cannot be written: No space" "$scratch/full" -train 1 -valid 1
}
check "a full disk is reported" full

# --- make demo DATA=disturbances, cut short
demo() {
    DATA=disturbances SNR=40 SEED=2 BATCHES=12 tools/demo.sh "$scratch/demo" >"$scratch/demo.out" 2>&1
    code=$?
    tail -n 20 "$scratch/demo.out"
    return $code
}
check "a short demo runs" demo
table() {
    for loss in softmax smooth_topk; do
        grep -Eq "^$loss +40( +[0-9.]{4,5}){2}$" "$scratch/demo.out" &&
            grep -Eq "^$loss +40( +[0-9.]{4,5}){5}$" "$scratch/demo.out" || return 1
    done
}
check "its tables have both losses, as classes and as labels" table
bad_demo() {
    ! env "$1" DATA="${2:-disturbances}" tools/demo.sh "$scratch/demo2" >"$scratch/message" 2>&1 || return 1
    cat "$scratch/message"
    grep -qF -- "$expected" "$scratch/message"
}
compared() {
    "$make_disturbances" "$scratch/d" -train 2 -valid 1 &&
        DATA="$scratch/d" NETWORK=cfg/disturbances_labels LOSSES="softmax 'topk_loss type=multilabel_hinge'" \
            BATCHES=4 SEEDS=1 K=3 JOBS=1 OUT="$scratch/compared" tools/compare.py compare >"$scratch/compare.out" 2>&1
    tail -n 30 "$scratch/compare.out"
    for title in 'Validation precision@1, the last' 'Validation recall@3, the last' 'Mean average precision, the last' \
        'Training loss / training precision@1'; do
        grep -A 2 "^$title" "$scratch/compare.out" | tail -n 1 | grep -Eq '^ +1 +0 +1 +[0-9.]+' || return 1
    done
    ! grep -q 'Guesses for' "$scratch/compare.out"
}
check "make compare takes its labels, precision@1, recall@3 and mean average precision" compared
expected='-snr 200: must be a number from 0 to 100' && check "a bad SNR is refused" bad_demo SNR=200
expected='BATCHES=x: must be a whole number' && check "bad BATCHES are refused" bad_demo BATCHES=x
expected='DATA=other: must be glyphs, disturbances or oneclass' && check "another DATA is refused" bad_demo SNR=30 other
finish
