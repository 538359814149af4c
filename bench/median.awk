# The median of of[at, 1 .. count[at]]; for the tables of step.awk and ranks.awk.
function median(of, at,    i, j, t, n, v) {
    n = count[at]
    for (i = 1; i <= n; i++) v[i] = of[at, i]
    for (i = 2; i <= n; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
