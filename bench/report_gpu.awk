# Makes the text table of the GPU's benchmark from its CSV: microseconds a batch, forward and backward, and as a
# multiple of a copy of the same bytes; PyTorch's cross_entropy, with and without Python's own time, and the authors'
# code beside.
BEGIN { FS = "," }
$1 + 0 > 0 {
    row = $1 SUBSEP $2
    if (!(row in seen)) { seen[row] = 1; rows[++count] = row }
    if ($4 == "copy") { if (!((row, "copy") in time)) time[row, "copy"] = $5; next }
    if ($4 ~ /^cross_entropy/) $3 = ""
    time[row, $4 " " $3] = $5
}
function cell(name, value) {
    value = time[row, name]
    if (!value) return "-"
    return sprintf("%.2f (%.1f)", value, time[row, "copy"] > 0 ? value / time[row, "copy"] : 0)
}
END {
    names = split("pivot 1|pivot 5|pivot 20|pivot 100|1+5 5|layer 5|log 5|" \
                  "cross_entropy |cross_entropy graph |authors 5", name, "|")
    printf "%7s %5s %8s", "classes", "batch", "copy"
    for (j = 1; j <= names; j++) printf " | %20s", name[j]
    print "   (us, in brackets x a copy)"
    for (i = 1; i <= count; i++) {
        row = rows[i]; split(row, part, SUBSEP)
        printf "%7d %5d %8.2f", part[1], part[2], time[row, "copy"]
        for (j = 1; j <= names; j++) printf " | %20s", cell(name[j])
        print ""
    }
}
