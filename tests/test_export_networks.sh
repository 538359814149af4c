#!/bin/sh
# Every network of cfg/, and classifiers of upstream's, with random weights: exported to ONNX and as a pair they give
# the layer's own probabilities. CFG=: other networks.
. tests/export_set.sh
if ! python_with numpy onnx; then
    skip 'exports of whole networks' 'no python3-onnx, python3-numpy'
    finish
    exit
fi
exporter=$python runtime=
python_with onnxruntime && runtime=$python

# network_with_weights FILE: $scratch/x.cfg, .weights, x.data, and two pictures of its size in $scratch/train.txt.
network_with_weights() {
    sed 's/^batch=.*/batch=1/; s/^subdivisions=.*/subdivisions=1/' "$1" >"$scratch/x.cfg"
    size() { sed -n "s/^$1 *= *//p" "$scratch/x.cfg" | head -n 1; }
    pictures "$(size width)" "$(size height)" "$(size channels)" && sed -i '3,$d' "$scratch/train.txt" &&
        classes=$(PYTHONPATH=tools "$exporter" -B tests/export_random.py "$scratch/x.cfg" "$scratch/x.weights") &&
        seq "$classes" >"$scratch/labels.txt" && sed -i "s/^classes=.*/classes=$classes/" "$scratch/x.data" && own x
}
to_onnx() { "$exporter" tools/export.py "$scratch/x.cfg" "$scratch/x.weights" "$scratch/x.onnx" "$scratch/x.data"; }
in_runtime() { python=$runtime && client onnxruntime "$scratch/x.onnx" && same "$scratch/x.own" "$scratch/client"; }
pair() {
    "$exporter" tools/export.py "$scratch/x.cfg" "$scratch/x.weights" "$scratch/y.cfg" "$scratch/y.weights" && own y &&
        python=$exporter && same "$scratch/x.own" "$scratch/y.own"
}
upstream=build/upstream/cfg
for cfg in ${CFG:-cfg/*_smooth_topk.cfg $upstream/cifar.cfg $upstream/darknet19.cfg $upstream/resnet18.cfg \
    $upstream/resnext50.cfg}; do
    check "$cfg" network_with_weights "$cfg"
    check "$cfg: to ONNX" to_onnx
    if [ "$runtime" ]; then check "$cfg: ONNX Runtime" in_runtime; else skip "$cfg: ONNX Runtime" 'no onnxruntime'; fi
    check "$cfg: as a pair" pair
    rm -f "$scratch"/*.onnx "$scratch"/*.weights
done
finish
