#!/bin/sh
# precision@k, recall@k, mean average precision and the figures of rankings are scikit-learn's.
. tests/tap.sh
built() { # as Darknet is compiled
    "${CC:-gcc}" -Ofast -Wall -Wextra -shared -fPIC -Isrc/base -Isrc/metrics src/metrics/rankings.c src/base/*.c \
        -o "$scratch/rankings.so"
}
check "rankings.c needs src/base/ alone" built
if python_with sklearn; then
    check "its figures are scikit-learn's, with ties, without labels, with all" \
        "$python" -B tests/rankings.py "$scratch/rankings.so"
else
    skip "figures as scikit-learn's" \
        "no python has scikit-learn: apt-get install python3-sklearn, or name one that has it with PYTHON="
fi
finish
