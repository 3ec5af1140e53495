#!/usr/bin/env bash
# threads.sh [BUILD] - TAP: ThreadSanitizer, in a build of its own, over golden tests whose commands have work for several
# threads, and over unit tests that give the library's own entry points several numbers of threads. (Criterion's runner and
# the sanitizer want the same addresses, so those run without it: tests/alone.) What is run passes only when no report was
# written. racy makes a race on purpose and fails makes tests fail, so that the gate itself is tested.
# Signals reach a program late there, so what is about two of them (sweep_interrupt) is not among the cases.
# PRIME_TSAN_CASES and PRIME_TSAN_UNITS name others: cases of tests/golden, and NAME or NAME:SUITE/TEST, with wildcards.
set -uo pipefail
cd "$(dirname "$0")/.."
build=${1:-build-tsan}
cases=${PRIME_TSAN_CASES:-adapter_train adapter_train_dp adapter_train_dp_users adapter_merge_methods adapter_assemble \
attack_score attack_selftest attack_tokens attack_white attack_whose compare data_import_lamp data_import_odd \
data_import_perpcs data_import_rows model_generate model_logits model_score report_formats report_same_bytes \
sweep_shards threads}
units=${PRIME_TSAN_UNITS:-base crew import formats score:*threads* score:*together* train train_many generate:*draw* \
perpcs merge methods:*controls* search:*drawn_answers_are* search:*another_runs* race:*not_know_its_threads \
shadows:*threads* texts:*every_cell* probes:*people* canary:*digits_have*}
mkdir -p "$build"
build=$(cd "$build" && pwd)
logs=$build/sanitizer-logs
# OpenBLAS's own threads and oneDNN are not built with the sanitizer: one thread, and without oneDNN.
export TSAN_OPTIONS="log_path=$logs/report halt_on_error=0 exitcode=0"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PRIME_SOURCE=$PWD GOLDEN_SECONDS=900
. tests/tap.sh
fresh_logs() { rm -rf "$logs" && mkdir -p "$logs"; }
reports() { find "$logs" -name 'report*'; }

programs=$(for u in $units; do echo "tests/test_${u%%:*}"; done | sort -u)
[ -f "$build/build.ninja" ] || meson setup "$build" -Db_sanitize=thread -Db_lundef=false -Dalone=true -Dnative=true \
    -Donednn=disabled -Dmpi=disabled --buildtype=debugoptimized -Dc_args=-g1 -Dwerror=false >&2
ninja -C "$build" src/cli/prime tests/racy tests/fails tests/make_ledger tests/same_tensors $programs >&2
verdict $? "the build compiles"
[ $failed = 0 ] || { echo "1..$count"; exit 1; }

fresh_logs
"$build/tests/racy" >/dev/null 2>&1
grep -qs 'data race' $(reports) /dev/null
verdict $? "a planted race is reported"
[ "$("$build/tests/fails" 2>/dev/null | grep -c '^not ok')" = 3 ]
verdict $? "planted failures of tests are noticed"

# judged NAME STATUS LOG - two lines: it passes, and no report was written.
judged() {
    verdict "$2" "$1 passes # $((SECONDS - start)) s" "$3"
    [ -z "$(reports)" ]
    verdict $? "$1 has no race" $(reports)
}

for name in $cases; do
    fresh_logs
    start=$SECONDS
    tests/golden/run.sh "$build/src/cli/prime" "$PWD/tests/golden/$name.cmd" >"$build/$name.tap" 2>&1
    grep -q "^ok 1 - $name" "$build/$name.tap"
    judged "$name" $? "$build/$name.tap"
done
set -f # patterns are for the programs
for unit in $units; do
    name=${unit%%:*} pattern=${unit#"$name"}
    fresh_logs
    start=$SECONDS
    (cd "$build" && tests/test_$name ${pattern#:}) >"$build/$name.tap" 2>&1
    judged "test_$name${pattern:+ $pattern}" $? "$build/$name.tap"
done
echo "1..$count"
exit $failed
