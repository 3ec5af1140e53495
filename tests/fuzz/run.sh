#!/usr/bin/env bash
# run.sh BUILD [-FLAG=VALUE...] [TARGET...] - let libFuzzer make new inputs for each target, one at a time at low
# priority, and add what was done to TOTALS.csv; flags are libFuzzer's, -runs=N or -max_total_time=SECONDS among them
# (60 seconds unless said). New inputs and whatever a target was unhappy about stay in BUILD/fuzz/TARGET, or in
# $FUZZ_KEEP/TARGET, so that builds can share them. Exits 1 when a target was unhappy.
# run.sh table - print the table of README.md from TOTALS.csv.
#
# TOTALS.csv has one row for a target under each set of sanitizers: executions and seconds (of processor time) of all
# runs added up, edges and inputs of the last. A run's sanitizers are read from its program: `asan` is AddressSanitizer
# with UndefinedBehaviorSanitizer, `trap` the latter alone, ending the process at the first wrong step.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
totals=$here/TOTALS.csv

# Rows of a target become one line; edges are those of asan, since the checks of a sanitizer are edges too.
fuzz_table() {
    echo "| target | executions | of them under ASan | a second | edges | inputs |"
    echo "|---|---|---|---|---|---|"
    awk -F, 'NR > 1 {
        if (!($1 in n)) order[++k] = $1
        n[$1] += $3; s[$1] += $4
        if ($2 == "asan") { asan[$1] = $3; edges[$1] = $5 } else if (!($1 in edges)) edges[$1] = $5
        if ($6 > inputs[$1]) inputs[$1] = $6
    } END {
        for (i = 1; i <= k; i++) {
            t = order[i]
            printf "| %s | %d | %d | %.0f | %d | %d |\n", t, n[t], asan[t], n[t] / (s[t] > 0 ? s[t] : 1), edges[t], inputs[t]
        }
    }' "$totals"
}

# fuzz_add TARGET SANITIZERS EXECUTIONS SECONDS EDGES INPUTS
fuzz_add() {
    (
        flock 9
        [ -s "$totals" ] || echo "target,sanitizers,executions,seconds,edges,inputs" >"$totals"
        row=$(IFS=,; echo "$*")
        awk -F, -v OFS=, -v row="$row" '
            BEGIN { split(row, x, ",") }
            $1 == x[1] && $2 == x[2] { $3 += x[3]; $4 = sprintf("%.1f", $4 + x[4]); $5 = x[5]; $6 = x[6]; seen = 1 }
            { print }
            END { if (!seen) print row }' "$totals" >"$totals.new"
        { head -1 "$totals.new"; tail -n +2 "$totals.new" | LC_ALL=C sort; } >"$totals"
        rm -f "$totals.new"
    ) 9>>"$totals"
}

[ "${1:-}" = table ] && { fuzz_table; exit; }
build=$(cd "${1:?the build with fuzzers, or table}" && pwd)
shift
flags=(-max_total_time=60)
case " $*" in *" -runs="*) flags=() ;; esac
while [ $# -gt 0 ] && [[ $1 == -* ]]; do flags+=("$1"); shift; done
[ $# -gt 0 ] || set -- $(cd "$here" && ls -d corpus/*/ | xargs -n 1 basename)
TIMEFORMAT='%U %S'
bad=0
for name in "$@"; do
    exe=$build/tests/fuzz/fuzz_$name new=${FUZZ_KEEP:-$build/fuzz}/$name
    mkdir -p "$new/inputs"
    log=$(mktemp "$new/log.XXXXXX") dict=$here/dict/$name.dict
    folders=("$new/inputs" "$here/corpus/$name")
    case $name in
    ledger_unpack) folders+=("$here/corpus/ledger") ;;
    js_pull) folders+=("$here/corpus/js") dict=$here/dict/js.dict ;;
    st) folders+=("$here/../../fixtures/malformed/safetensors") ;;
    tok) folders+=("$here/../../fixtures/malformed/tokenizer" "$here/../../fixtures/tok/tiny" "$here/../../fixtures/tok/pieces") ;;
    esac
    known=()
    [ -f "$dict" ] && known=(-dict="$dict")
    spent=$({ time nice -n 15 "$exe" -timeout=20 -rss_limit_mb=2048 -max_len=16384 -detect_leaks=0 -print_final_stats=1 \
        -artifact_prefix="$new/" "${known[@]}" "${flags[@]}" "${folders[@]}" >"$log" 2>&1; } 2>&1)
    status=$?
    [ $status = 0 ] || [ $status = 72 ] || bad=1 # 72: interrupted, which is no finding
    kind=trap
    grep -q __asan_init "$exe" && kind=asan
    fuzz_add "$name" "$kind" $(awk -v spent="$spent" '
        /stat::number_of_executed_units/ { n = $2 }
        match($0, /cov: [0-9]+/) { cov = substr($0, RSTART + 5, RLENGTH - 5) }
        match($0, /corp: [0-9]+/) { corp = substr($0, RSTART + 6, RLENGTH - 6) }
        END { split(spent, t, " "); print n + 0, t[1] + t[2], cov + 0, corp + 0 }' "$log")
    if grep -qE 'ERROR: |deadly signal|runtime error' "$log"; then
        echo "$name: unhappy, see $log" >&2
        bad=1
    else
        rm -f "$log"
    fi
done
fuzz_table
exit $bad
