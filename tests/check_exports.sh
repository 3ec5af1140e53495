#!/usr/bin/env bash
# check_exports.sh [--redo] [LIBRARY] - src/libprime.map names the functions and data that include/prime declares, and a
# shared LIBRARY exports just these. One line per difference on stdout; exit 1 if there is one. --redo writes the map.
set -euo pipefail
cd "$(dirname "$0")/.."
redo=0
[ "${1:-}" != --redo ] || { redo=1; shift; }
map=src/libprime.map
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Functions: gcc's own list of declarations. Data: lines that begin with extern.
ls include/prime | sed "s|.*|#include <prime/&>|" >"$tmp/all.c"
${CC:-gcc} -std=c11 -D_DEFAULT_SOURCE -Iinclude -fsyntax-only -aux-info "$tmp/list" "$tmp/all.c"
{
    sed -n 's|^/\* include/prime/.* \*/ extern [^(]*[ *]\([a-z_0-9]*\) (.*|\1|p' "$tmp/list"
    sed -n '/^extern/{s/\[[^]]*\]//g;s/^extern//;y/,;/  /;p}' include/prime/*.h | grep -o '[a-z_0-9]*_[a-z_0-9]*' || true
} | LC_ALL=C sort -u >"$tmp/declared"
if [ $redo = 1 ]; then
    { echo 'PRIME_0 {' && echo 'global:' && sed 's/.*/    &;/' "$tmp/declared" && echo 'local:' && echo '    *;' && echo '};'; } >$map
fi
sed -n 's/^    \([a-z_0-9]*\);$/\1/p' $map >"$tmp/mapped"

# same NAME GOT WANT - what is in one list alone.
same() {
    comm -23 "$2" "$3" | sed "s|^|$1: too much: |"
    comm -13 "$2" "$3" | sed "s|^|$1: missing: |"
}
{
    same $map "$tmp/mapped" "$tmp/declared"
    if [ $# -gt 0 ]; then
        nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort -u >"$tmp/exported"
        same "$1" "$tmp/exported" "$tmp/declared"
    fi
} >"$tmp/out"
cat "$tmp/out"
[ ! -s "$tmp/out" ]
