#!/bin/sh
# make chart: pictures and lines of logs, what is refused.
. tests/tap.sh
head='batch,epoch,loss,rate,top1,top5,seconds'
printf '%s\n100,1,2.5,0.1,0.1,0.4,60\n200,2,1.5,0.1,0.3,0.8,1023\n300,3,0.5,0.1,0.25,0.7,1500\n400,4,0.' \
    "$head" >"$scratch/a.csv"
printf '%s\n100,1,3.5,0.1,,,61\n200,2,2.5,0.1,0.2,0.5,122\n' "$head" >"$scratch/b.csv"
chart() { env LOGS="$scratch/a.csv $scratch/b.csv" OUT="$scratch/made/chart" "$@" tools/chart.py; }
pictures() {
    chart >"$scratch/out" || return 1
    cat "$scratch/out"
    grep -q '</svg>' "$scratch/made/chart.svg" &&
        [ "$(grep -c 'validation top-[15]<' "$scratch/made/chart.svg")" -eq 2 ] &&
        grep -q 'batches<' "$scratch/made/chart.svg" &&
        [ "$(head -c 4 "$scratch/made/chart.png" | tail -c 3)" = PNG ]
}
check 'an SVG and a PNG' pictures
lines() {
    grep -q '^a  batch 300 in 25:00  loss 0.5  top-1 25.00  top-5 70.00 (best 80.00 at 200)  ▁█▆$' "$scratch/out" &&
        grep -q '^b  batch 200 in 2:02  loss 2.5  top-1 20.00  top-5 50.00 (best 50.00 at 200)  ▁$' "$scratch/out"
}
check 'a line each in the terminal; a line that is not whole yet is left out' lines
over_time() { chart X=time >/dev/null && grep -q 'seconds of training<' "$scratch/made/chart.svg"; }
check 'over time' over_time
mkdir "$scratch/bin" && ln -s "$(python3 -c 'import sys; print(sys.executable)')" "$scratch/bin/python3"
without_gnuplot() {
    rm -r "$scratch/made"
    chart PATH="$scratch/bin:/bin" >"$scratch/out" || return 1
    cat "$scratch/out"
    command -v gnuplot >/dev/null && ! [ -x /bin/gnuplot ] || return 0
    grep -q '^a  batch 300' "$scratch/out" &&
        grep -q 'no picture without gnuplot (apt-get install --no-install-recommends gnuplot-nox)' "$scratch/out"
}
check 'without gnuplot there are the lines' without_gnuplot
refused() {
    text=$1
    shift
    chart "$@" >"$scratch/message" 2>&1
    code=$?
    cat "$scratch/message"
    [ $code -eq 1 ] && grep -qF -- "$text" "$scratch/message" && ! grep -q Traceback "$scratch/message"
}
check 'no LOGS is refused' refused 'LOGS: must name the logs' LOGS=
check 'no such log is refused' refused 'nowhere.csv: cannot be read' LOGS=nowhere.csv
check 'another file is refused' refused 'is no log of classifier train -log' LOGS=README.md
check 'X=5 is refused' refused 'X=5: must be batches, epochs or time' X=5
printf '%s\n' "$head" >"$scratch/empty.csv"
{ printf '%s\n' "$head" && head -n 2 "$scratch/a.csv" | tail -n 1 | sed 's/,[^,]*,/,nan,/'; } >"$scratch/nan.csv"
check 'a number that is none is refused' refused 'nan.csv: line 2 is not of finite numbers' LOGS="$scratch/nan.csv"
spaces() { cp "$scratch/a.csv" "$scratch/a b.csv" && chart LOGS="'$scratch/a b.csv' $scratch/b.csv"; }
check 'a log with a space in its name is named in quotes' spaces
check 'quotes that do not end are refused' refused 'No closing quotation' LOGS="'a"
check 'a log without rows is refused' refused 'holds no validation yet' LOGS="$scratch/empty.csv"
finish
