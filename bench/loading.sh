#!/bin/sh
# Times the loading of training images, ours beside torchvision's on the same files (PYTHON=, which needs torch and
# torchvision). Runs take turns; medians.
#
# usage: bench/loading.sh            from the root of the repository; numbers to build/bench/loading.csv, table to
#   loading.md, plot to loading.svg there
#   ROUNDS=5    THREADS="1 2"    OTHER=PROGRAM: the build/bench/loading of another commit, to compare with
set -eu
: "${ROUNDS:=5}" "${THREADS:=1 2}" "${PYTHON:=}" "${OTHER:=}"
out=build/bench
photographs=$out/photographs
if ! [ -e $photographs/done ]; then
    mkdir -p $photographs
    $out/loading make $photographs
    touch $photographs/done
fi
echo 'images,which,threads,cpu,wall,reading,view,colors' >$out/loading.csv
round=1
while [ $round -le "$ROUNDS" ]; do
    for threads in $THREADS; do
        for images in 32x32:32:3200 500x375:224:120 2000x1500:224:24 4000x3000:224:12; do
            size=${images%%:*} count=${images##*:}
            pixels=${images#*:} pixels=${pixels%:*}
            printf '\r%-60s' "$size, $threads thread(s), round $round of $ROUNDS" >&2
            set -- "$pixels" "$threads" "$count" "$photographs/$size"-*
            $out/loading "$@" | tr ' ' , | sed "s/^/$size,ours,$threads,/" >>$out/loading.csv
            [ -z "$OTHER" ] || "$OTHER" "$@" | cut -d ' ' -f 1,2 | tr ' ' , |
                sed "s/^/$size,other,$threads,/; s/$/,,,/" >>$out/loading.csv
            [ -z "$PYTHON" ] || $PYTHON bench/loading.py "$@" | while read -r which cpu wall; do
                echo "$size,$which,$threads,$cpu,$wall,,,"
            done >>$out/loading.csv
        done
    done
    round=$((round + 1))
done
printf '\r%-60s\r' '' >&2
awk -f bench/median.awk -f bench/loading.awk $out/loading.csv | tee $out/loading.md
[ -z "$PYTHON" ] || ! command -v gnuplot >/dev/null || gnuplot -e "output_file='$out/loading.svg'" bench/loading.gp
