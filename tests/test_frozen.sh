#!/bin/sh
# Frozen layers keep every bit: stopbackward=1 at and before it, learning_rate=0 in its own layer. adam=1 and clip= have
# an effect. On a GPU where build/darknet is built for one.
. tests/tap.sh
images 2
cd "$scratch" || exit
small_net learning_rate=0.05 decay=0.01 max_batches=6 >a.cfg
cat >>a.cfg <<'END'
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=8
size=3
pad=1
activation=leaky
[batchnorm]
[connected]
batch_normalize=1
output=10
activation=leaky
[connected]
output=6
activation=linear
[smooth_topk]
k=2
END
train() { "$darknet" classifier train x.data "$@" -seed 1 >out 2>err; }
train a.cfg && cp backup/a.weights a.w
for layers in 0 1 2 3 4 5; do # where each layer ends in the file
    "$darknet" partial a.cfg a.w part $layers 2>/dev/null >&2
    eval "end$layers=$(wc -c <part)"
done
with() { # LAYER OPTION [LAYER OPTION]: a.cfg with the options in those layers, layer -1 being [net]
    awk -v n="$1" -v option="$2" -v m="${3:--9}" -v other="${4:-}" \
        '/^\[/ { print; if (i == n + 1) print option; if (i == m + 1) print other; ++i; next } 1' a.cfg
}
ends() { eval "echo \$end$1"; }

# kept CFG LAYERS: a training of CFG from a.w leaves the bytes of layers 0 to LAYERS - 1, and changes the next.
kept() {
    train "$1" a.w -clear || { tail -n 3 err; return 1; }
    after=backup/${1%.cfg}.weights
    cmp -i 20 -n $(($(ends "$2") - 20)) a.w "$after" || return
    ! cmp -s -i "$(ends "$2")" -n $(($(ends $(($2 + 1))) - $(ends "$2"))) a.w "$after"
}
for layer in 0 1 2 3; do
    with $layer stopbackward=1 >s.cfg
    check "stopbackward=1 in layer $layer keeps it and those before it" kept s.cfg $((layer + 1))
done
slow() { BLAS=0 WINOGRAD=0 kept s.cfg 4; }
check "with upstream's own loops too" slow
with 1 stopbackward=1 -1 adam=1 >s.cfg
check 'with adam=1 too' kept s.cfg 2
sed '/^\[smooth_topk\]/,$d' s.cfg >s2.cfg && echo '[softmax]' >>s2.cfg
check 'with [softmax] too' kept s2.cfg 2
predicted() { # what comes out of frozen layers is what valid sees: trained on one rate of 0, nothing moves at all
    with 4 learning_rate=0 3 stopbackward=1 >z.cfg && train z.cfg a.w -clear && cmp -i 20 a.w backup/z.weights
}
check 'all layers frozen: the weights are those before' predicted

# LAYER: alone keeps its bytes, and those before and after it learn.
alone() {
    with "$1" learning_rate=0 >l.cfg
    train l.cfg a.w -clear || { tail -n 3 err; return 1; }
    cmp -i "$(ends "$1")" -n $(($(ends $(($1 + 1))) - $(ends "$1"))) a.w backup/l.weights || return
    for other in 0 1 3 4; do
        [ $other = "$1" ] || ! cmp -s -i "$(ends $other)" -n $(($(ends $((other + 1))) - $(ends $other))) a.w \
            backup/l.weights || return
    done
}
for layer in 0 1 2 3 4; do check "learning_rate=0 in layer $layer keeps it alone" alone $layer; done
slow_alone() { BLAS=0 WINOGRAD=0 alone 1; }
check "with upstream's own loops too" slow_alone

named() { # WORD
    with 1 "$1=1" >n.cfg && ! train n.cfg && tail -n 1 err &&
        freeze='to freeze this layer and all before it write stopbackward=1, this layer alone learning_rate=0' &&
        grep -q "n.cfg, line [0-9]*: \[convolutional\] $1=1: no such option; $freeze" err
}
for word in frozen freeze trainable; do check "$word=1 is named, with the right words" named $word; done

differs() { # OPTION: of [net]
    with -1 "$1" >o.cfg && train o.cfg && ! cmp -s a.w backup/o.weights
}
check 'adam=1 has an effect' differs adam=1
clipped() {
    differs clip=0.01 && python3 -c 'import array
w = array.array("f", open("backup/o.weights", "rb").read()[20 + 32 * 4:])[:216]
assert max(map(abs, w)) <= 0.01 + 1e-9 and min(w) < -0.0099, (min(w), max(w))'
}
check 'clip=0.01: no weight of a [convolutional] is beyond it' clipped
local_layer() { # the one that upstream's GPU code trains by momentum whatever adam= is
    sed 's/^\[batchnorm\]/[local]\nfilters=2\nsize=1/; s/^momentum/adam=1\n&/' a.cfg >local.cfg && train local.cfg &&
        grep -q 'local.cfg, line [0-9]*: \[local\] learns by momentum; adam=1 is for' err
}
check 'that adam=1 is not for [local] is said' local_layer
learns() {
    sed 's/^max_batches=.*/max_batches=300/; s/^learning_rate=.*/learning_rate=0.01\nadam=1/' a.cfg >m.cfg &&
        train m.cfg &&
        "$darknet" classifier valid x.data m.cfg backup/m.weights 2>/dev/null | tail -n 1 | tee last &&
            awk '{ exit !($4 + 0 > 0.4) }' last
}
check 'a network learns by Adam' learns
finish
