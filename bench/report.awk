# Makes the text table of the benchmark from its CSV: nanoseconds a class and the ratio to softmax.
# Rows of the peer, if any, have four fields.
BEGIN { FS = "," }
$3 == "peer" { peer[$1, $2] = $4; has_peer = 1; next }
$1 + 0 > 0 {
    key = $1 SUBSEP $2
    if (!(key in seen)) { seen[key] = 1; order[++rows] = key }
    time[key, $3] = $4; ratio[key, $3] = $5; scratch[key, $3] = $6
}
# Least squares of log(total time) on log(size): the exponent of growth.
function exponent(algorithm, by, fixed, from,   i, part, x, y, n, sx, sy, sxx, sxy) {
    for (i = 1; i <= rows; i++) {
        split(order[i], part, SUBSEP)
        if (part[3 - by] != fixed || part[by] < from) continue
        x = log(part[by]); y = log(time[order[i], algorithm] * part[1])
        n++; sx += x; sy += y; sxx += x * x; sxy += x * y
    }
    return (n * sxy - sx * sy) / (n * sxx - sx * sx)
}
END {
    printf "%8s %5s | %8s | %8s %7s %9s | %8s %7s %9s%s\n", "classes", "k", "softmax", "pivot",
        "ratio", "scratch", "log", "ratio", "scratch",
        has_peer ? " | authors' ratio to pivot" : ""
    printf "%8s %5s | %8s | %8s %7s %9s | %8s %7s %9s\n", "", "", "ns/class", "ns/class", "", "bytes",
        "ns/class", "", "bytes"
    for (i = 1; i <= rows; i++) {
        key = order[i]; split(key, part, SUBSEP)
        printf "%8d %5d | %8.2f | %8.2f %7.2f %9d | %8.1f %7.1f %9d", part[1], part[2], time[key, "softmax"],
            time[key, "pivot"], ratio[key, "pivot"], scratch[key, "pivot"],
            time[key, "log"], ratio[key, "log"], scratch[key, "log"]
        if (key in peer) printf " | %8.1f %7.0f", peer[key], peer[key] / time[key, "pivot"]
        print ""
    }
    printf "growth: time ~ classes^%.2f (pivot, k = 5), classes^%.2f (log, k = 5); ",
        exponent("pivot", 1, 5, 0), exponent("log", 1, 5, 0)
    printf "time ~ k^%.2f (pivot), k^%.2f (log), k = 1 to 100 at 21841 classes\n",
        exponent("pivot", 2, 21841, 0), exponent("log", 2, 21841, 0)
}
