# The table of bench/loading.sh: medians of build/bench/loading.csv; CPU times at one thread for bench/loading.gp,
# relative to torchvision's with tensors, in build/bench/loading_plot.csv.
BEGIN { FS = "," }
NR > 1 {
    at = $1 SUBSEP $2 SUBSEP $3
    if (!($1 in seen)) { seen[$1] = 1; size[++sizes] = $1 }
    n = ++count[at]
    cpu[at, n] = $4
    wall[at, n] = $5
    reading[at, n] = $6
    view[at, n] = $7
    colors[at, n] = $8
}
END {
    printf "| image | threads | variant | CPU ms an image | images a second | x torchvision, PIL and tensors (CPU) |"
    print " parts: reading, view, colors |"
    print "|---|---|---|---|---|---|---|"
    split("ours other pil tensors", which, " ")
    label["ours"] = "**ours**"; label["other"] = "the other commit"; label["pil"] = "torchvision, PIL"
    label["tensors"] = "torchvision, tensors"
    for (i = 1; i <= sizes; i++) for (threads = 1; threads <= 64; threads++) for (k = 1; k <= 4; k++) {
        at = size[i] SUBSEP which[k] SUBSEP threads
        if (!count[at]) continue
        c = median(cpu, at)
        pil = size[i] SUBSEP "pil" SUBSEP threads; tensors = size[i] SUBSEP "tensors" SUBSEP threads
        r = median(reading, at); v = median(view, at); d = median(colors, at); sum = (r + v + d) / 100
        printf "| %s %s | %d | %s | %.3f | %.0f | %s | %s |\n", (size[i] == "32x32" ? "PNG" : "JPEG"), size[i], \
            threads, \
            label[which[k]], c, 1000 / median(wall, at), \
            (count[pil] ? sprintf("%.2f, %.2f", c / median(cpu, pil), c / median(cpu, tensors)) : "-"), \
            (k == 1 ? sprintf("%.0f %%, %.0f %%, %.0f %%", r / sum, v / sum, d / sum) : "")
        if (threads == 1) time[i, k] = c
    }
    for (i = 1; i <= sizes; i++)
        if (time[i, 4])
            print size[i] "," time[i, 1] / time[i, 4] "," time[i, 3] / time[i, 4] "," 1 >"build/bench/loading_plot.csv"
}
