# The table of bench/ranks.sh: medians of build/bench/ranks.csv.
BEGIN { FS = "," }
NR > 1 {
    if (!($1 in seen)) { seen[$1] = 1; network[++networks] = $1 }
    at = $1 SUBSEP $2 SUBSEP $3
    n = ++count[at]
    time[at, n] = $4
    if ($3 == "step") { waited[at, n] = $5; images[$1] = $6 } else bytes[$1] = $5
}
END {
    print "| network | batch | variant | images/s | x 1 process | waiting for sums | part of the step " \
          "| MB summed | the sum alone |"
    print "|---|---|---|---|---|---|---|---|---|"
    split("1 process;2 threads;2 ranks", variant, ";")
    for (i = 1; i <= networks; i++) for (k = 1; k <= 3; k++) {
        name = network[i]; at = name SUBSEP variant[k] SUBSEP "step"
        if (!count[at]) continue
        step = median(time, at); one = median(time, name SUBSEP variant[1] SUBSEP "step")
        printf "| %s | %d | %s | %.0f | %.2f |", name, images[name], variant[k], 1000 * images[name] / step, one / step
        if (k < 3) { print " - | - | - | - |"; continue }
        wait = median(waited, at)
        printf " %.2f ms | %.1f %% | %.2f | %.2f ms |\n", wait, 100 * wait / step, bytes[name] / 1e6,
            median(time, name SUBSEP variant[k] SUBSEP "sum")
    }
}
