#!/bin/sh
# A short run of the fuzz targets, the same each time: the seeded corpus and random mutations of it. The
# long one is `make fuzz`.
. tests/tap.sh
export FUZZ_FINDING="$scratch/finding" ASAN_OPTIONS=detect_leaks=0

fuzz() { # TARGET MUTATIONS: a finding is kept in build/fuzz/
    timeout 600 "build/tests/fuzz_$1" "$2" 1 "tests/fuzz/corpus_$1"/* && return
    mkdir -p build/fuzz
    cp "$FUZZ_FINDING" "build/fuzz/finding-$1"
    echo "the input is build/fuzz/finding-$1; again: build/tests/fuzz_$1 0 1 build/fuzz/finding-$1"
    return 1
}
times=${LONG:+5} times=${times:-1} # alone, without LONG=1, a fifth of what make check runs
check "options: $((20000 * times)) mutations of the corpus" fuzz options $((20000 * times))
check "loss: $((5000 * times)) mutations of the corpus" fuzz loss $((5000 * times))
check "weights: $((5000 * times)) mutations of the corpus" fuzz weights $((5000 * times))
check "images: $((2000 * times)) mutations of the corpus" fuzz images $((2000 * times))
finish
