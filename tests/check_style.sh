#!/usr/bin/env bash
# check_style.sh [ROOT] - sizes and names: no source over 600 lines, no function over 100, no function name
# twice in the tree (static ones too; main and libFuzzer's entry are needed in several programs).
# One line per violation on stdout; exit 1 if there is one.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"
find src include tests -name '*.[ch]' | LC_ALL=C sort | xargs awk -f "$here/strip.awk" | awk '
    function complain(at, what) { print at ": " what; bad = 1 }
    # A definition starts in the first column and its brace stands alone in the first column.
    function define(    name) {
        name = head
        sub(/[ ]*\(.*$/, "", name)
        sub(/^.*[^A-Za-z0-9_]/, "", name)
        if (name ~ /^[A-Z]/ || name == "") return
        if (name in seen) complain(at, "function " name " is also in " seen[name])
        else if (name != "main" && name != "LLVMFuzzerTestOneInput") seen[name] = at
        current = name
    }
    {
        split($0, part, ":")
        where = part[1] ":" part[2]
        text = substr($0, length(where) + 2)
        if (part[2] + 0 == 601) complain(where, "over 600 lines")
        if (part[1] != file) { file = part[1]; head = ""; current = "" }
    }
    text ~ /^[A-Za-z_]/ { head = text; at = where; next }
    text ~ /^[ \t]+/ && head != "" { head = head text }
    text ~ /^\{/ { if (head ~ /\(/) define(); start = part[2]; head = "" }
    text ~ /^\}/ {
        if (current != "" && part[2] - start + 1 > 100) complain(where, "function " current " is over 100 lines")
        current = ""
        head = ""
    }
    END { exit bad }'
