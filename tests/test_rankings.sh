#!/bin/sh
# precision@k, recall@k, mean average precision, label ranking average precision and ranking loss are scikit-learn's.
. tests/tap.sh
python=${PYTHON:-python3}
built() { # as Darknet is compiled
    "${CC:-gcc}" -Ofast -Wall -Wextra -shared -fPIC -Isrc/base -Isrc/metrics src/metrics/rankings.c src/base/allocate.c -o "$scratch/rankings.so"
}
check "rankings.c needs memory alone" built
if "$python" -c 'import sklearn' 2>/dev/null; then
    check "its figures are scikit-learn's, with ties, without labels, with all" "$python" -B tests/rankings.py "$scratch/rankings.so"
else
    skip "figures as scikit-learn's" "$python has no scikit-learn; install it with: apt-get install python3-sklearn, or name one with PYTHON="
fi
finish
