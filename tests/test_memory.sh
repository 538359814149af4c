#!/bin/sh
# Too little memory: what asks for how much is said, exit code 1, and what was learned is saved. OpenBLAS does not wait
# for memory for ever.
. tests/tap.sh
images 2
cd "$scratch" || exit
topk='[smooth_topk]
k=2'
network a.cfg "$topk" 5

# limited KB COMMAND...: with so much memory; standard error in err, at most 20 seconds.
limited() {
    kb=$1
    shift
    (ulimit -v "$kb" && exec timeout -k 1 20 "$@") >out 2>err </dev/null
    code=$?
    echo "$kb kB: exit $code: $(tail -n 1 err)"
    return $code
}
ulimit -v 4000000 2>/dev/null || { skip 'limits of memory' 'ulimit -v does not work here'; finish; exit; }

big() { # LAYER OPTION=VALUE WORDS: a.cfg, made larger in a layer, is refused by these words
    awk -v n="$1" -v option="$2" '/^\[/ { i++; if (i == n + 2) inside = 1; else inside = 0 }
        inside && index($0, substr(option, 1, index(option, "="))) == 1 { print option; next } 1' a.cfg |
            sed "s/^batch=12/batch=$4/" >big.cfg
    ! limited 1000000 "$darknet" classifier train x.data big.cfg -seed 1 || return
    [ $code -eq 1 ] && cat err && grep -Eq "^out of memory: $3" err
}
check 'a layer with too many filters' big 0 filters=300000 \
    'layer 0 \(convolutional\) asks for [0-9.]+ MB at batch=12, subdivisions=2; raise subdivisions$' 12
check 'the second one' big 1 filters=4000000 'layer 1 \(convolutional\) asks for [0-9.]+ MB at batch=12' 12
check 'a batch too large' big 0 filters=64 \
    'layer [01] \(convolutional\) asks for [0-9.]+ MB at batch=200000, subdivisions=2; raise subdivisions$' 200000
every_layer() { # each kind of layer is the one that asks too much
    for section in 'convolutional]
filters=900' 'deconvolutional]
filters=900
size=2
stride=2' 'local]
filters=900
size=3' 'connected]
output=9000' 'maxpool]
size=2
stride=1' 'upsample]
stride=8' 'normalization]
size=1' 'batchnorm]' 'activation]
activation=leaky' 'dropout]
probability=.5' 'crop]
crop_width=200
crop_height=200' 'reorg]
stride=1' 'shortcut]
from=-1
activation=linear' 'route]
layers=-1,0' 'rnn]
output=20000' 'gru]
output=20000' 'lstm]
output=20000' 'crnn]
output_filters=600
hidden_filters=600' 'softmax]' 'logistic]' 'l2norm]' 'smooth_topk]
k=2'; do
        kind=${section%%]*}
        case $kind in smooth_topk) last= ;; *) last="[smooth_topk]
k=2" ;; esac
        case $kind in crop | rnn | gru | lstm | crnn | softmax | logistic) last= ;; esac # not below [smooth_topk]
        start='[net]\nbatch=8\nwidth=224\nheight=224\nchannels=3\nlearning_rate=.01\nmax_batches=1\n'
        printf "$start[convolutional]\nfilters=1\nsize=1\nactivation=linear\n[%s\n%s\n" \
            "$section" "$last" >layer.cfg
        for kb in 90000 120000 150000 200000 300000; do
            limited $kb "$darknet" partial layer.cfg '' part 99 && continue
            [ $code -eq 1 ] && grep -q '^out of memory: ' err && continue
            echo "$kind with $kb kB"
            cat err
            return 1
        done
    done
}
check 'no layer runs on without its memory' every_layer

# More than the machine has: a batch is taken by many layers, each of a tenth of the memory.
machine() {
    tenth=$(awk '/MemTotal|SwapTotal/ { kb += $2 } END { printf "%d", kb * 1024 / 10 / 4 / 64 / 4096 }' /proc/meminfo)
    [ "$tenth" -gt 0 ] && [ "$tenth" -lt 8000 ] || return 0 # of such a machine no layer takes a tenth
    { printf '[net]\nbatch=64\nwidth=64\nheight=64\nchannels=3\nlearning_rate=.01\nmax_batches=1\n'
        for i in 1 2 3 4 5 6 7 8 9; do
            printf '[route]\nlayers=-1\n'
            printf '[convolutional]\nfilters=%s\nsize=1\nactivation=linear\n' "$tenth" 1
        done | sed 1,2d
        printf '[connected]\noutput=6\nactivation=linear\n[smooth_topk]\nk=2\n'
    } >machine.cfg
    ! timeout 60 "$darknet" classifier train x.data machine.cfg -seed 1 >out 2>err && tail -n 2 err &&
        grep -Eq '^out of memory: ' err && ! grep '^1, ' out
}
# The images alone of a batch and of the next are more than the machine has; a network of one image is small.
images_of_batch() {
    number=$(awk '/MemTotal|SwapTotal/ { kb += $2 } END { printf "%d", kb * 1024 / 2 / 12e6 * 1.02 }' /proc/meminfo)
    printf '%s\n' '[net]' "batch=$number" "subdivisions=$number" width=1000 height=1000 channels=3 learning_rate=.01 \
        max_batches=1 '[convolutional]' filters=6 size=1 stride=10 activation=linear '[avgpool]' '[smooth_topk]' k=2 \
        >images.cfg
    ! limited 3000000 "$darknet" classifier train x.data images.cfg -seed 1 && tail -n 1 err && [ $code -eq 1 ] &&
        grep -q "^out of memory: to train images.cfg takes at least .*, subdivisions=$number, and this machine" err &&
        grep -q ' or container has [0-9]* MB; raise subdivisions, or lower batch$' err
}
check 'a batch of images that the machine cannot hold is refused before it is loaded' images_of_batch
[ "$(cat /proc/sys/vm/overcommit_memory)" != 0 ] ||
    check 'more than the machine has is refused before the first batch' machine

# Whatever the limit, a run ends well or says what is missing.
sweep() { # COMMAND...
    for kb in 60000 70000 80000 90000 100000 110000 130000 150000 180000 200000 230000 280000 330000 400000 500000 \
        700000; do
        for threads in 1 2 3; do
            OMP_NUM_THREADS=$threads limited $kb "$@" && continue
            [ $code -eq 1 ] && grep -Eq '^out of memory: |Thread creation failed|Cannot allocate memory' err && continue
            echo "$threads threads"
            return 1
        done
    done
}
check 'training, at 16 limits and on 1 to 3 threads' sweep "$darknet" classifier train x.data a.cfg -seed 1 -topk 2
cp backup/a.weights a.w
check 'valid' sweep "$darknet" classifier valid x.data a.cfg a.w
check 'predict' sweep "$darknet" classifier predict x.data a.cfg a.w data/char_65_0.png

plain_loops() {
    ldd "$darknet" | grep -q openblas || return 0
    OMP_NUM_THREADS=2 limited 230000 "$darknet" classifier train x.data a.cfg -seed 1 || return
    cat err
    [ "$(grep -c '^There is no memory for OpenBLAS, 128 MB for each of 2 threads: products are made by plain loops' \
        err)" = 1 ] || return
    limited 3000000 "$darknet" classifier train x.data a.cfg -seed 1 && ! grep 'no memory for OpenBLAS' err
}
check 'where OpenBLAS has no memory plain loops do its work, and a line says so' plain_loops

# An image that does not fit is met after some batches.
python3 -c 'print("P5 9000 9000 255"); import sys; sys.stdout.flush(); sys.stdout.buffer.write(bytes(81000000))' \
    >data/char_65_huge.pgm
huge() {
    for _ in 1 2 3 4 5 6; do cat train.txt; done >many.txt
    cp train.txt few.txt
    { cat many.txt && echo "$scratch/data/char_65_huge.pgm"; } >train.txt
    sed 's/^batch=12/batch=2/; s/^max_batches=.*/max_batches=5000/' a.cfg >h.cfg
    ! limited 700000 "$darknet" classifier train x.data h.cfg -seed 2
    mv few.txt train.txt
    cat err
    [ $code -eq 1 ] && grep -Eq '^out of memory: .*char_65_huge.pgm asks for [0-9.]+ MB$' err &&
        ! grep 'Left out' err &&
        grep -q '^Stopped after batch [1-9][0-9]*; to go on, train from backup/h.backup$' err &&
            [ -s backup/h.backup ] || return
    "$darknet" classifier valid x.data h.cfg backup/h.backup >out 2>err
}
sed -i "s#$scratch/backup#backup#" x.data
check 'an image is not to blame; the weights are saved' huge
huge_alone() {
    ! limited 700000 "$darknet" classifier predict x.data a.cfg a.w data/char_65_huge.pgm && [ $code -eq 1 ] &&
        grep -Eq '^out of memory: data/char_65_huge.pgm asks for [0-9.]+ MB' err
}
check 'predict names it as well' huge_alone
finish
