#!/usr/bin/env bash
# report.sh PRIME MAKE_LEDGER [FORMAT...] - what,value,unit,note: a report of about 10,000 cells (wanted: at most 2 s and 200 MB). The ledger
# is made in memory, since each cell waits for the disk. Memory needs GNU time (Debian: time); without it that row is left out.
set -euo pipefail
prime=${1:?path of prime} make_ledger=${2:?path of make_ledger}
shift 2
[ $# -gt 0 ] || set -- csv,table json html md,junit,sarif
tmp=$(mktemp -d -p /dev/shm)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/run" && "$make_ledger" "$tmp/run/ledger.db" 2 50 100
echo what,value,unit,note
for format in "$@"; do
    name=report_10k_${format//,/_}
    from=$(date +%s.%N)
    "$prime" report "$tmp/run" -f "$format" -o "$tmp/out" >/dev/null
    echo "$name,$(awk -v a="$from" -v b="$(date +%s.%N)" 'BEGIN { printf "%.2f", b - a }'),s,10202 cells of 70 scores"
    [ -x /usr/bin/time ] || continue
    /usr/bin/time -f "${name}_memory,%M,kB,resident at most" "$prime" report "$tmp/run" -f "$format" -o "$tmp/out" 2>&1 >/dev/null
done
