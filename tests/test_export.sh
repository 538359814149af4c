#!/bin/sh
# tools/export.py: the probabilities of the layer itself in ONNX Runtime, OpenCV and, with plain [softmax], in Darknet.
. tests/export_set.sh
if ! python_with numpy onnx; then
    skip 'exports' 'no python3-onnx, python3-numpy'
    finish
    exit
fi
exporter=$python runtime= opencv=
python_with onnxruntime && runtime=$python
python_with cv2 && opencv=$python
ours=$darknet
run_exporter() { "$exporter" tools/export.py "$@"; }
# try_with PYTHON PACKAGE NAME COMMAND...: a test, skipped where there is no python with the package.
try_with() {
    python=$1 package=$2
    shift 2
    if [ "$python" ]; then check "$@"; else skip "$1" "no $package"; fi
}

# --- Networks: $scratch/NAME.cfg, .weights become NAME_out.onnx, or NAME_out.cfg and .weights
to_onnx() { run_exporter "$scratch/$1.cfg" "$scratch/$1.weights" "$scratch/$1_out.onnx" "$scratch/x.data" && own "$1"; }
onnx_in() { client "$1" "$scratch/$2_out.onnx" && same "$scratch/$2.own" "$scratch/client"; }
to_darknet() { run_exporter "$scratch/$1.cfg" "$scratch/$1.weights" "$scratch/$1_out.cfg" "$scratch/$1_out.weights"; }
pair_in_darknet() { own "$1_out" && same "$scratch/$1.own" "$scratch/$1_out.own"; }
upstream=$PWD/build/pristine/darknet built=
[ -x "$upstream" ] && built=$exporter
pair_in_upstream() {
    darknet=$upstream
    pair_in_darknet "$1"
    code=$?
    darknet=$ours
    return $code
}
pair_in_opencv() {
    client opencv "$scratch/$1_out.cfg" "$scratch/$1_out.weights" && same "$scratch/$1.own" "$scratch/client"
}
# try_network NAME WHAT [pair] WIDTH HEIGHT SECTION...: trained, exported to ONNX and, if asked, as a pair.
try_network() {
    net=$1 what=$2 pair=
    shift 2
    [ "$1" = pair ] && pair=1 && shift
    square=$(($1 == $2)) # of others upstream sees other pixels
    check "$what: a network is trained" trained "$net" "$@"
    check "$what: it is exported to ONNX" to_onnx "$net"
    try_with "$runtime" onnxruntime "$what: ONNX Runtime" onnx_in onnxruntime "$net"
    try_with "$opencv" opencv-python-headless "$what: OpenCV, from ONNX" onnx_in opencv "$net"
    [ "$pair" ] || return
    check "$what: it is exported as .cfg and weights" to_darknet "$net"
    try_with "$exporter" python3-numpy "$what: these in Darknet" pair_in_darknet "$net"
    [ $square = 0 ] || try_with "$built" 'build/pristine/darknet, which make check builds' \
        "$what: these in upstream's Darknet" pair_in_upstream "$net"
    grep -q 'activation=[a-km-z]' "$scratch/${net}_out.cfg" && return # OpenCV knows leaky, logistic and linear alone
    try_with "$opencv" opencv-python-headless "$what: these in OpenCV" pair_in_opencv "$net"
}
try_network residual 'shortcuts, routes, dropout, k=1,5' pair 24 24 \
    'convolutional batch_normalize=1 filters=8 size=3 pad=1 activation=leaky' 'maxpool size=3 stride=2' \
    'convolutional batch_normalize=1 filters=8 size=3 pad=1 activation=linear' 'shortcut from=-2 activation=leaky' \
    'convolutional filters=12 size=1 activation=leaky' 'shortcut from=-2' 'route layers=-1,1' \
    'dropout probability=0.3' 'route layers=-1' 'avgpool' 'connected output=6 activation=linear' \
    'smooth_topk k=1,5 tau=0.5,1 weights=1,3'
try_network strides 'groups, strides, paddings, defaults' pair 21 17 \
    'conv filters=8 size=4 stride=2 padding=3 activation=leaky' \
    'conv batch_normalize=1 filters=12 size=3 groups=4 pad=1' 'max' 'conv filters=9 stride=2 activation=leaky' \
    'maxpool size=2 stride=2 padding=0' \
    'maxpool size=3 stride=1' 'connected batch_normalize=1 output=10' \
    'connected batch_normalize=1 output=6 activation=leaky' 'softmax temperature=0.5'
try_network crop 'crop, leaky before avgpool, tau=0' pair 20 16 'crop crop_width=14 crop_height=10 flip=1' \
    'convolutional batch_normalize=1 filters=6 size=3 pad=1 activation=leaky' 'dropout' 'avgpool' \
    'smooth_topk k=2 tau=0'
set --
for activation in elu selu relie plse hardtan lhtan ramp loggy stair tanh logistic relu; do
    set -- "$@" "convolutional batch_normalize=1 filters=8 size=1 activation=$activation"
done
try_network activations 'every activation' pair 16 16 "$@" \
    'convolutional filters=6 activation=ramp' 'avgpool' 'softmax temperature=3' 'cost'
try_network local 'local, batchnorm, reorg, upsample, topk_loss' 12 12 'local filters=4 size=3 pad=1 activation=leaky' \
    'batchnorm' 'local filters=8 size=2 stride=2' 'reorg stride=2' 'upsample stride=2' 'reorg stride=2 reverse=1' \
    'reorg flatten=1' 'reorg flatten=1 reverse=1' 'upsample scale=0.5' 'reorg extra=3' \
    'connected output=6 activation=linear' 'topk_loss type=entropy k=2 temperature=2'
try_network scaled 'shortcuts with factors and strides, routes of several sizes' pair 12 12 \
    'convolutional filters=8 size=3 pad=1 activation=leaky' \
    'convolutional filters=6 size=3 pad=1 stride=2 activation=leaky' \
    'shortcut from=-2 alpha=0.5 beta=2 activation=relu' 'convolutional filters=9 activation=leaky' \
    'shortcut from=1 alpha=0.5 beta=-1' 'convolutional filters=9 stride=2 activation=leaky' 'route layers=-1,0,1' \
    'connected output=6 activation=linear' 'softmax groups=2 noloss=1'

# --- Weights that are stored otherwise: flipped=1, and the oldest files, whose [connected] is transposed
flipped() {
    sed '0,/^filters=8/s//&\nflipped=1/' "$scratch/residual.cfg" >"$scratch/flipped.cfg"
    cp "$scratch/residual.weights" "$scratch/flipped.weights"
    pictures 24 24 && to_onnx flipped && onnx_in onnxruntime flipped &&
        ! same "$scratch/residual.own" "$scratch/flipped.own"
}
try_with "$runtime" onnxruntime 'flipped=1' flipped
oldest() {
    cp "$scratch/residual.cfg" "$scratch/oldest.cfg"
    "$exporter" - "$scratch/residual.weights" "$scratch/oldest.weights" <<'PYTHON'
import struct
import sys
import numpy
content = open(sys.argv[1], "rb").read()
last = numpy.frombuffer(content[-4 * 6 * 20:], "f4").reshape(6, 20)
with open(sys.argv[2], "wb") as file:
    file.write(struct.pack("<fffi", 0.001, 0.9, 0.0005, 0) + content[20:-4 * 6 * 20] + last.T.tobytes())
PYTHON
    to_onnx oldest && onnx_in onnxruntime oldest && same "$scratch/residual.own" "$scratch/oldest.own"
}
try_with "$runtime" onnxruntime 'the oldest weights files' oldest

# --- What is in the model
model() {
    "$exporter" - "$scratch/strides_out.onnx" "$scratch/labels.txt" <<'PYTHON'
import sys
import onnx
model = onnx.load(sys.argv[1])
facts = {p.key: p.value for p in model.metadata_props}
shape = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
print(facts, shape)
assert (facts["width"], facts["height"], facts["channels"]) == ("21", "17", "3")
assert facts["labels"] == open(sys.argv[2]).read().strip()
assert shape == ["batch", 3, 17, 21]
PYTHON
}
check 'the model has the size and the labels, and a batch of any size' model
plain() {
    cat "$scratch/residual_out.cfg"
    ! cat "$scratch"/*_out.cfg | grep -E '^\[(smooth_topk|dropout|crop)|batch_normalize|^temperature'
}
check 'the pair has plain sections alone' plain
by_make() {
    make PYTHON="$exporter" export CFG="$scratch/crop.cfg" WEIGHTS="$scratch/crop.weights" OUT="$scratch/made.cfg" &&
        cmp "$scratch/made.weights" "$scratch/crop_out.weights" && cmp "$scratch/made.cfg" "$scratch/crop_out.cfg" &&
        make PYTHON="$exporter" export CFG="$scratch/crop.cfg" WEIGHTS="$scratch/crop.weights" \
            DATA="$scratch/x.data" OUT="$scratch/made.onnx" && cmp "$scratch/made.onnx" "$scratch/crop_out.onnx"
}
check 'make export' by_make

# --- The temperature of classifier calibrate
calibrated() {
    pictures 20 16 && mkdir -p "$scratch/new" && cp "$scratch"/data/* "$scratch/new" &&
        ls "$scratch"/new/* >"$scratch/calibrate.txt" &&
        { cat "$scratch/x.data" && echo "calibrate=$scratch/calibrate.txt"; } >"$scratch/calibrate.data" &&
        "$darknet" classifier calibrate "$scratch/calibrate.data" "$scratch/crop.cfg" "$scratch/crop.weights" &&
        fitted=$(sed -n 's/^fitted_temperature=//p' "$scratch/crop.sets") && echo "$fitted" &&
        sed "s/^k=2/&\ntemperature=$fitted/" "$scratch/crop.cfg" >"$scratch/fitted.cfg" &&
        cp "$scratch/crop.weights" "$scratch/fitted.weights" && own fitted
}
fitted() { # OUT.onnx x.data | OUT.cfg OUT.weights
    run_exporter "$scratch/crop.cfg" "$scratch/crop.weights" "$@" "$scratch/crop.sets"
}
onnx_fitted() { fitted "$scratch/fitted_out.onnx" "$scratch/x.data" && onnx_in onnxruntime fitted; }
pair_fitted() { fitted "$scratch/fitted_out.cfg" "$scratch/fitted_out.weights" && pair_in_darknet fitted; }
check 'a temperature is calibrated' calibrated
try_with "$runtime" onnxruntime 'a fitted temperature: ONNX Runtime' onnx_fitted
try_with "$exporter" python3-numpy 'a fitted temperature: the pair in Darknet' pair_fitted

# --- What is refused: one line, exit code 1, no file
refused() { # words argument...
    words=$1
    shift
    rm -f "$scratch"/bad.onnx "$scratch"/bad.weights "$scratch"/bad_out.*
    run_exporter "$@" >"$scratch/said" 2>&1
    code=$?
    cat "$scratch/said"
    [ $code -eq 1 ] && [ "$(wc -l <"$scratch/said")" -eq 1 ] && grep -qF -- "$words" "$scratch/said" &&
        ! ls "$scratch"/bad.onnx "$scratch"/bad_out.* "$scratch"/*.tmp 2>/dev/null
}
good=$scratch/residual
check 'refused: no arguments' refused usage
check 'refused: an unknown kind of file' refused usage "$good.cfg" "$good.weights" "$scratch/bad.tflite"
check 'refused: a .cfg without its weights' refused usage "$good.cfg" "$good.weights" "$scratch/bad_out.cfg"
check 'refused: no .cfg' refused 'No such file' "$scratch/none.cfg" "$good.weights" "$scratch/bad.onnx"
check 'refused: no weights' refused 'No such file' "$good.cfg" "$scratch/none" "$scratch/bad.onnx"
check 'refused: text for weights' refused 'not a weights file' "$good.cfg" "$good.cfg" "$scratch/bad.onnx"
check 'refused: weights for a .cfg' refused 'is no text' "$good.weights" "$good.weights" "$scratch/bad.onnx"
check 'refused: no such directory' refused 'cannot be written' "$good.cfg" "$good.weights" "$scratch/no/bad.onnx"
check 'refused: over the network itself' refused 'give the new file another name' "$good.cfg" "$good.weights" \
    "$good.cfg" "$scratch/bad_out.weights"
check 'refused: .sets for other weights' refused 'is for other weights' "$good.cfg" "$good.weights" \
    "$scratch/bad.onnx" "$scratch/crop.sets"
check 'refused: .sets for another temperature' refused 'is for temperature=2, the network has ' "$scratch/fitted.cfg" \
    "$scratch/fitted.weights" "$scratch/bad.onnx" "$scratch/crop.sets"
cp "$scratch/x.data" "$scratch/no.sets"
check 'refused: no .sets' refused 'no file of classifier calibrate' "$good.cfg" "$good.weights" "$scratch/bad.onnx" \
    "$scratch/no.sets"
check 'refused: no labels' refused 'No such file' "$good.cfg" "$good.weights" "$scratch/bad.onnx" "$scratch/none.data"
head -c 19 "$good.weights" >"$scratch/header"
check 'refused: weights cut in the header' refused 'header' "$good.cfg" "$scratch/header" "$scratch/bad.onnx"
head -c 1000 "$good.weights" >"$scratch/cut"
check 'refused: weights cut short' refused 'ends within layer 0 ([convolutional], line 8)' "$good.cfg" "$scratch/cut" \
    "$scratch/bad.onnx"
{ cat "$good.weights" && echo; } >"$scratch/long"
check 'refused: weights with more' refused '1 are left over' "$good.cfg" "$scratch/long" "$scratch/bad.onnx"
{ head -c 40 "$good.weights" && printf '\377\377\377\377' && tail -c +45 "$good.weights"; } >"$scratch/nan"
check 'refused: weights that are not finite' refused 'not finite' "$good.cfg" "$scratch/nan" "$scratch/bad.onnx"

# changed SED WORDS [NETWORK]: the network changed so is refused with the words.
changed() {
    net=${3:-residual}
    sed "$1" "$scratch/$net.cfg" >"$scratch/bad.cfg"
    check "refused: $2" refused "$2" "$scratch/bad.cfg" "$scratch/$net.weights" "$scratch/bad.onnx"
}
changed '2,$d' 'has no layers'
changed 's/\[net\]/[nets]/' 'line 1: [nets] the first section must be [net]'
changed '1d' 'line 1: batch=12: an option before any section'
changed 's/\[dropout\]/[yolo]/' '[yolo] cannot be exported; known are convolutional,'
changed 's/\[dropout\]/[lstm]/' '[lstm] cannot be exported'
changed 's/\[dropout\]/[dropout/' 'must end with ]'
changed 's/pad=1/pad/' 'line 12: pad: must be OPTION=VALUE'
changed 's/size=3/size=many/' 'size=many: out of range; must be a whole number'
changed 's/filters=8/filters=0/' 'filters=0: out of range'
changed 's/filters=8/filters=2147483647/' 'ends within layer 0'
changed '/pad=1/d; s/size=3/size=99/' 'size=99: out of range' crop
changed 's/stride=2/stride=-2/' 'stride=-2: out of range'
changed 's/activation=leaky/activation=mish/' 'activation=mish: is unknown here'
changed 's/from=-2/from=-9/' '-9 is out of range'
by_default() { # what is not given may be out of range too
    PYTHONPATH=tools python3 -B -c 'from export_cfg import Section
Section("x.cfg", 9, "smooth_topk").wholes("k", "5", 1, 3)' >"$scratch/said" 2>&1
    grep -q 'Refused: x.cfg, line 9: \[smooth_topk\] k=5: out of range; must be whole numbers between commas, 1 to 3' \
        "$scratch/said"
}
check 'refused: a k by default that is out of range' by_default
changed 's/layers=-1,1/layers=-1,99/' '99 is out of range'
changed 's/k=1,5/k=1,6/' 'k=1,6: out of range; must be whole numbers between commas, 1 to 5'
changed 's/tau=0.5,1/tau=1,2,3/' 'as many numbers as k'
changed 's/k=1,5/&\ntemperature=0/' 'temperature=0: out of range'
changed 's/^width=.*/width=0/' 'needs height, width and channels'
changed 's/filters=8/dontload=1/' 'dontload=1: not all its numbers'
changed 's/groups=4/groups=5/' 'groups=5: must divide' strides
changed 's/crop_width=14/crop_width=34/' 'crop_width=34: out of range' crop
changed 's/stride=2/stride=5/' 'stride=5: must divide' local

# folded SED WORDS [NETWORK]: the pair of a network changed so is refused with the words, and ONNX is named.
as_pair() {
    refused "$1" "$scratch/bad.cfg" "$2" "$scratch/bad_out.cfg" "$scratch/bad_out.weights" &&
        grep -i 'export to ONNX' "$scratch/said"
}
folded() {
    net=${3:-residual}
    sed "$1" "$scratch/$net.cfg" >"$scratch/bad.cfg"
    check "no pair: $2" as_pair "$2" "$scratch/$net.weights"
}
folded 's/^output=6/&\nactivation=logistic/' '([connected], line 39) has activation=logistic'
folded 's/^\[avgpool\]/[shortcut]\nfrom=0\n&/' 'has no weights' crop
folded 's/^\[avgpool\]/&\n[route]\nlayers=1\n[route]\nlayers=3/' 'is read by others' crop
folded 's/crop_width=14/crop_width=12/' 'crop_width=12 and crop_height=10: must cut as many' crop
finish
