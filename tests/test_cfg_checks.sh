#!/bin/sh
# A .cfg with an option out of range, or with layers that do not fit, is refused with exit code 1 and a message that
# names file, line, section, option, value and range; every network of upstream's is read as before.
. tests/tap.sh
images 1

# said CODE WORDS...: the run with bad.cfg ends with CODE and says each of the words.
said() {
    code=$1
    shift
    timeout 60 "$darknet" classifier train "$scratch/x.data" "$scratch/bad.cfg" -seed 1 >"$scratch/said" 2>&1
    got=$?
    grep -av 'conv \|Using default' "$scratch/said" | tail -n 5
    [ $got -eq "$code" ] || { echo "exit code $got"; return 1; }
    for word in "$@"; do grep -qF -- "$word" "$scratch/said" || { echo "does not say: $word"; return 1; }; done
}

# of_net 'OPTION=VALUE...' WORDS: the option of [net], whose section begins in line 1.
of_net() {
    network "$scratch/good.cfg" '[smooth_topk]
k=2' 3
    grep -v "^${1%%=*}=" "$scratch/good.cfg" | sed "s/^\[net\]/&\n$1/" >"$scratch/bad.cfg"
    case $2 in line*) at='bad.cfg, ' ;; *) at='bad.cfg, line 1: [net]' ;; esac
    check "refused: [net] $(printf '%b' "$1" | tr '\n' ' ')" said 1 "$at" "$2"
}
of_net learning_rate=0 'a finite number above 0'
of_net learning_rate=-0.1 'a finite number above 0'
of_net learning_rate=fast 'a finite number above 0'
of_net learning_rate=nan 'a finite number above 0'
of_net learning_rate=inf 'a finite number above 0'
of_net learning_rate=0x1 'a finite number above 0'
of_net learning_rate=1e39 'a finite number above 0'
of_net 'learning_rate=0.1,0.2' 'a finite number above 0'
of_net momentum=1 'from 0 to below 1'
of_net momentum=-0.9 'from 0 to below 1'
of_net decay=-1 '0 or more'
of_net batch=0 'a whole number, 1 to'
of_net batch=-8 'a whole number, 1 to'
of_net batch=2.5 'a whole number, 1 to'
of_net batch=1e2 'a whole number, 1 to'
of_net batch=99999999999 'a whole number, 1 to'
of_net subdivisions=0 'a whole number, 1 to'
of_net subdivisions=13 'must be 1 to 12 (batch)'
of_net subdivisions=5 'subdivisions=5: out of range; must divide batch, 12'
of_net burn_in=3 'burn_in=3: out of range; must be below max_batches, 3'
of_net max_batches=-1 'a whole number, 0 to'
of_net max_batches=many 'a whole number, 0 to'
of_net height=-16 'a whole number, 0 to'
# Distortions that leave nothing of an image, or overflow.
for option in aspect saturation exposure; do
    of_net $option=0 'a number, 0.01 to 100'
    of_net $option=-1 'a number, 0.01 to 100'
    of_net $option=1e8 'a number, 0.01 to 100'
    of_net $option=1e-8 'a number, 0.01 to 100'
done
of_net hue=1.5 'a number, -1 to 1'
of_net angle=1e9 'a number of degrees, -360 to 360'
of_net flip=2 '0 or 1'
of_net max_ratio=1e9 'a number, 0.01 to 100'
of_net min_ratio=0.001 'a number, 0.01 to 100'
of_net max_crop=2000000000 'a whole number, 1 to 100000'
of_net width=19 'max_crop=18: out of range; must be at least 19, the width: else no image fills'
of_net min_crop=19 'min_crop=19: out of range; must be at most 18, max_crop'
crop_alone() { # OPTION=VALUE WORDS: where only one of the two is given, of a width of 16
    network "$scratch/good.cfg" '[smooth_topk]
k=2' 3
    sed "/^m.._crop=/d; s/^\[net\]/&\n$1/" "$scratch/good.cfg" >"$scratch/bad.cfg"
    check "refused: [net] $1 alone" said 1 'bad.cfg, line 1: [net]' "$2"
}
crop_alone max_crop=15 \
    'max_crop=15: out of range; must be at least 16, the width, which min_crop is where it is not given'
crop_alone min_crop=33 \
    'min_crop=33: out of range; must be at most 32, twice the width, which max_crop is where it is not given'
# Rates that are infinite somewhere in 3 batches.
of_net 'policy=poly\npower=-1' 'power=-1: out of range; must be 0 or more with policy=poly'
of_net 'policy=random\npower=-.5' 'power=-.5: out of range; must be 0 or more with policy=random'
of_net 'policy=exp\ngamma=1e20' 'gamma=1e20: out of range; with it the learning rate is infinite within max_batches=3'
of_net 'policy=step\nstep=1\nscale=1e20' \
    'scale=1e20: out of range; with it the learning rate is infinite within max_batches=3'
of_net 'policy=steps\nsteps=1,2\nscales=1e20,1e30' \
    'scales=1e20,1e30: out of range; with them the learning rate is infinite from batch 2 on'
of_net 'burn_in=2\npower=-200' 'power=-200: out of range; with it the learning rate is infinite'
of_net policy=cosine 'must be one of constant, step, exp, poly, steps, sigmoid, random'
of_net policy=steps 'needs steps and scales'
of_net 'policy=steps\nsteps=5,9\nscales=.1' 'scales=.1: must be as many numbers as steps=5,9'
of_net 'policy=steps\nsteps=9,5\nscales=.1,.1' 'steps=9,5: each must be above the last'
of_net inputs=5 'inputs=5: out of range; must be height*width*channels, 768'
of_net height=0 'needs height, width and channels, or inputs'
of_net height=100000000 'height*width*channels: out of range; must be at most 2147483647'
of_net batch=2147483646 'inputs*batch/subdivisions*time_steps must be at most 2147483647'
of_net =5 'line 2: =5: an option without a name'
of_net batch= 'has no value; write batch=VALUE'
of_net batch 'has no value; write batch=VALUE'


other_forks() {
    network "$scratch/good.cfg" '[smooth_topk]
k=2' 3
    sed 's/^\[net\]/&\nmixup=1\nlabel_smooth_eps=0.1\nmosaic=1/' "$scratch/good.cfg" >"$scratch/bad.cfg"
    said 0 "Unused field: 'mixup = 1'" "Unused field: 'label_smooth_eps = 0.1'" "Unused field: 'mosaic = 1'"
}
check "[net]: options of other forks are named" other_forks
comments() {
    network "$scratch/good.cfg" '[smooth_topk]
k=2' 3
    sed 's/^learning_rate=.*/& # as in the paper/; s/^momentum=.*/&;/; s/^batch=12/batch=12.0/' \
        "$scratch/good.cfg" >"$scratch/bad.cfg"
    said 0
}
finite_rates() { # what comes after the end does not count
    for lines in 'policy=poly\npower=1' 'policy=exp\ngamma=1e10' 'policy=steps\nsteps=1,9\nscales=1e20,1e30' \
        'policy=step\nstep=2\nscale=1e20' 'burn_in=2\npower=-1'; do
        network "$scratch/good.cfg" '[smooth_topk]
k=2' 3
        sed "s/^\[net\]/&\n$lines/; s/^learning_rate=.*/learning_rate=1e-30/; /^policy=constant/d" \
            "$scratch/good.cfg" >"$scratch/bad.cfg"
        said 0 || return 1
    done
}
check '[net]: rates that stay finite are trained with' finite_rates
check '[net]: a comment behind a value, and 12.0 for 12' comments

# layer 'SECTION AND OPTIONS' WORDS...: below a convolutional layer of 8 x 8 x 8, layer 1, line 16.
layer() {
    cat >"$scratch/bad.cfg" <<END
[net]
batch=4
height=16
width=16
channels=3
max_crop=16
learning_rate=0.05
max_batches=2

[convolutional]
filters=8
size=3
stride=2
pad=1

$(printf '%b' "$1${loss-\n[connected]\noutput=6\nactivation=linear\n[smooth_topk]\nk=2}")
END
    name=$(printf '%b' "$1" | tr '\n' ' ')
    shift
    check "$result: $name" said $code "$@"
}
result=refused code=1
layer '[shortcut]' 'line 16: [shortcut] needs from'
layer '[shortcut]\nfrom=-50' 'from=-50: -50 is out of range; must be 0 to 0, or -1 to -1'
layer '[shortcut]\nfrom=70' 'from=70: 70 is out of range'
layer '[shortcut]\nfrom=1' 'from=1: 1 is out of range'
layer '[shortcut]\nfrom=x' 'from=x: out of range; must be a whole number'
layer '[maxpool]\nsize=3\nstride=3\npadding=0\n[shortcut]\nfrom=0\n[avgpool]\n[shortcut]\nfrom=5' \
    'from=5: 5 is out of range'
layer '[crop]\ncrop_width=4\ncrop_height=2\n[convolutional]\n[shortcut]\nfrom=0' 'does not fit on'
layer '[crop]\ncrop_width=4\ncrop_height=4\n[convolutional]\n[shortcut]\nfrom=1' 'passes no gradient'
layer '[crop]\ncrop_width=4\ncrop_height=4\n[maxpool]' 'must not follow a layer that passes no gradient'
layer '[route]' 'line 16: [route] needs layers'
layer '[route]\nlayers=-50' 'layers=-50: -50 is out of range'
layer '[route]\nlayers=70' 'layers=70: 70 is out of range'
layer '[route]\nlayers=0,1' 'layers=0,1: 1 is out of range'
layer '[route]\nlayers=0,' 'layers=0,: out of range; must be whole numbers between commas'
layer '[route]\nlayers=0,,0' 'whole numbers between commas'
layer '[reorg]\nstride=0' 'stride=0: out of range; must be a whole number, 1 to'
layer '[reorg]\nstride=3' "must divide the image's width, 8"
layer '[reorg]\nstride=4' 'its square must divide the channels, 8'
layer '[reorg]\nstride=4\nreverse=1' 'its square must divide the channels, 8'
layer '[reorg]\nextra=5\nflatten=1' 'extra=5: must be 0 with flatten=1'
layer '[crop]\ncrop_width=100000\ncrop_height=2' "crop_width=100000: out of range; must be 1 to 8"
layer '[crop]\ncrop_width=2\ncrop_height=9' "crop_height=9: out of range; must be 1 to 8"
layer '[crop]\ncrop_width=2\ncrop_height=0' 'crop_height=0: out of range'
layer '[upsample]\nstride=0' 'stride=0: out of range'
layer '[upsample]\nstride=-3' 'must divide'
layer '[upsample]\nstride=100000' 'outputs*batch'
layer '[deconvolutional]\nfilters=-5' 'filters=-5: out of range'
layer '[deconvolutional]\nfilters=2\nsize=1\npadding=9' 'it leaves no output'
layer '[deconvolutional]\nfilters=2\nstride=100000' 'outputs*batch'
layer '[local]\nfilters=2\nsize=9' 'size=9: out of range; must be at most 8'
layer '[local]\nfilters=2\nsize=1\npad=1' 'pad=1: out of range'
layer '[convolutional]\nfilters=4\nsize=9' 'size=9: out of range; must be at most 8'
layer '[convolutional]\nfilters=4\nstride=0' 'stride=0: out of range'
layer '[convolutional]\nfilters=4\ngroups=3' 'groups=3: out of range; must divide the channels, 8'
layer '[convolutional]\nfilters=4\nnumload=5' 'numload=5: out of range; must be 0 to 4 (filters)'
layer '[convolutional]\nfilters=4\nnumload=-1' 'numload=-1: out of range'
layer '[convolutional]\nfilters=4\nactivation=swish' \
    'activation=swish: out of range; must be one of linear, leaky, relu'
layer '[convolutional]\nfilters=4\nbatch_normalize=yes' 'batch_normalize=yes: out of range; must be 0 or 1'
layer '[convolutional]\nfilters=300000000\nsize=7' 'out of range'
layer '[convolutional]\nfilters=4\nbinary=1' 'binary=1: needs batch_normalize=1'
layer '[connected]\noutput=0' 'output=0: out of range'
layer '[connected]\noutput=2147483647' 'inputs*output'
layer '[maxpool]\nsize=0' 'size=0: out of range'
layer '[maxpool]\nsize=99\npadding=0' 'size=99: out of range; must be at most'
layer '[dropout]\nprobability=1' 'probability=1: out of range; must be a number from 0 to below 1'
layer '[dropout]\nprobability=-.5' 'probability=-.5: out of range'
layer '[lrn]\nsize=9' 'size=9: out of range; must be 1 to 8 (the channels)'
layer '[maxpool]\nsize=2\nstride=2\n[route]\nlayers=0,1\n[maxpool]' 'the layer before it must output an image'
layer '[rnn]\noutput=4' '[rnn] cannot learn on the CPU'
layer '[softmax]' 'is a second loss beside [smooth_topk]'
layer '[yolo]' 'is a second loss beside [smooth_topk]'
layer '[net]' 'only the first section may be [net]'
layer '[mish]' '[mish] no such section'
layer '[convolutional]\nfilters=' 'filters: has no value'

layer '[maxpool]\nsize=2\nstride=2\n[route]\nlayers=0,1\n[route]\nlayers=0\n[shortcut]\nfrom=2' \
    'from=2: that layer outputs no image'

# random=1: a layer before an [avgpool] must be one that can change its size.
resized() { # WORDS LAYER: in line 10
    network "$scratch/good.cfg" "$2" 1
    sed "s/^\[net\]/&\nrandom=1/; /^\[avgpool\]/d" "$scratch/good.cfg" >"$scratch/bad.cfg"
    check "refused: random=1 above $(echo "$2" | head -n 1)" said 1 \
        "$1 cannot change its size, as random=1 of [net], line 1, asks; delete random, or put [avgpool] before"
}
resized 'bad.cfg, line 26: [connected]' '[connected]
output=6
activation=linear
[softmax]'
resized 'bad.cfg, line 26: [dropout]' '[dropout]
[avgpool]
[softmax]'
# Two commands of validation change it for each image.
whole_images() { # LAYER OPTION...: layer 2, in place of [avgpool]
    { sed '/^\[avgpool\]/,$d' "$scratch/good.cfg" && printf '%s\n' "[$1]" "$@" | sed 2d &&
        printf '%s\n' '[avgpool]' '[softmax]'; } >"$scratch/fixed.cfg"
    "$darknet" classifier train "$scratch/x.data" "$scratch/fixed.cfg" -seed 1 >"$scratch/said" 2>&1 || return
    for command in validfull validmulti; do
        "$darknet" classifier $command "$scratch/x.data" "$scratch/fixed.cfg" "$scratch/backup/fixed.weights" \
            >"$scratch/out" 2>"$scratch/said"
        code=$?
        tail -n 2 "$scratch/said"
        [ $code = 1 ] && grep -q "^Layer 2, $1, cannot change its size$" "$scratch/said" &&
            ! grep -q 'top-1' "$scratch/out" || return 1
    done
}
check 'validfull and validmulti of a network with [connected] are refused' \
    whole_images connected output=6 activation=linear
check 'validfull and validmulti of a network with [local] are refused' \
    whole_images local filters=6 size=3 activation=linear
check 'validfull and validmulti of a network with [dropout] are refused' \
    whole_images dropout probability=.1

result='read' code=0
layer '[shortcut]\nfrom=-1'
layer '[route]\nlayers=-1,0'
layer '[reorg]\nstride=2'
layer '[crop]\ncrop_width=6\ncrop_height=8'
layer '[upsample]\nstride=2\n[upsample]\nstride=-4'
layer '[deconvolutional]\nfilters=2\nsize=2\nstride=2'
layer '[local]\nfilters=2\nsize=3\npad=1'
layer '[lrn]\nsize=5'
layer '[batchnorm]\n[l2norm]\n[activation]\nactivation=elu\n[dropout]\nprobability=0'

result=refused code=1 loss=
# Detectors: their own options against the 8 x 8 x 8 numbers below.
printf 'a -1\nb -1\n' >"$scratch/two.tree"
layer '[region]' 'needs 1600 inputs by its options, but the layer before it has 512 outputs'
layer '[region]\nclasses=3\nanchors=1,2,3' 'anchors=1,2,3: must be at most 2 numbers, two for each of num=1'
layer "[region]\nclasses=3\ntree=$scratch/two.tree" 'has 2 nodes; must have one for each of the 3 classes'
layer '[yolo]\nclasses=3\nnum=2\nmask=2' 'mask=2: 2 is out of range; must be 0 to 1 (num - 1)'
layer '[yolo]\nclasses=3\nnum=2\nmask=0,1' 'needs 1024 inputs by its options'
layer '[iseg]\nclasses=3\nids=4' 'needs 448 inputs by its options'
layer '[detection]\nclasses=3\ncoords=4\nside=7' 'needs 392 inputs by its options'
layer '[region]\nclasses=3' 'but the network of'
unset loss

network "$scratch/bad.cfg" '[maxpool]
[smooth_topk]' 1
sed '/^\[convolutional\]/,/^\[avgpool\]/d' "$scratch/bad.cfg" >"$scratch/first" &&
    mv "$scratch/first" "$scratch/bad.cfg"
check 'refused: [maxpool] as the first layer' said 1 '[maxpool] must not be the first layer'
echo '[net]' >"$scratch/bad.cfg"
check 'refused: a [net] of no size' said 1 'has no layers'
echo '[convolutional]' >"$scratch/bad.cfg"
check 'refused: no [net]' said 1 'the first section must be [net]'
: >"$scratch/bad.cfg"
check 'refused: an empty file' said 1 'has no sections'
echo 'batch=1' >"$scratch/bad.cfg"
check 'refused: an option before any section' said 1 'line 1: batch=1: an option before any section'
cat >"$scratch/bad.cfg" <<'END'
[net]
height=16
width=16
channels=3
max_crop=16
[convolutional]
filters=1
[softmax]
[connected]
output=6
[softmax]
END
check 'refused: a softmax of other classes than the last layer has' said 1 \
    'layer 1 is a loss for 256 numbers, but the last layer outputs'

# Upstream's networks: one image a batch, and what they need of data/ in place.
upstreams() { # FILE
    sed 's/^batch *=.*/batch=1/; s/^subdivisions *=.*/subdivisions=1/' "$1" >"$scratch/one.cfg"
    (cd build/upstream && timeout 100 "$darknet" ops "$scratch/one.cfg") >"$scratch/said" 2>&1
    code=$?
    tail -n 3 "$scratch/said"
    [ $code -eq 0 ] && grep -q 'Floating Point Operations' "$scratch/said"
}
[ -n "${LONG-}" ] ||
    skip_large='vgg\|alexnet\|9k\|9000\|22k\|yolo\|resne\|densenet\|darknet53\|jnet\|rnn\|gru\|extraction'
for cfg in build/upstream/cfg/*.cfg; do
    echo "$cfg" | grep -q "${skip_large:-nothing}" && continue
    check "${cfg#build/} is read" upstreams "$cfg"
done
finish
