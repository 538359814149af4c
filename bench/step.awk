# The table of bench/step.sh: medians of build/bench/steps.csv; CPU times at one thread for bench/step.gp, relative to
# PyTorch's, in build/bench/step_plot.csv.
BEGIN { FS = ","; }
NR > 1 {
    at = $1 SUBSEP $3 SUBSEP $4
    if (!(($1, $2) in seen)) { seen[$1, $2] = 1; network[++networks] = $1; batch[$1] = $2 }
    n = ++count[at]
    cpu[at, n] = $5
    wall[at, n] = $6
    if ($7 > memory[at]) memory[at] = $7
}
END {
    print "| network (batch) | threads | which | CPU ms a step | wall ms | x PyTorch (CPU, wall) " \
          "| x faster than upstream (CPU) | peak MB |"
    print "|---|---|---|---|---|---|---|---|"
    split("upstream neither ours ours_avx2 pytorch", variants, " ")
    label["upstream"] = "upstream"; label["neither"] = "BLAS=0 WINOGRAD=0"; label["ours"] = "**ours**"
    label["ours_avx2"] = "ours, AVX2 only"; label["pytorch"] = "PyTorch"
    for (i = 1; i <= networks; i++) for (threads = 1; threads <= 64; threads++) for (k = 1; k <= 5; k++) {
        at = network[i] SUBSEP variants[k] SUBSEP threads
        if (!count[at]) continue
        c = median(cpu, at); w = median(wall, at)
        peer = network[i] SUBSEP "pytorch" SUBSEP threads; up = network[i] SUBSEP "upstream" SUBSEP 1
        printf "| %s (%d) | %d | %s | %.1f | %.1f | %s | %s | %d |\n", network[i], batch[network[i]], threads, \
            label[variants[k]], c, w, \
            (count[peer] ? sprintf("%.2f, %.2f", c / median(cpu, peer), w / median(wall, peer)) : "-"), \
            (count[up] ? sprintf("%.1f", median(cpu, up) / c) : "-"), memory[at]
    }
    print ""
    split("ours pytorch", peers, " ")
    for (i = 1; i <= networks; i++) for (k = 1; k <= 2; k++) {
        one = network[i] SUBSEP peers[k] "_beside" SUBSEP 1; two = network[i] SUBSEP peers[k] "_beside" SUBSEP 2
        if (count[two])
            printf "%s: beside two busy processes, two threads of %s take %.2f times the CPU time of one.\n", \
                network[i], peers[k], \
                median(cpu, two) / median(cpu, one)
    }
    for (i = 1; i <= networks; i++) {
        line = network[i]
        for (k = 1; k <= 5; k++) {
            at = network[i] SUBSEP variants[k] SUBSEP 1; peer = network[i] SUBSEP "pytorch" SUBSEP 1
            line = line "," (count[at] && count[peer] ? median(cpu, at) / median(cpu, peer) : "")
        }
        print line >"build/bench/step_plot.csv"
    }
}
