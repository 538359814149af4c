#!/bin/sh
# The package for PyTorch: sdist and wheel are built from a checkout, and its own tests (python/tests) pass with them.
# PYTHON=... names another Python than python3.
. tests/tap.sh
has() { "$python" -c "import $1" 2>/dev/null; }
python_with torch pytest pip || {
    skip 'the package for PyTorch' 'no python has torch, pytest and pip'
    finish
    exit
}
mkdir "$scratch/checkout" && cp -R python src "$scratch/checkout"
source=$scratch/checkout/python isolation=
sdist() (
    cd "$source" && "$python" \
        -c "import sys; sys.path.insert(0, 'build_backend'); import backend; backend.build_sdist('$scratch')" &&
        ls "$scratch"/smooth_topk-*.tar.gz
)
if has scikit_build_core; then
    isolation=--no-build-isolation
    check 'an sdist is made of a checkout' sdist
    source=$(echo "$scratch"/smooth_topk-*.tar.gz)
else
    skip 'an sdist is made of a checkout' "$python has no scikit_build_core"
fi
install_package() {
    "$python" -m pip install --no-deps $isolation --config-settings cmake.define.CUDA=OFF --target "$scratch/site" \
        "$source" 2>&1
}
if ! install_package >"$scratch/pip" &&
    grep -q 'No matching distribution found for scikit-build-core' "$scratch/pip"; then
    skip 'the package is built' "$python has no scikit_build_core, and pip reaches no index that has it"
    finish
    exit
fi
check 'the package is built' sh -c "cat '$scratch/pip'; ls '$scratch'/site/smooth_topk/_core*.so"
own_tests() { PYTHONPATH=$scratch/site "$python" -m pytest -q -p no:cacheprovider python/tests; }
check 'its tests pass' own_tests
finish
