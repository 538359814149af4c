#!/bin/sh
# docs/use.md: every snippet is run as it is written, on a photograph of 768 x 576, and all of them say the same.
. tests/export_set.sh
here=$scratch/use
mkdir "$here"
ln -s "$PWD"/* "$here"
# block LANGUAGE NUMBER: the page's snippet in this language.
block() {
    awk -v fence="\`\`\`$1" -v number="$2" '$0 == fence { inside = ++n == number; next }
        /^```/ { inside = 0 } inside { print; found = 1 } END { exit !found }' docs/use.md
}
blocks() { [ "$(grep -c '^```[a-z]' docs/use.md)" -eq 9 ]; }
check 'the page has the nine snippets that are tested here' blocks

photograph() {
    PYTHONPATH=tools python3 -B - "$here/photo.png" <<'PYTHON'
import math
import random
import sys
from compare_data import write_png
random.seed(3)
waves = [[(random.uniform(.01, .2), random.uniform(.01, .2)) for _ in range(3)] for _ in range(3)]
write_png(sys.argv[1], 768, 576, [bytes(int(128 + 42 * sum(math.sin(a * x + b * y) for a, b in plane))
                                        for y in range(576) for x in range(768)) for plane in waves])
PYTHON
    cp "$here/photo.png" "$scratch/data/char_65_photo.png"
}
network_of_page() {
    trained x 32 32 'convolutional filters=8 size=3 pad=1 activation=leaky' 'maxpool size=2 stride=2' \
        'convolutional filters=8 size=3 stride=2 pad=1 activation=leaky' 'connected output=6 activation=linear' \
        'smooth_topk k=1,5' && cp "$scratch"/x.* "$scratch/labels.txt" "$here" && photograph
}
check 'a network and a photograph' network_of_page

# agrees FILE: a snippet's five lines, as darknet.py has them.
agrees() {
    cat "$1"
    paste -d ' ' "$1" "$here/reference" | awk -F '[%: ]+' '{ sub(/^ +/, "") } { difference = $1 - $3
        if (NF != 4 || $2 != $4 || difference > 0.011 || difference < -0.011) exit 1 } END { exit NR != 5 }'
}
in_python() { # number
    block python "$1" >"$here/snippet.py" && (cd "$here" && "$python" snippet.py) >"$scratch/answer"
}
darknet_py() {
    in_python 4 && cp "$scratch/answer" "$here/reference" && cat "$here/reference" &&
        [ "$(wc -l <"$here/reference")" -eq 5 ]
}
# The percentages of the first two classes, as `classifier valid` sees the photograph.
as_valid() {
    echo "$scratch/data/char_65_photo.png" >"$scratch/photo.txt"
    sed "s,^valid=.*,valid=$scratch/photo.txt," "$scratch/x.data" >"$scratch/photo.data"
    "$darknet" classifier valid "$scratch/photo.data" "$scratch/x.cfg" "$scratch/x.weights" -verbose |
        awk -F ', ' 'NF > 3 && !/top/ { printf "%.2f char_65_\n%.2f char_66_\n", 100 * $3, 100 * $4 }' >"$scratch/two"
    cat "$scratch/two" "$here/reference"
    awk '{ sub(/%:/, "") } NR == FNR { p[$2] = $1; next } $2 in p { n++; d = $1 - p[$2]; bad += d > .011 || d < -.011 }
        END { exit !n || bad }' "$scratch/two" "$here/reference"
}
python=python3
check 'darknet.py classifies in Python 3' darknet_py
check 'it looks at the pixels of classifier valid' as_valid
elsewhere() { (cd / && PYTHONPATH=$here/build/source/python python3 -c 'import darknet'); }
check 'it finds its library from any directory' elsewhere
bytes_too() {
    cat >"$here/old.py" <<'PYTHON'
import sys
sys.path.append("build/source/python")
import darknet
net = darknet.load_net(b"x.cfg", b"x.weights", 0)
print(darknet.classify(net, darknet.load_meta(b"x.data"), darknet.load_image(b"photo.png", 0, 0))[0])
PYTHON
    (cd "$here" && python3 old.py) | grep char_
}
check 'it takes bytes as well, as in code that was written for upstream' bytes_too
classify_c() {
    block c 1 >"$here/classify.c" && block sh 2 >"$here/build.sh" &&
        (cd "$here" && sh -e build.sh && ./classify) >"$scratch/answer" && agrees "$scratch/answer"
}
check 'the program in C' classify_c
loss_c() {
    make install PREFIX="$scratch/prefix" >/dev/null && block sh 3 >"$here/loss.sh" &&
        (cd "$here" && PKG_CONFIG_PATH=$scratch/prefix/lib/pkgconfig sh -e loss.sh) &&
        LD_LIBRARY_PATH=$scratch/prefix/lib "$here/loss"
}
if command -v pkg-config >/dev/null; then
    check 'the loss alone, in C' loss_c
else
    skip 'the loss alone, in C' 'no pkg-config'
fi

made() {
    block sh 1 >"$here/export.sh" && (cd "$here" && PYTHON=$python sh -e export.sh && ls x.onnx plain.cfg plain.weights)
}
calibrated() {
    mkdir "$scratch/new" && cp "$scratch"/data/*.ppm "$scratch/new" && ls "$scratch"/new/* >"$scratch/calibrate.txt" &&
        echo "calibrate=$scratch/calibrate.txt" >>"$here/x.data" && cp "$here/x.onnx" "$scratch" &&
        block sh 4 >"$here/fitted.sh" && (cd "$here" && PYTHON=$python sh -e fitted.sh) &&
        ! cmp "$here/x.onnx" "$scratch/x.onnx"
}
runs() { in_python "$1" && agrees "$scratch/answer"; }
# with_packages NAME NUMBER PACKAGE...: a snippet in Python, skipped where none has the packages (of this name at PyPI).
with_packages() {
    name_of_test=$1 number=$2
    shift 2
    python_with "$@" || python=
    if [ "$python" ]; then check "$name_of_test" runs "$number"; else skip "$name_of_test" "no python has $*"; fi
}
if python_with numpy onnx; then
    check 'the exports' made
    block python 1 >"$here/pixels.py"
    check 'the temperature of classifier calibrate' calibrated
    check 'and without it' made
    with_packages 'ONNX Runtime' 2 onnxruntime numpy PIL
    with_packages 'OpenCV' 3 cv2 numpy
else
    skip 'the exports, ONNX Runtime, OpenCV' 'no python3-onnx, python3-numpy'
fi
finish
