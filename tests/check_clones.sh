#!/usr/bin/env bash
# check_clones.sh [PROGRAM] - what functions for later processors (PRIME_CLONES) call of the program's own is compiled for
# them, too: a helper that the compiler left outside would be code for the oldest one. One line per call; exit 1 if there
# is one, 77 where nothing can be said. Without PROGRAM, the one of $PRIME_BUILD.
set -euo pipefail
program=${1:-${PRIME_BUILD:-$(dirname "$0")/../build}/src/cli/prime}
# A tile of the merge is made by products and by such functions, and only counts between them; the C library's tanh
# knows the processor itself.
known='dense_tile dense_tile_size softcap_apply'
command -v objdump >/dev/null || { echo "no objdump (package binutils)"; exit 77; }
code=$(objdump -d --no-show-raw-insn "$program")
grep -q '\.arch_x86_64_v4>:$' <<<"$code" || { echo "$program has no functions for several processors"; exit 77; }
out=$(awk -v known="$known" '
    BEGIN { n = split(known, k, " "); for (i = 1; i <= n; i++) fine["<" k[i] ">"] = 1 }
    /^[0-9a-f]+ <.*>:$/ { inside = $2; sub(/:$/, "", inside); next }
    inside ~ /arch_x86_64_v[34]/ && /\tcall/ && $NF ~ /^<[a-z_0-9.]*>$/ && $NF !~ /arch_x86_64_v/ && !($NF in fine) {
        print inside " calls " $NF ", compiled for the oldest processor: PRIME_WITHIN makes it a part"
    }' <<<"$code" | sort -u)
[ -z "$out" ] || { echo "$out"; exit 1; }
