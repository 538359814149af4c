#!/bin/sh
# The binary from the shell: train, save, resume, valid, predict, with the layer where softmax was.
. tests/tap.sh
images 4
network "$scratch/net.cfg" '[smooth_topk]
k=2' 20

train() { # CFG [WEIGHTS] [ARGUMENTS]
    "$darknet" classifier train "$scratch/x.data" "$@" >"$scratch/train.log" 2>&1 ||
        { cat "$scratch/train.log"; return 1; }
}
check 'train 20 batches and save' train "$scratch/net.cfg" -seed 7
weights=$scratch/backup/net.weights
check 'the weights are there' test -s "$weights"
check '20 lines of progress with a finite loss' sh -c \
    "[ \$(grep -c 'avg, ' '$scratch/train.log') = 20 ] && ! grep -i 'nan\|inf ' '$scratch/train.log'"

cp "$weights" "$scratch/first.weights"
again() {
    rm -f "$weights"
    train "$scratch/net.cfg" -seed "$1" && cmp "$weights" "$scratch/first.weights"
}
check 'the same seed gives the same weights, bit for bit' again 7
differs() {
    ! again 8 && [ -s "$weights" ]
}
check 'another seed gives others' differs
bad_seed() {
    "$darknet" classifier train "$scratch/x.data" "$scratch/net.cfg" -seed "$1" >"$scratch/said" 2>&1
    [ $? -eq 1 ] && grep -qF -- "-seed $1: must be a whole number" "$scratch/said"
}
check '-seed seven is refused' bad_seed seven
check '-seed -1 is refused' bad_seed -1
check '-seed 1e3 is refused' bad_seed 1e3

sed 's/^max_batches=.*/max_batches=25/' "$scratch/net.cfg" >"$scratch/resumed.cfg"
check 'resume for 5 batches' train "$scratch/resumed.cfg" "$scratch/first.weights" -seed 7
check 'the resumed run begins at batch 21' sh -c "grep 'avg, ' '$scratch/train.log' | head -n 1 | grep -q '^21,'"
check 'the resumed run does 5 batches' sh -c "[ \$(grep -c 'avg, ' '$scratch/train.log') = 5 ]"

# Long enough to learn six still images by heart.
sed 's/^max_batches=.*/max_batches=1500/' "$scratch/net.cfg" >"$scratch/long.cfg"
check 'train 1500 batches' train "$scratch/long.cfg" -seed 1
valid() {
    "$darknet" classifier valid "$scratch/x.data" "$scratch/long.cfg" \
        "$scratch/backup/long.weights" >"$scratch/valid" 2>/dev/null
    cat "$scratch/valid"
    awk '{ exit !(NR == 1 && $4 > 50 && $7 > 80) }' "$scratch/valid" # chance: 0.17 and 0.33
}
check 'valid: top 1 and top 2 far above chance' valid
predict() {
    echo "$scratch/data/char_66_3.png" |
        "$darknet" classifier predict "$scratch/x.data" "$scratch/long.cfg" "$scratch/backup/long.weights" 2>&1 |
            tee "$scratch/predict"
    [ "$(grep -c '%: char_' "$scratch/predict")" = 2 ] &&
        awk '/%: char_/ { p = $1 + 0; if (p < 0 || p > 100) bad = 1; sum += p }
            END { exit bad || sum > 100.1 || sum < 1 }' "$scratch/predict"
}
check 'predict: the two best classes with probabilities' predict

# Networks of other shapes and of gray images learn as the square one does.
shape() { # WIDTH HEIGHT CHANNELS
    cat >"$scratch/shape.cfg" <<CFG
[net]
batch=12
width=$1
height=$2
channels=$3
flip=0
learning_rate=0.005
policy=poly
power=1
max_batches=600
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[connected]
output=6
activation=linear
[smooth_topk]
k=1
CFG
    train "$scratch/shape.cfg" -seed 1 || return
    for command in valid validcrop; do
        "$darknet" classifier $command "$scratch/x.data" "$scratch/shape.cfg" \
            "$scratch/backup/shape.weights" >"$scratch/valid" 2>&1
        tail -n 1 "$scratch/valid"
    done
    "$darknet" classifier valid "$scratch/x.data" "$scratch/shape.cfg" "$scratch/backup/shape.weights" 2>/dev/null |
        tail -n 1 | awk '{ exit !($4 > 70 && $7 > 90) }' || return
    "$darknet" classifier predict "$scratch/x.data" "$scratch/shape.cfg" "$scratch/backup/shape.weights" \
        "$scratch/data/char_66_3.png" 2>/dev/null |
        grep -q '%: char_'
}
check 'a square network learns' shape 16 16 3
check 'a tall one does' shape 16 32 3
check 'a wide one does' shape 32 16 3
check 'a very tall one does' shape 16 48 3
check 'one for gray images does' shape 16 16 1
check 'a wide one for gray images does' shape 32 16 1

# refused_top COMMAND TOP: top= of the .data file beyond the 6 classes.
refused_top() {
    sed "s/^top=.*/top=$2/" "$scratch/x.data" >"$scratch/top.data"
    "$darknet" classifier "$1" "$scratch/top.data" "$scratch/long.cfg" \
        "$scratch/backup/long.weights" </dev/null >"$scratch/said" 2>&1
    code=$?
    tail -n 3 "$scratch/said"
    [ $code -eq 1 ] && grep -q "top.data: top=$2: must be from 1 to 6" "$scratch/said"
}
for command in predict valid; do
    for top in 7 0 -1; do check "$command: top=$top is refused" refused_top $command $top; done
done
no_network() {
    "$darknet" classifier train "$scratch/x.data" >"$scratch/said" 2>&1
    [ $? -eq 1 ] && grep -q '^usage: darknet classifier train DATA CFG' "$scratch/said"
}
check 'without a network: usage' no_network

sed 's/^\[net\]/[net]\nrandom=1/; s/^max_batches=.*/max_batches=41/; s/^batch=.*/batch=2/' \
    "$scratch/net.cfg" >"$scratch/random.cfg"
check 'random=1' train "$scratch/random.cfg"
check 'random=1 resized twice' sh -c "[ \$(grep -c Resizing '$scratch/train.log') = 2 ]"

deep() { # FILE LARGEST: a gray PNG of 16 bits with numbers up to LARGEST
    python3 -B - "$1" "$2" <<'PY'
import struct, sys, zlib
def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
largest = int(sys.argv[2])
rows = b"".join(b"\0" + struct.pack(">16H", *((largest * (x + y)) // 30 for x in range(16))) for y in range(16))
with open(sys.argv[1], "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 16, 16, 0, 0, 0, 0))
               + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
PY
}
dim_images() {
    for image in 65_dim 66_dim; do deep "$scratch/char_$image.png" 4095; done
    for image in 65_full 66_full; do deep "$scratch/char_$image.png" 65535; done
    for kind in dim full; do
        ls "$scratch"/char_*_$kind.png >"$scratch/$kind.txt"
        sed "s#^valid=.*#valid=$scratch/$kind.txt#" "$scratch/x.data" >"$scratch/$kind.data"
        "$darknet" classifier valid "$scratch/$kind.data" "$scratch/long.cfg" \
            "$scratch/backup/long.weights" >"$scratch/$kind.said" 2>&1 || return 1
    done
    grep nearly "$scratch/dim.said"
    black='_dim.png: nearly black: a PNG of 16 bits, all its numbers are below 4096'
    [ "$(grep -c "$black" "$scratch/dim.said")" = 1 ] && ! grep nearly "$scratch/full.said"
}
check '12 bits in a PNG of 16 are nearly black: said once' dim_images
text_images() { # all six kinds of PNM are read
    echo 'P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 12' >"$scratch/text.ppm"
    printf 'P4 8 2\n\252\125' >"$scratch/bits.pbm"
    for image in text.ppm bits.pbm; do
        "$darknet" classifier predict "$scratch/x.data" "$scratch/long.cfg" "$scratch/backup/long.weights" \
            "$scratch/$image" 2>&1 | grep '%: char_' || return 1
    done
}
check 'PNM as text and bitmaps are read' text_images

missing_classes() { # by paths, and by labels behind a TAB
    head -n 4 "$scratch/train.txt" >"$scratch/one_class.txt"
    sed 's/$/\tchar_65_/; $s/$/,char_67_/' "$scratch/one_class.txt" >"$scratch/tabs.txt"
    for list in one_class tabs train; do
        sed "s#^train=.*#train=$scratch/$list.txt#" "$scratch/x.data" >"$scratch/part.data"
        "$darknet" classifier train "$scratch/part.data" "$scratch/net.cfg" >"$scratch/$list.said" 2>&1 || return 1
        grep 'has no image' "$scratch/$list.said"
    done
    missing='char_66_, char_67_, char_68_, char_69_, char_70_'
    grep -q "one_class.txt has no image of 5 of the 6 classes: $missing; the network cannot learn them" \
        "$scratch/one_class.said" &&
        grep -q "tabs.txt has no image of 4 of the 6 classes: char_66_, char_68_, char_69_, char_70_; the network" \
            "$scratch/tabs.said" &&
        ! grep 'has no image' "$scratch/train.said"
}
check 'classes without an image are named' missing_classes

without_option() { # OPTION DEFAULT COMMAND ARGUMENT...
    grep -v "^$1=" "$scratch/x.data" | grep -v '^names=' >"$scratch/less.data"
    option=$1 default=$2 command=$3
    shift 3
    "$darknet" classifier "$command" "$scratch/less.data" "$scratch/long.cfg" "$@" </dev/null >"$scratch/said" 2>&1
    code=$?
    tail -n 2 "$scratch/said"
    [ $code = 1 ] && grep -q "less.data: $option= is missing, and its default, $default, cannot be read" "$scratch/said"
}
long=$scratch/backup/long.weights
check '.data without labels=: train' without_option labels data/labels.list train
check '.data without train=: train' without_option train data/train.list train
check '.data without valid=: train -topk' without_option valid data/train.list train -topk 1
for command in valid validcrop predict label; do
    check ".data without labels=: $command" without_option labels data/labels.list $command "$long"
done
check '.data without labels=: versus' without_option labels data/labels.list versus "$long" "$scratch/long.cfg" "$long"
check '.data without valid=: valid' without_option valid data/train.list valid "$long"
check '.data without test=: csv' without_option test data/test.list csv "$long"

for flip in 0 1; do sed "s/^\[net\]/[net]\nflip=$flip/" "$scratch/net.cfg" >"$scratch/flip$flip.cfg"; done
check 'flip=1 is as without it' sh -c "
    '$darknet' classifier train '$scratch/x.data' '$scratch/flip1.cfg' -seed 7 &&
        cmp '$scratch/backup/flip1.weights' '$scratch/first.weights'"
check 'flip=0 is not' sh -c "
    '$darknet' classifier train '$scratch/x.data' '$scratch/flip0.cfg' -seed 7 &&
        ! cmp '$scratch/backup/flip0.weights' '$scratch/first.weights'"
bad_flip() {
    sed 's/^\[net\]/[net]\nflip=2/' "$scratch/net.cfg" >"$scratch/flip2.cfg"
    "$darknet" classifier train "$scratch/x.data" "$scratch/flip2.cfg" >"$scratch/said" 2>&1
    [ $? -eq 1 ] && grep -q 'flip2.cfg, line [0-9]*: \[net\] flip=2: out of range; must be 0 or 1' "$scratch/said"
}
check 'flip=2 is refused' bad_flip
finish
