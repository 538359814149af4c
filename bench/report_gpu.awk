# Makes the text table of the GPU's benchmark from its CSV: microseconds a batch, forward and backward, as a
# multiple of a copy of the same bytes, and how many times as long softmax and the peer take as pivot.
BEGIN { FS = "," }
$1 + 0 > 0 {
    key = $1 SUBSEP $2 SUBSEP $3
    if (!(key in seen)) { seen[key] = 1; order[++rows] = key }
    time[key, $4] = $5
}
function times_pivot(what) {
    return time[key, what] > 0 ? sprintf("%.1f x", time[key, what] / time[key, "pivot"]) : ""
}
END {
    printf "%8s %6s %4s | %9s | %9s %8s | %10s | %9s | %9s %9s | %10s %9s\n", "classes", "batch", "k", "copy, us", "pivot, us", "to copy",
        "log, us", "layer, us", "softmax", "to pivot", "authors'", "to pivot"
    for (i = 1; i <= rows; i++) {
        key = order[i]; split(key, part, SUBSEP)
        printf "%8d %6d %4d | %9.2f | %9.2f %8.2f | %10.1f | %9.2f | %9.2f %9s | %10s %9s\n", part[1], part[2], part[3], time[key, "copy"],
            time[key, "pivot"], time[key, "pivot"] / time[key, "copy"], time[key, "log"], time[key, "layer"], time[key, "softmax"],
            times_pivot("softmax"), time[key, "peer"], times_pivot("peer")
    }
}
