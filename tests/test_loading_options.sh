#!/bin/sh
# dontload=, numload=, dontloadscales= and dontsave= of a layer: what they leave out, and who does not heed them.
# Every kind of layer with dontload=1: tests/test_hardening.sh.
. tests/tap.sh
images 2
topk='[smooth_topk]
k=2'
cd "$scratch" || exit
network a.cfg "$topk" 8 # layer 0: 8 biases, 216 weights; layer 1: 6 and 48; header: 20 bytes
timeout 60 "$darknet" classifier train x.data a.cfg -seed 1 -topk 2 >out 2>err
cp backup/a.weights a.w
with() { # LAYER OPTION [CFG]: CFG (a.cfg) with the option in its layer
    awk -v n="$1" -v option="$2" '/^\[/ && i++ == n + 1 { print; print option; next } 1' "${3:-a.cfg}"
}
resave() { "$darknet" partial "$1" "$2" "$3" 99 >out 2>err; } # CFG FROM TO
{ head -c 12 a.w && printf '\0\0\0\0\0\0\0\0' && tail -c +21 a.w; } >start.w # batch 0: another network's, perhaps
same() { cmp -i "$3" -n "$4" "$1" "$2"; }                                   # FILE FILE FROM BYTES
other() { ! cmp -s -i "$3" -n "$4" "$1" "$2"; }

valid() { "$darknet" classifier valid x.data "$1" "$2" 2>err | tail -n 1; }
predict() { "$darknet" classifier predict x.data "$1" "$2" data/char_65_0.png 2>err; }
valid a.cfg a.w >right
predict a.cfg a.w >right.predict
for layer in 0 1; do
    for option in dontload=1 numload=4 dontloadscales=1; do
        as_without() { # by every command but a training that begins: also with weights of batch 0
            with $layer $option >o.cfg
            for weights in a.w start.w; do
                valid o.cfg $weights | cmp - right && predict o.cfg $weights | cmp - right.predict || return
            done
        }
        check "layer $layer, $option: valid and predict load all" as_without
    done
    goes_on() {
        sed 's/^max_batches=.*/max_batches=10/' a.cfg >b.cfg && with $layer dontload=1 b.cfg >c.cfg || return
        for cfg in b c; do "$darknet" classifier train x.data $cfg.cfg a.w -seed 1 >out 2>err || return; done
        cmp backup/b.weights backup/c.weights
    }
    check "layer $layer, dontload=1: a run that goes on loads all" goes_on
done

first_left_out() { with 0 dontload=1 >o.cfg && resave o.cfg start.w o.w && other a.w o.w 20 896 &&
    same a.w o.w 916 216; }
check 'layer 0, dontload=1: layer 1 gets its own bytes' first_left_out
check 'and it is named' grep -q 'start.w: these layers keep their initial values: 0 (convolutional, dontload=1)$' err
last_of_another_size() { # as of a network with other classes
    for filters in 4 9; do
        sed "s/^filters=6/filters=$filters\ndontload=1/" a.cfg >o.cfg && resave o.cfg start.w o.w ||
            { cat err; return 1; }
        same a.w o.w 20 896 || return
    done
}
check "the last layer, dontload=1: the file's may be of any size" last_of_another_size
cleared() {
    with 0 dontload=1 >o.cfg && "$darknet" classifier train x.data o.cfg a.w -clear -seed 1 >out 2>err && cat err &&
        grep -q 'a.w: these layers keep their initial values: 0 (convolutional, dontload=1)' err
}
check '-clear: a training heeds it' cleared

some_filters() { # all 6 are in the file, or 4 are
    sed 's/^filters=6/filters=4/' a.cfg >four.cfg && resave four.cfg '' four.w && with 1 numload=4 >o.cfg || return
    resave o.cfg start.w o.w && same a.w o.w 20 912 && other a.w o.w 932 8 && same a.w o.w 940 128 &&
        other a.w o.w 1068 64 || return
    resave o.cfg four.w o.w && same four.w o.w 20 912 && cmp -n 128 four.w o.w -i 932:940
}
check 'numload=4 of 6 filters, from a file of 6 and from one of 4' some_filters
check 'and it is named' grep -q 'initial values: 1 (convolutional, all but numload=4 filters)$' err

scales() { # a network with batch normalization from one without, and from itself
    with 0 batch_normalize=1 >n.cfg && resave n.cfg '' n.w && with 0 dontloadscales=1 n.cfg >o.cfg || return
    resave o.cfg start.w o.w && same a.w o.w 20 32 && cmp -n 864 -i 52:148 start.w o.w || return
    python3 -c 'd = bytearray(open("n.w", "rb").read()); d[52:148] = b"\1\1\1\1" * 24; open("m.w", "wb").write(d)'
    resave o.cfg m.w o.w && same m.w o.w 20 32 && same n.w o.w 52 96 && same m.w o.w 148 864
}
check 'dontloadscales=1, from a file without scales and from one with them' scales

unsaved() {
    with 1 dontsave=1 >s.cfg && "$darknet" classifier train x.data s.cfg -seed 1 >out 2>err &&
        [ "$(wc -c <backup/s.weights)" = 916 ] &&
        grep -q '^Layer 1 (convolutional) has dontsave=1: no weights file of this run will hold it' err
}
check 'dontsave=1 is warned of' unsaved
refused() {
    ! "$darknet" classifier valid x.data s.cfg backup/s.weights >out 2>err && tail -n 1 err &&
        grep -q 's.weights lacks layer 1 (convolutional), which has dontsave=1' err
}
check 'valid does not run with a layer that is in no file' refused
named() {
    sed 's/^max_batches=.*/max_batches=10/' s.cfg >s2.cfg &&
        "$darknet" classifier train x.data s2.cfg backup/s.weights -seed 1 >out 2>err && cat err &&
        grep -q 'keep their initial values: 1 (convolutional, dontsave=1)' err
}
check 'a run that goes on names it' named
whole() { valid s.cfg a.w | cmp - right; }
check 'a file that has it all the same is read whole' whole

wrong_size() {
    with 0 dontload=1 >o.cfg && head -c 1000 a.w >cut.w && ! resave o.cfg cut.w o.w &&
        grep -q 'are for classifier train with -clear' err
}
check 'the message of a file that does not fit says when they hold' wrong_size
finish
