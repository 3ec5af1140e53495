# same.awk - compare two texts word by word: words that are both numbers may differ by 1e-6 of the larger (or by
# 1e-12), all else must be equal. Prints the first difference and exits 1. A word of digits only (an id, a
# count) is compared as it stands; so is a number in a different notation only if the value differs.
function number(w) { return w ~ /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/ }
function integer(w) { return w ~ /^[-+]?[0-9]+$/ }
function size(x) { return x < 0 ? -x : x }
function same(a, b,    scale) {
    if (a == b) return 1
    if (!number(a) || !number(b) || (integer(a) && integer(b))) return 0
    scale = size(a + 0) > size(b + 0) ? size(a + 0) : size(b + 0)
    return size(a - b) <= 1e-6 * scale || size(a - b) <= 1e-12
}
function differ(a, b) { printf "line %d: want %s, got %s\n", FNR, a, b; bad = 1; exit }
FNR == NR { want[FNR] = $0; n = FNR; next }
{
    if (FNR > n) differ("the end", "\"" $0 "\"")
    m = split(want[FNR], a, /[ \t,:;=()]+/)
    k = split($0, b, /[ \t,:;=()]+/)
    if (m != k) differ("\"" want[FNR] "\"", "\"" $0 "\"")
    for (i = 1; i <= m; i++)
        if (!same(a[i], b[i])) differ("\"" a[i] "\"", "\"" b[i] "\"")
    last = FNR
}
END {
    if (!bad && last < n) { printf "line %d: want \"%s\", got the end\n", last + 1, want[last + 1]; bad = 1 }
    exit bad
}
