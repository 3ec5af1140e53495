#!/usr/bin/env bash
# run.sh BUILD SECONDS [TARGET...] - fuzz each target for so long, at low priority, one at a time, and print a row of the
# table in README.md: executions, executions a second, edges reached, inputs kept. New inputs and whatever a target was
# unhappy about stay in BUILD/fuzz/TARGET. Exits 1 when a target was unhappy.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build with fuzzers}" && pwd)
seconds=${2:?seconds for each target}
shift 2
[ $# -gt 0 ] || set -- $(cd "$here" && ls fuzz_*.c | sed 's/^fuzz_//; s/\.c$//')
bad=0
echo "| target | executions | a second | edges | inputs | found |"
echo "|---|---|---|---|---|---|"
for name in "$@"; do
    new=$build/fuzz/$name
    mkdir -p "$new/inputs"
    folders=("$new/inputs" "$here/corpus/$name")
    case $name in
    js_pull) folders+=("$here/corpus/js") ;;
    st) folders+=("$here/../../fixtures/malformed/safetensors") ;;
    tok) folders+=("$here/../../fixtures/malformed/tokenizer" "$here/../../fixtures/tok/tiny") ;;
    esac
    nice -n 15 "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=16384 \
        -print_final_stats=1 -artifact_prefix="$new/" "${folders[@]}" >"$new/log" 2>&1 || bad=1
    awk -v name="$name" '
        /stat::number_of_executed_units/ { n = $2 }
        /stat::average_exec_per_sec/ { rate = $2 }
        match($0, /cov: [0-9]+/) { cov = substr($0, RSTART + 5, RLENGTH - 5) }
        match($0, /corp: [0-9]+/) { corp = substr($0, RSTART + 6, RLENGTH - 6) }
        /ERROR: |deadly signal|runtime error/ { found++ }
        END { print "| " name " | " n + 0 " | " rate + 0 " | " cov + 0 " | " corp + 0 " | " (found ? "yes" : "no") " |" }' "$new/log"
done
exit $bad
